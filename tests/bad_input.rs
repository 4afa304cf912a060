//! Every request that does not fit gets a 4xx that names what is wrong, and changes nothing.

use http::Method;
use serde_json::{Value, json};

use crate::{
    app::{Answer, App},
    sims,
};

/// What is sent to a path, and what must come back.
struct Case {
    path: &'static str,
    body: &'static str,
    status: u16,
    kind: &'static str,
    names: &'static str,
}

const fn case(
    path: &'static str,
    body: &'static str,
    status: u16,
    kind: &'static str,
    names: &'static str,
) -> Case {
    Case { path, body, status, kind, names }
}

const MODULES: &str = "/games/{game}/modules";
const MATCHES: &str = "/games/{game}/matches";
const PLAYERS: &str = "/matches/{match}/players";

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("/games", "{}", 400, "bad-body", "missing field `Name`"),
    case("/games", r#"{"Name":7}"#, 400, "bad-body", "`Name`"),
    case("/games", r#"{"Name":""}"#, 400, "bad-value", "`Name`"),
    case("/games", r#"{"Name":"a\u001b[31m"}"#, 400, "bad-value", "`Name`"),
    case("/games", r#"{"Nane":"x"}"#, 400, "unknown-field", "did you mean `Name`?"),
    case("/games", r#"{"name":"x"}"#, 400, "unknown-field", "did you mean `Name`?"),
    case("/games", r#"{"Name":"x","Name":"y"}"#, 400, "bad-body", "duplicate field `Name`"),
    case("/games", r#"{"Name":"x""#, 400, "body-truncated", "ended"),
    case("/games", r#"["x"]"#, 400, "bad-body", "an object"),
    case("/games", r#"{"Name":"x"}{"Name":"y"}"#, 400, "bad-body", "trailing"),
    case("/games", "", 400, "body-truncated", "ended"),

    case(MODULES, r#"{"Packaging":"wasm","Version":"1.0.0","WasmBase64":"AGFzb"}"#, 400, "bad-body", "`WasmBase64`: not base64"),
    case(MODULES, r#"{"Packaging":"wasm","Version":"1.0.0","WasmBase64":"*"}"#, 400, "bad-body", "`WasmBase64`: not base64"),
    case(MODULES, r#"{"Packaging":"wasm","Version":"1.0.0","WasmBase64":5}"#, 400, "bad-body", "`WasmBase64`"),
    case(MODULES, r#"{"Packaging":"wasm","Version":"1.0.0"}"#, 400, "bad-body", "missing field `WasmBase64`"),
    case(MODULES, r#"{"Packaging":"wasm","Version":"one","WasmBase64":""}"#, 400, "bad-value", "`Version`"),
    case(MODULES, r#"{"Packaging":"wasm","Version":"1.0.0+x","WasmBase64":""}"#, 400, "bad-value", "build metadata"),
    case(MODULES, r#"{"Packaging":"elf","Version":"1.0.0","WasmBase64":""}"#, 400, "bad-value", "`wasm` and `native`"),
    case(MODULES, r#"{"Packaging":"native","Version":"1.0.0","WasmBase64":""}"#, 400, "bad-value", "`NativeBase64` does"),
    case(MODULES, r#"{"Packaging":"native","Version":"1.0.0"}"#, 400, "bad-body", "missing field `NativeBase64`"),
    case(MODULES, r#"{"Packaging":"wasm","Version":"1.0.0","WasmBase64":"","NativeBase64":""}"#, 400, "bad-value", "`NativeBase64`: it does not go"),
    case(MODULES, r#"{"Packaging":"native","Version":"1.0.0","NativeBase64":"*"}"#, 400, "bad-body", "`NativeBase64`: not base64"),
    case(MODULES, r#"{"Packaging":"wasm","Version":"1.0.0","Wasm64":""}"#, 400, "unknown-field", "did you mean `WasmBase64`?"),
    case("/games/g_0000000000000000/modules", "{}", 404, "not-found", "game"),
    case("/games/nonsense/modules", "{}", 404, "not-found", "game"),

    case(MATCHES, r#"{"TickHz":0}"#, 400, "bad-value", "`TickHz`"),
    case(MATCHES, r#"{"TickHz":241}"#, 400, "bad-value", "between 1 and 240"),
    case(MATCHES, r#"{"TickHz":"60"}"#, 400, "bad-body", "`TickHz`"),
    case(MATCHES, r#"{"TickHz":59.9}"#, 400, "bad-body", "`TickHz`"),
    case(MATCHES, r#"{"TickRate":60}"#, 400, "unknown-field", "did you mean `TickHz`?"),
    case(MATCHES, r#"{"Seed":9007199254740992}"#, 400, "bad-body", "`Seed`"),
    case(MATCHES, r#"{"Seed":-1}"#, 400, "bad-body", "`Seed`"),
    case(MATCHES, r#"{"Seed":"0x10"}"#, 400, "bad-body", "`Seed`"),
    case(MATCHES, r#"{"Version":"latest"}"#, 400, "bad-value", "`Version`"),
    case(MATCHES, r#"{"ConfigBase64":"?"}"#, 400, "bad-body", "`ConfigBase64`: not base64"),

    case(PLAYERS, r#"{"Name":""}"#, 400, "bad-value", "`Name`"),
    case(PLAYERS, r#"{"Player":1}"#, 400, "unknown-field", "`Player`"),
    case("/matches/m_0000000000000000/players", "{}", 404, "not-found", "match"),

    case("/tokens", r#"{"Subject":"a","Role":"root"}"#, 400, "bad-value", "`super-admin`"),
    case("/tokens", r#"{"Subject":"a b","Role":"viewer"}"#, 400, "bad-value", "`Subject`"),
    case("/tokens", r#"{"Subject":"system","Role":"viewer"}"#, 400, "bad-value", "the platform itself"),
    case("/tokens", r#"{"Subject":"a","Role":"viewer","ExpiresAt":"tomorrow"}"#, 400, "bad-value", "RFC 3339"),
    case("/tokens", r#"{"Subject":"a","Role":"viewer","ExpiresAt":"2001-01-01T00:00:00Z"}"#, 400, "bad-value", "past"),
    case("/tokens", r#"{"Subject":"a","Rule":"viewer"}"#, 400, "unknown-field", "did you mean `Role`?"),
];

#[tokio::test]
async fn a_body_that_does_not_fit_is_refused_by_name_and_nothing_is_written() {
    let app = App::start().await;
    let (game, id) = app.running_match(&sims::idle()).await;
    let before = app.kept();
    for case in CASES {
        let path = case.path.replace("{game}", &game).replace("{match}", &id);
        let asked = app.request(Method::POST, &path).header("content-type", "application/json");
        let detail = asked.body(case.body).send().await.problem(case.status, case.kind);
        assert!(detail.contains(case.names), "{} {}: {detail}", case.path, case.body);
        assert_eq!(app.kept(), before, "{} {}", case.path, case.body);
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let before = app.kept();
    for found in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        let asked = app.request(Method::POST, "/games").body(r#"{"Name":"x"}"#);
        let asked = if found.is_empty() { asked } else { asked.header("content-type", found) };
        let detail = asked.send().await.problem(415, "wrong-content-type");
        assert!(detail.contains("application/json"), "{detail}");
    }
    let path = format!("/games/{game}/modules/1.0.0");
    let asked = app.request(Method::PUT, &path).header("content-type", "application/json");
    let detail = asked.body("{}").send().await.problem(415, "wrong-content-type");
    assert!(detail.contains("application/wasm"), "{detail}");
    assert_eq!(app.kept(), before);
    let asked = app.request(Method::POST, "/games").body(r#"{"Name":"x"}"#);
    asked.header("content-type", "application/json; charset=utf-8").send().await.expect(201);
}

#[tokio::test]
async fn a_config_over_the_limit_is_refused_and_so_is_a_body_that_no_config_needs() {
    let app = App::start().await;
    let (game, _) = app.running_match(&sims::idle()).await;
    let before = app.kept();
    let start = async |bytes: usize| -> Answer {
        let config = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, vec![7; bytes]);
        app.post(&format!("/games/{game}/matches"), json!({ "ConfigBase64": config })).send().await
    };
    let detail = start((64 << 10) + 1).await.problem(400, "bad-value");
    assert!(detail.contains("65537 bytes, and the limit is 65536"), "{detail}");
    start(128 << 10).await.problem(413, "body-too-large");
    assert_eq!(app.kept(), before);
    start(64 << 10).await.expect(201);
}

#[tokio::test]
async fn a_path_that_is_none_and_a_method_that_is_none_are_problems_too() {
    let app = App::start().await;
    for path in ["/nothing", "/games/", "/games/x/y/z", "/%ff", "/matches/%2e%2e"] {
        app.get(path).send().await.expect(404);
    }
    app.get("/nothing").send().await.problem(404, "no-such-path");
    let answer = app.request(Method::PATCH, "/games").send().await;
    answer.problem(405, "no-such-method");
    assert!(answer.header("allow").contains("POST"), "{}", answer.header("allow"));
}

#[tokio::test]
async fn a_query_that_does_not_fit_is_refused() {
    let app = App::start().await;
    for (query, kind, names) in [
        ("?Limit=0", "bad-value", "`Limit`"),
        ("?Limit=many", "bad-value", "`Limit`"),
        ("?limit=5", "unknown-field", "did you mean `Limit`?"),
        ("?After=nowhere", "bad-value", "`nowhere`"),
    ] {
        let detail = app.get(&format!("/games{query}")).send().await.problem(400, kind);
        assert!(detail.contains(names), "{query}: {detail}");
    }
}

#[tokio::test]
async fn whoever_is_too_fast_is_told_when_to_come_back() {
    let app = App::with("token_requests_per_second = 1\ntoken_requests_burst = 8").await;
    let mut refused = None;
    for _ in 0..9 {
        let answer = app.get("/games").send().await;
        if answer.status != 200 {
            refused = Some(answer);
        }
    }
    let refused = refused.expect("the burst is over");
    refused.problem(429, "too-fast");
    assert_eq!(refused.header("retry-after"), "1");
    app.get("/healthz").token("").send().await.expect(200);
}

#[tokio::test]
async fn seeds_come_back_as_decimal_strings() {
    let app = App::start().await;
    let (game, _) = app.running_match(&sims::idle()).await;
    for (seed, back) in [
        (json!(9_007_199_254_740_991_u64), "9007199254740991"),
        (json!("18446744073709551615"), "18446744073709551615"),
        (json!("0"), "0"),
    ] {
        let body = json!({ "Seed": seed });
        let made = app.post(&format!("/games/{game}/matches"), body).send().await.expect(201);
        assert_eq!(made["Seed"], Value::from(back));
    }
}
