//! The API's description is made from the code, and says what the answers are.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::app::App;

#[tokio::test]
async fn the_description_names_routes_fields_and_how_to_authenticate() {
    let app = App::start().await;
    let document = app.get("/openapi.json").token("").send().await.expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let upload = &document["paths"]["/games/{game}/modules"]["post"];
    let body = &upload["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let name = body.as_str().unwrap().rsplit('/').next().unwrap();
    let schema = &document["components"]["schemas"][name];
    for field in ["Packaging", "Version", "WasmBase64"] {
        assert!(schema["properties"][field].is_object(), "{field}: {schema}");
    }
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    assert!(document["paths"]["/healthz"]["get"]["security"][0].as_object().unwrap().is_empty());
}

/// What an answer holds, its description names.
#[tokio::test]
async fn an_answer_holds_what_its_description_says() {
    let app = App::start().await;
    let (game, id) = app.running_match(&crate::sims::idle()).await;
    crate::egress::put(&app, &game, json!({ "Allow": ["a.test:443"], "Burst": 3 }))
        .await
        .expect(200);
    let document = app.get("/openapi.json").send().await.expect(200);
    for (path, schema) in [
        (format!("/games/{game}"), "GameAnswer"),
        (format!("/games/{game}/modules/1.0.0"), "BuildAnswer"),
        (format!("/games/{game}/egress"), "EgressAnswer"),
        (format!("/matches/{id}"), "MatchAnswer"),
    ] {
        let answer = app.get(&path).send().await.expect(200);
        let described = properties(&document, &document["components"]["schemas"][schema]);
        for member in answer.as_object().unwrap().keys() {
            assert!(described.contains(member), "{schema} does not name {member}");
        }
    }
    let limits = properties(&document, &document["components"]["schemas"]["EgressLimits"]);
    let limits: BTreeSet<_> = limits.into_iter().collect();
    let egress = app.get(&format!("/games/{game}/egress")).send().await.expect(200);
    let told: BTreeSet<_> = egress["Limits"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(limits, told);
}

/// The properties of a schema, those of its parts included.
fn properties(document: &Value, schema: &Value) -> Vec<String> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let own = schema["properties"].as_object().into_iter().flat_map(|own| own.keys().cloned());
    let parts = ["allOf", "oneOf"].into_iter().filter_map(|kind| schema[kind].as_array());
    own.chain(parts.flatten().flat_map(|part| properties(document, part))).collect()
}
