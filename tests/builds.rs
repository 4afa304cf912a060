//! Builds: listed, shown, retired and restored.

use serde_json::json;

use crate::{app::App, sims};

#[tokio::test]
async fn builds_are_listed_highest_version_first_a_page_at_a_time() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    for version in ["1.0.0", "1.10.0", "1.9.0", "2.0.0-beta.1"] {
        app.upload(&game, version, &sims::idle()).await.expect(201);
    }
    let path = format!("/games/{game}/modules");
    let mut versions = Vec::new();
    let mut query = "?Limit=3".to_owned();
    loop {
        let page = app.get(&format!("{path}{query}")).send().await.expect(200);
        let items = page["Items"].as_array().unwrap();
        versions.extend(items.iter().map(|build| build["Version"].as_str().unwrap().to_owned()));
        let Some(next) = page["Next"].as_str() else { break };
        query = format!("?Limit=3&After={next}");
    }
    assert_eq!(versions, ["2.0.0-beta.1", "1.10.0", "1.9.0", "1.0.0"]);
    assert_eq!(app.count("SELECT count(*) FROM blob"), 1, "the same bytes are kept once");
}

#[tokio::test]
async fn a_match_without_a_version_takes_the_highest_that_is_schedulable_and_no_prerelease() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let none = app.post(&format!("/games/{game}/matches"), json!({})).send().await;
    assert!(none.problem(409, "conflict").contains("no schedulable build"));

    for version in ["1.9.0", "1.10.0", "2.0.0-beta.1"] {
        app.upload(&game, version, &sims::idle()).await.expect(201);
    }
    let start = |body| app.post(&format!("/games/{game}/matches"), body).send();
    assert_eq!(start(json!({})).await.expect(201)["Version"], "1.10.0");
    let named = start(json!({ "Version": "2.0.0-beta.1" })).await.expect(201);
    assert_eq!(named["Version"], "2.0.0-beta.1");
    start(json!({ "Version": "3.0.0" })).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_retired_build_starts_no_match_while_its_running_one_goes_on_until_it_is_restored() {
    let app = App::start().await;
    let (game, id) = app.running_match(&sims::idle()).await;
    let build = format!("/games/{game}/modules/1.0.0");
    let retired = app.post(&format!("{build}/retire"), json!({})).send().await.expect(200);
    assert_eq!(retired["Schedulable"], false);
    assert!(retired["RetiredAt"].is_string());
    let start =
        || app.post(&format!("/games/{game}/matches"), json!({ "Version": "1.0.0" })).send();
    assert!(start().await.problem(409, "conflict").contains("retired"));
    let tick = app.until(&id, |found| found["State"] == "running").await["Tick"].as_i64();
    app.until(&id, |found| found["Tick"].as_i64() > tick).await;

    let restored = app.post(&format!("{build}/restore"), json!({})).send().await.expect(200);
    assert_eq!(restored["Schedulable"], true);
    assert!(restored.get("RetiredAt").is_none());
    start().await.expect(201);
    let outcomes =
        "SELECT count(*) FROM audit_row WHERE action IN ('module.retire', 'module.restore')";
    assert_eq!(app.count(outcomes), 2);
}
