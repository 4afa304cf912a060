//! A restart keeps builds, tokens, the audit and running matches; and what no longer
//! stands up to today's checks is not scheduled any more.

use std::fs;

use rusqlite::Connection;
use serde_json::json;

use crate::{app::App, sims};

#[tokio::test]
async fn a_power_cut_keeps_builds_tokens_and_audit_and_the_match_is_back() {
    let mut app = App::start().await;
    let token = app.make_token("ada", "developer").await;
    let (game, id) = app.running_match(&sims::puppet()).await;
    let build = app.get(&format!("/games/{game}/modules/1.0.0")).send().await.expect(200);
    let audit = app.get("/audit?Limit=200").send().await.expect(200);

    app.kill();
    app.restart().await;
    let found = app.get(&format!("/matches/{id}")).send().await.expect(200);
    assert_eq!(found["State"], "running");
    assert!(found.get("EndedAt").is_none());
    app.get("/games").token(&token).send().await.expect(200);
    let again = app.get(&format!("/games/{game}/modules/1.0.0")).send().await.expect(200);
    assert_eq!(again, build);
    let mut now = app.get("/audit?Limit=200").send().await.expect(200);
    while !now.to_string().contains("match.resume") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        now = app.get("/audit?Limit=200").send().await.expect(200);
    }
    let (then, now) = (audit["Items"].as_array().unwrap(), now["Items"].as_array().unwrap());
    assert!(now.ends_with(then), "the audit only grows");
    assert_eq!(now.len(), then.len() + 1, "by the match that is back");
    app.start_match(&game, json!({})).await;
}

#[tokio::test]
async fn a_stricter_policy_makes_a_build_unschedulable_and_the_audit_says_why() {
    let mut app = App::start().await;
    let (game, _) = app.running_match(&sims::puppet()).await;
    app.stop();
    let policy = app.data().join("strict.toml");
    fs::write(&policy, "[admission]\nimports = 1\n").unwrap();
    app.restart_with(&["--policy", policy.to_str().unwrap()]).await;

    let build = app.get(&format!("/games/{game}/modules/1.0.0")).send().await.expect(200);
    assert_eq!(build["Schedulable"], false);
    assert!(build["Refused"].as_str().unwrap().contains("LIMIT_IMPORTS"), "{build}");
    let start = app.post(&format!("/games/{game}/matches"), json!({ "Version": "1.0.0" }));
    start.send().await.problem(409, "conflict");
    let audit = app.get(&format!("/games/{game}/audit?Limit=1")).send().await;
    assert!(audit.text().contains("LIMIT_IMPORTS"), "{}", audit.text());
    assert_eq!(audit.expect(200)["Items"][0]["Subject"], "system");

    app.stop();
    app.restart().await;
    let build = app.get(&format!("/games/{game}/modules/1.0.0")).send().await.expect(200);
    assert_eq!(build["Schedulable"], true, "it is taken back when the policy lets it");
    app.start_match(&game, json!({})).await;
}

#[tokio::test]
async fn altered_bytes_are_found_at_the_start() {
    let mut app = App::start().await;
    let (game, _) = app.running_match(&sims::puppet()).await;
    app.stop();
    let database = Connection::open(app.data().join("lattice.sqlite")).unwrap();
    database
        .execute_batch(
            "DROP TRIGGER blob_is_not_changed;
             UPDATE blob SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'00' AS BLOB);",
        )
        .unwrap();
    drop(database);
    app.restart().await;
    let build = app.get(&format!("/games/{game}/modules/1.0.0")).send().await.expect(200);
    assert_eq!(build["Schedulable"], false);
    let wasm = app.get(&format!("/games/{game}/modules/1.0.0/wasm")).send().await;
    assert_eq!(wasm.status, 500, "altered bytes are not given out");
}
