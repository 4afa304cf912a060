//! A match that goes on from where another one stood: it begins in the same state, is played on its
//! own, and is run again like any other; and what cannot be forked leaves nothing behind.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    app::{Answer, App},
    cli::{remote, run},
    sims,
    socket::Socket,
};

/// How soon inputs are written where a test looks at a match that runs.
const SOON: &str = "[match]\nlog_delay_ms = 10\n";

/// A server that writes inputs soon, under a policy with these further lines.
pub(crate) async fn started(policy: &str) -> App {
    let mut app = App::start().await;
    app.stop();
    let path = app.data().join("policy.toml");
    std::fs::write(&path, format!("{SOON}{policy}")).unwrap();
    app.restart_with(&["--policy", path.to_str().unwrap()]).await;
    app
}

/// A player of the adder.
pub(crate) struct Adder(Socket);

impl Adder {
    /// Joins the match, and gives the player's number too.
    pub(crate) async fn join(app: &App, id: &str) -> (Self, Value) {
        let asked = app.post(&format!("/matches/{id}/players"), json!({ "Name": "ada" }));
        let made = asked.send().await.expect(201);
        let socket = Socket::open(app, id, made["Token"].as_str().unwrap()).await;
        (Self(socket), made["Player"].clone())
    }

    /// Says a digit, and gives the sum and the tick in which it was heard.
    pub(crate) async fn say(&mut self, digit: u8) -> (i32, i64) {
        self.0.send(digit.to_string().as_bytes()).await;
        let heard = self.0.next().await;
        let sum = i32::from_le_bytes(heard[..4].try_into().unwrap());
        (sum, i64::from_le_bytes(heard[4..].try_into().unwrap()))
    }

    /// Ends the match, and gives what is left of it.
    pub(crate) async fn end(&mut self, app: &App, id: &str, word: &str) -> Value {
        self.0.send(word.as_bytes()).await;
        app.until(id, |found| found["EndedAt"].is_string()).await
    }
}

async fn fork(app: &App, id: &str, wish: Value) -> Answer {
    app.post(&format!("/matches/{id}/forks"), wish).send().await
}

/// Waits until the match is written so far that the state before that tick can be had.
pub(crate) async fn written(app: &App, id: &str, at: i64) {
    let path = format!("/matches/{id}/inspect?At={at}");
    loop {
        let answer = app.get(&path).send().await;
        if answer.status == 200 {
            return;
        }
        answer.problem(409, "conflict");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A fork that runs, and its answer when it was made.
async fn forked(app: &App, id: &str, at: i64) -> (String, Value) {
    written(app, id, at).await;
    let made = fork(app, id, json!({ "At": at })).await.expect(201);
    let fork = made["Id"].as_str().unwrap().to_owned();
    app.until(&fork, |found| found["State"] == "running").await;
    (fork, made)
}

async fn state(app: &App, id: &str, at: i64) -> Value {
    let seen = app.get(&format!("/matches/{id}/inspect?At={at}")).send().await.expect(200);
    assert_eq!(seen["Tick"], at);
    seen
}

async fn same(app: &App, id: &str) -> Value {
    let again = app.post(&format!("/matches/{id}/replay"), json!({})).send().await.expect(200);
    assert_eq!(again["Same"], true, "{again}");
    again
}

#[tokio::test]
async fn a_fork_begins_in_the_same_state_and_both_are_played_on_differently() {
    let app = started("").await;
    let (_, id) = app.running_match(&sims::adder()).await;
    let (mut ada, first) = Adder::join(&app, &id).await;
    ada.say(3).await;
    let (sum, tick) = ada.say(4).await;
    assert_eq!((sum, first), (7, json!(1)));

    let (fork, made) = forked(&app, &id, tick + 1).await;
    assert_eq!(made["ForkedFrom"], json!({ "Match": id, "At": tick + 1 }));
    let parent = app.get(&format!("/matches/{id}")).send().await.expect(200);
    assert!(parent.get("ForkedFrom").is_none());
    for member in ["Game", "Version", "Sha256", "Seed", "TickHz"] {
        assert_eq!(made[member], parent[member], "{member}");
    }

    let (mut bo, second) = Adder::join(&app, &fork).await;
    assert_eq!(second, 2, "numbers go on");
    let (sum, heard) = bo.say(5).await;
    assert_eq!(sum, 12);
    assert!(heard > tick, "the fork's ticks go on");
    assert_eq!(ada.say(1).await.0, 8, "the parent does not know of it");
    assert_eq!(bo.say(1).await.0, 13);

    assert_eq!(bo.end(&app, &fork, "q").await["ResultBase64"], "DQAAAA==");
    assert_eq!(ada.end(&app, &id, "q").await["ResultBase64"], "CAAAAA==");
    let (before, after) = (state(&app, &id, tick + 1).await, state(&app, &fork, tick + 1).await);
    assert_eq!(before["State"], after["State"]);
    assert_eq!((&after["Players"], &after["Left"]), (&json!([1]), &json!([])));
    for id in [&id, &fork] {
        assert_eq!(same(&app, id).await["Whole"], true);
    }
    assert_eq!(app.count("SELECT count(*) FROM snapshots WHERE base"), 1);
    let audited = format!(
        "SELECT count(*) FROM audit WHERE action = 'match.start' AND target = '{fork}'
         AND detail LIKE '%{id}%'"
    );
    assert_eq!(app.count(&audited), 1);
}

#[tokio::test]
async fn the_players_of_a_match_are_away_in_its_fork_and_then_leave() {
    let app = started("reconnect_grace_ms = 100\n").await;
    let (_, id) = app.running_match(&sims::adder()).await;
    let (mut ada, _) = Adder::join(&app, &id).await;
    let (_, tick) = ada.say(1).await;
    let (fork, _) = forked(&app, &id, tick + 1).await;
    let left = |found: &Value| found["Players"] == 0;
    app.until(&fork, left).await;
    assert_eq!(ada.say(1).await.0, 2, "where she plays, she stays");
    let (mut bo, _) = Adder::join(&app, &fork).await;
    bo.say(1).await;
    bo.end(&app, &fork, "q").await;
    assert_eq!(same(&app, &fork).await["Whole"], true);
    let seen = app.get(&format!("/matches/{fork}/inspect")).send().await.expect(200);
    assert_eq!((&seen["Players"], &seen["Left"]), (&json!([2]), &json!([1])));
}

#[tokio::test]
async fn a_fork_of_a_fork_and_of_a_match_that_has_ended() {
    let app = started("").await;
    let (_, id) = app.running_match(&sims::adder()).await;
    let (mut ada, _) = Adder::join(&app, &id).await;
    let (_, tick) = ada.say(2).await;
    let ended = ada.end(&app, &id, "t").await;
    let fault = ended["Tick"].as_i64().unwrap();
    assert_eq!(ended["Fault"]["Tick"], fault);

    // By default, from before the tick that faulted: nobody says `t` in it now.
    let made = fork(&app, &id, json!({})).await.expect(201);
    assert_eq!(made["ForkedFrom"]["At"], fault);
    let first = made["Id"].as_str().unwrap().to_owned();
    let (mut bo, number) = Adder::join(&app, &first).await;
    let (sum, heard) = bo.say(3).await;
    assert_eq!((sum, number), (5, json!(2)));

    let (second, _) = forked(&app, &first, heard + 1).await;
    let (mut cy, number) = Adder::join(&app, &second).await;
    assert_eq!((cy.say(4).await.0, number), (9, json!(3)));
    cy.end(&app, &second, "q").await;
    assert_eq!(same(&app, &second).await["Whole"], true);
    assert!(tick < fault);
    let early = fork(&app, &first, json!({ "At": fault - 1 })).await;
    let why = early.problem(409, "conflict");
    assert!(why.contains(&format!("began with tick {fault}")), "{why}");
}

#[tokio::test]
async fn a_match_that_was_stopped_is_forked_from_before_that() {
    let app = started("").await;
    let (_, id) = app.running_match(&sims::adder()).await;
    let (mut ada, _) = Adder::join(&app, &id).await;
    ada.say(2).await;
    app.delete(&format!("/matches/{id}")).send().await.expect(202);
    let ended = app.until(&id, |found| found["EndedAt"].is_string()).await;
    let over = ended["Tick"].as_i64().unwrap();

    let made = fork(&app, &id, json!({})).await.expect(201);
    let at = made["ForkedFrom"]["At"].as_i64().unwrap();
    assert!(at < over);
    let fork_id = made["Id"].as_str().unwrap();
    let (mut bo, _) = Adder::join(&app, fork_id).await;
    assert_eq!(bo.say(2).await.0, 4, "nobody has told it to stop");

    let kept = app.kept();
    let why = fork(&app, &id, json!({ "At": over })).await.problem(409, "conflict");
    assert!(why.contains(&format!("from tick {}", over - 1)), "{why}");
    let why = fork(&app, &id, json!({ "At": over + 1 })).await.problem(409, "conflict");
    assert!(why.contains(&format!("to tick {over}")), "{why}");
    assert_eq!(app.kept(), kept);
}

#[tokio::test]
async fn a_fork_that_is_refused_leaves_nothing_behind() {
    let app = started("").await;
    let (game, id) = app.running_match(&sims::adder()).await;
    let (mut ada, _) = Adder::join(&app, &id).await;
    let (_, tick) = ada.say(2).await;
    written(&app, &id, tick + 1).await;
    let found = app.get(&format!("/matches/{id}")).send().await.expect(200);
    let viewer = app.make_token(found["CreatedBy"].as_str().unwrap(), "viewer").await;
    let developer = app.make_token("dan", "developer").await;
    let asked = |token: &str| {
        let path = format!("/matches/{id}/forks");
        let (app, token) = (&app, token.to_owned());
        async move { app.post(&path, json!({ "At": 0 })).token(&token).send().await }
    };
    asked("").await.problem(401, "no-valid-token");
    asked(&developer).await.problem(404, "not-found");
    asked(&viewer).await.problem(403, "not-yours");

    let kept = app.kept();
    let why = fork(&app, &id, json!({ "At": 1_u64 << 40 })).await.problem(409, "conflict");
    assert!(why.contains("is written up to tick"), "{why}");
    fork(&app, &id, json!({ "At": -1 })).await.problem(400, "bad-value");
    fork(&app, &id, json!({ "At": "1" })).await.problem(400, "bad-body");
    fork(&app, &id, json!({ "Seed": 1 })).await.problem(400, "unknown-field");
    fork(&app, "m_0000000000000000", json!({})).await.problem(404, "not-found");
    assert_eq!(app.kept(), kept);

    app.post(&format!("/games/{game}/modules/1.0.0/retire"), json!({})).send().await.expect(200);
    let kept = app.kept();
    let why = fork(&app, &id, json!({ "At": tick })).await.problem(409, "conflict");
    assert!(why.contains("retired"), "{why}");
    assert_eq!(app.kept(), kept);
    state(&app, &id, tick).await;
}

#[tokio::test]
async fn a_match_without_a_log_has_no_fork() {
    let mut app = App::start().await;
    app.stop();
    let path = app.data().join("policy.toml");
    std::fs::write(&path, "[match]\nlog = \"off\"\n").unwrap();
    app.restart_with(&["--policy", path.to_str().unwrap()]).await;
    let (_, id) = app.running_match(&sims::adder()).await;
    let kept = app.kept();
    let why = fork(&app, &id, json!({})).await.problem(409, "conflict");
    assert!(why.contains("match.log"), "{why}");
    assert_eq!(app.kept(), kept);
}

#[tokio::test]
async fn the_command_line_forks_as_the_api_does() {
    let app = started("").await;
    let (_, id) = app.running_match(&sims::adder()).await;
    let (mut ada, _) = Adder::join(&app, &id).await;
    let (_, tick) = ada.say(6).await;
    written(&app, &id, tick + 1).await;
    let at = (tick + 1).to_string();
    let made = run(&mut remote(&app, &["fork", &id, "--at", &at, "--json"])).json();
    assert_eq!(made["ForkedFrom"], json!({ "Match": id, "At": tick + 1 }));
    let (mut bo, _) = Adder::join(&app, made["Id"].as_str().unwrap()).await;
    assert_eq!(bo.say(1).await.0, 7);
    let shown = run(&mut remote(&app, &["fork", &id])).done();
    assert!(shown.contains("ForkedFrom") && shown.contains(&id), "{shown}");
    let late = ["fork", &id, "--at", "4000000000"];
    run(&mut remote(&app, &late)).failed(1, &["tick 4000000000 is not known"]);
}
