//! The audit: each act by whom and with what outcome, in a chain that shows what was altered.

use rusqlite::Connection;
use serde_json::Value;

use crate::{
    app::{App, lattice},
    sims,
};

#[tokio::test]
async fn each_act_is_on_record_with_who_and_what_came_of_it() {
    let app = App::start().await;
    let ada = app.make_token("ada", "developer").await;
    let eve = app.make_token("eve", "developer").await;
    let game = app.make_game(&ada).await;
    app.upload(&game, "1.0.0", &sims::tampered()).await.expect(400);
    app.upload(&game, "1.0.0", &sims::idle()).await.expect(201);
    let denied = app.post(&format!("/games/{game}/matches"), serde_json::json!({})).token(&eve);
    let denied = denied.send().await;
    denied.problem(403, "not-yours");

    let page = app.get(&format!("/games/{game}/audit")).token(&ada).send().await.expect(200);
    let rows = page["Items"].as_array().unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| ["Subject", "Action", "Outcome"].map(|key| row[key].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ["eve", "request.permit", "denied"],
            ["admin", "module.upload", "ok"],
            ["admin", "module.upload", "rejected"],
            ["ada", "game.create", "ok"],
        ]
    );
    assert_eq!(rows[0]["Request"], denied.header("x-request-id"), "the answer names its row");
    assert_eq!(rows[0]["Address"], "127.0.0.1");
    let chained = |pair: &[Value]| pair[0]["Previous"] == pair[1]["Hash"];
    let all = app.get("/audit?Limit=200").send().await.expect(200);
    assert!(all["Items"].as_array().unwrap().windows(2).all(chained));
}

#[tokio::test]
async fn an_altered_row_is_found() {
    let mut app = App::start().await;
    let game = app.make_game(&app.token).await;
    app.upload(&game, "1.0.0", &sims::tampered()).await.expect(400);
    app.stop();
    let verify = || lattice().args(["audit", "verify", "--data"]).arg(app.data()).output().unwrap();
    assert!(verify().status.success(), "{:?}", verify());
    let database = Connection::open(app.data().join("lattice.sqlite")).unwrap();
    let alter = "UPDATE audit_row SET outcome = 'ok' WHERE outcome = 'rejected'";
    assert!(database.execute_batch(alter).is_err(), "the database itself refuses");
    let triggers =
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_row'";
    let names: Vec<String> = {
        let mut query = database.prepare(triggers).unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    for name in names {
        database.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    database.execute_batch(alter).unwrap();
    let broken = verify();
    assert!(!broken.status.success(), "{broken:?}");
}
