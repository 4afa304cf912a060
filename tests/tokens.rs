//! Tokens: shown once, kept as a hash, void when deleted.

use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn a_token_is_shown_once_and_kept_as_a_hash() {
    let app = App::start().await;
    let secret = app.make_token("ada", "developer").await;
    let listed = app.get("/tokens").send().await;
    assert_eq!(listed.expect(200)["Items"].as_array().unwrap().len(), 2);
    assert!(!listed.text().contains(&secret[4..]) && !listed.text().contains(&app.token[4..]));
    app.get("/games").token(&secret).send().await.expect(200);
    let audit = app.get("/audit").send().await;
    assert!(!audit.text().contains(&secret[4..]));
    for file in ["lattice.sqlite", "lattice.sqlite-wal"] {
        let bytes = std::fs::read(app.data().join(file)).unwrap_or_default();
        let secret = &secret.as_bytes()[4..];
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{file}");
    }
}

#[tokio::test]
async fn a_deleted_token_is_void_at_once_and_its_subject_keeps_the_games() {
    let app = App::start().await;
    let first = app.make_token("ada", "developer").await;
    let game = app.make_game(&first).await;
    let tokens = app.get("/tokens").send().await.expect(200);
    let of_ada = |token: &&serde_json::Value| token["Subject"] == "ada";
    let id = tokens["Items"].as_array().unwrap().iter().find(of_ada).unwrap()["Id"].clone();
    let path = format!("/tokens/{}", id.as_str().unwrap());
    app.delete(&path).send().await.expect(204);
    app.delete(&path).send().await.problem(404, "not-found");
    app.get("/games").token(&first).send().await.problem(401, "no-valid-token");
    let second = app.make_token("ada", "developer").await;
    app.get(&format!("/games/{game}")).token(&second).send().await.expect(200);
}

#[tokio::test]
async fn a_token_that_expires_says_when() {
    let app = App::start().await;
    let body = json!({ "Subject": "ada", "Role": "viewer", "ExpiresAt": "2099-01-01T00:00:00Z" });
    let made = app.post("/tokens", body).send().await.expect(201);
    assert!(made["ExpiresAt"].as_str().unwrap().starts_with("2099-01-01T00:00:00"));
}
