//! Matches outlive their server: after a power cut and after an orderly restart they come back at
//! the tick that they had, and their players go on with the tokens that they hold.

use serde_json::{Value, json};

use crate::{app::App, sims, socket::Socket};

/// What comes into matches is written at once, and a snapshot ten times a second.
const OFTEN: &str = "[match]\nlog_delay_ms = 10\nsnapshot_every_ms = 100\n";

/// A server under that policy.
async fn under(policy: &str) -> App {
    let mut app = App::start().await;
    app.stop();
    restart(&mut app, policy).await;
    app
}

async fn restart(app: &mut App, policy: &str) {
    let path = app.data().join("policy.toml");
    std::fs::write(&path, policy).unwrap();
    app.restart_with(&["--policy", path.to_str().unwrap()]).await;
}

/// What the tally says: the sum and the tick.
fn read(said: &[u8]) -> (u32, i64) {
    let (sum, tick) = said.split_at(4);
    (u32::from_le_bytes(sum.try_into().unwrap()), i64::from_le_bytes(tick.try_into().unwrap()))
}

/// A match of the tally, its player's token, and the player's socket, who was sent the sum once.
async fn begun(app: &App) -> (String, String, Socket) {
    let (_, id) = app.running_match(&sims::tally()).await;
    let token = app.make_player(&id, "ada").await;
    let mut socket = Socket::open(app, &id, &token).await;
    assert_eq!(read(&socket.next().await).0, 0);
    (id, token, socket)
}

/// Sends a byte, and gives the sum and the tick that come back.
async fn add(socket: &mut Socket, byte: u8) -> (u32, i64) {
    socket.send(&[byte]).await;
    read(&socket.next().await)
}

/// The audit's rows of a match with that action, the oldest first.
fn audited(app: &App, id: &str, action: &str) -> Vec<Value> {
    let database = app.database();
    let mut query = database
        .prepare("SELECT detail FROM audit_row WHERE target = ?1 AND action = ?2 ORDER BY seq")
        .unwrap();
    let rows = query.query_map([id, action], |row| row.get::<_, String>(0)).unwrap();
    rows.map(|detail| serde_json::from_str(&detail.unwrap()).unwrap()).collect()
}

/// The tick at which a match was back for that time, once that is on record.
async fn back(app: &App, id: &str, times: usize) -> i64 {
    loop {
        let rows = audited(app, id, "match.resume");
        if rows.len() >= times {
            assert_eq!(rows.len(), times);
            return rows[times - 1]["Tick"].as_i64().unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// A number that the database says of a match.
fn figure(app: &App, id: &str, query: &str) -> i64 {
    app.database().query_row(query, [id], |row| row.get(0)).unwrap()
}

/// Waits until the database says so.
async fn until(app: &App, id: &str, query: &str, wanted: impl Fn(i64) -> bool) {
    while !wanted(figure(app, id, query)) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

const MARK: &str = "SELECT ifnull(max(tick), -1) FROM match_mark WHERE match_id = ?1";
const SNAPSHOT: &str = "SELECT ifnull(max(tick), -1) FROM snapshot WHERE match_id = ?1";

/// Finishes the match, and asserts that all of it, restarts and all, is the same again.
async fn finishes_as_one(app: &App, id: &str, socket: &mut Socket) -> Value {
    socket.send(&[255]).await;
    let ended = app.until(id, |found| found["EndedAt"].is_string()).await;
    assert_eq!((&ended["State"], &ended["Log"]), (&json!("finished"), &json!("whole")));
    let again = app.post(&format!("/matches/{id}/replay"), json!({})).send().await.expect(200);
    assert_eq!((&again["Same"], &again["Whole"]), (&json!(true), &json!(true)), "{again}");
    assert_eq!(again["Transcript"], ended["Transcript"]);
    assert_eq!(again["Ticks"], ended["Tick"]);
    ended
}

#[tokio::test]
async fn after_a_power_cut_a_match_is_back_at_its_tick_and_its_player_goes_on() {
    let mut app = under(OFTEN).await;
    let (id, token, mut socket) = begun(&app).await;
    add(&mut socket, 1).await;
    let (sum, before) = add(&mut socket, 2).await;
    assert_eq!(sum, 3);
    until(&app, &id, SNAPSHOT, |tick| tick > 0).await;
    until(&app, &id, MARK, |tick| tick > before + 10).await;
    let mark = figure(&app, &id, MARK);
    app.kill();

    app.restart_with(&["--policy", app.data().join("policy.toml").to_str().unwrap()]).await;
    let found = app.get(&format!("/matches/{id}")).send().await.expect(200);
    assert_eq!(found["State"], "running");
    let back = back(&app, &id, 1).await;
    assert!(back > mark, "{back}: all that was marked was run");
    let mut socket = Socket::open(&app, &id, &token).await;
    let (sum, after) = add(&mut socket, 4).await;
    assert_eq!(sum, 7, "it remembers");
    assert!(after >= back, "and its ticks go on");
    finishes_as_one(&app, &id, &mut socket).await;
}

#[tokio::test]
async fn an_orderly_restart_loses_no_tick_whatever_the_match_was_at() {
    let mut app = under("[match]\nlog_delay_ms = 60000\nsnapshot_every_ms = 0\n").await;
    let (id, token, mut socket) = begun(&app).await;
    add(&mut socket, 1).await;
    let mut last = 0;
    for round in 1..=2 {
        app.signal("-TERM");
        assert_eq!(socket.closed().await.0, 1001);
        assert!(app.wait().success());
        let left = audited(&app, &id, "match.rest");
        let policy = app.data().join("policy.toml");
        app.restart_with(&["--policy", policy.to_str().unwrap()]).await;
        last = back(&app, &id, round).await;
        assert_eq!(left.len(), round);
        assert_eq!(left[round - 1]["Tick"], last);
        socket = Socket::open(&app, &id, &token).await;
    }
    let (sum, tick) = add(&mut socket, 2).await;
    assert_eq!(sum, 3);
    assert!(tick >= last);
    finishes_as_one(&app, &id, &mut socket).await;
}

#[tokio::test]
async fn under_another_policy_a_match_that_was_left_in_order_goes_on_in_a_segment_of_its_own() {
    let mut app = under(OFTEN).await;
    let (id, token, mut socket) = begun(&app).await;
    add(&mut socket, 1).await;
    app.stop();
    restart(&mut app, "[match]\nlog_delay_ms = 10\ntick_fuel = 1000000\n").await;
    let mut socket = Socket::open(&app, &id, &token).await;
    assert_eq!(add(&mut socket, 2).await.0, 3);
    let begun = audited(&app, &id, "match.resume")[0]["Tick"].as_i64().unwrap();

    socket.send(&[255]).await;
    app.until(&id, |found| found["EndedAt"].is_string()).await;
    let again = app.post(&format!("/matches/{id}/replay"), json!({})).send().await.expect(200);
    assert_eq!((&again["Same"], &again["Whole"]), (&json!(true), &json!(false)), "{again}");
    let skipped = again["Skipped"].as_array().unwrap();
    assert_eq!((skipped.len(), &skipped[0]["From"]), (1, &json!(0)));
    assert_eq!(skipped[0]["Until"], begun, "the first part needs its own engine");
}

#[tokio::test]
async fn after_a_power_cut_another_policy_cannot_go_on_and_the_audit_says_why() {
    let mut app = under("[match]\nlog_delay_ms = 10\nsnapshot_every_ms = 0\n").await;
    let (id, token, mut socket) = begun(&app).await;
    let (_, tick) = add(&mut socket, 1).await;
    until(&app, &id, MARK, |mark| mark >= tick).await;
    app.kill();
    restart(&mut app, "[match]\ntick_fuel = 1000000\n").await;
    let found = app.get(&format!("/matches/{id}")).send().await.expect(200);
    assert_eq!(found["State"], "lost");
    let why = audited(&app, &id, "match.end")[0]["Why"].clone();
    assert!(why.as_str().unwrap().contains("another engine or policy"), "{why}");
    let authorization = format!("Bearer {token}");
    let refused = Socket::refused(&app, &id, &[("authorization", &authorization)]).await;
    assert_eq!(refused, 409);
}

#[tokio::test]
async fn a_match_that_keeps_no_log_ends_with_its_server() {
    let mut app = under("[match]\nlog = \"off\"\n").await;
    let (killed, ..) = begun(&app).await;
    app.kill();
    app.restart().await;
    assert_eq!(app.get(&format!("/matches/{killed}")).send().await.expect(200)["State"], "lost");

    let mut app = under("[match]\nlog = \"off\"\n").await;
    let (stopped, ..) = begun(&app).await;
    app.stop();
    app.restart().await;
    let found = app.get(&format!("/matches/{stopped}")).send().await.expect(200);
    assert_eq!(found["State"], "stopped", "its sim was asked to stop");
}

#[tokio::test]
async fn a_match_that_was_stopping_stops_when_it_is_back() {
    let mut app = under("[match]\nlog_delay_ms = 10\nstop_grace_ms = 3000\n").await;
    let (id, ..) = begun(&app).await;
    app.delete(&format!("/matches/{id}")).send().await;
    app.until(&id, |found| found["State"] == "stopping").await;
    app.kill();
    let policy = app.data().join("policy.toml");
    app.restart_with(&["--policy", policy.to_str().unwrap()]).await;
    let found = app.until(&id, |found| found["EndedAt"].is_string()).await;
    assert_eq!(found["State"], "stopped");
}

#[tokio::test]
async fn under_a_strict_log_nothing_that_a_player_has_seen_is_lost() {
    let mut app = under("[match]\nlog = \"strict\"\nsnapshot_every_ms = 0\n").await;
    let (id, token, mut socket) = begun(&app).await;
    let mut seen = (0, 0);
    for (round, byte) in [(1, 1), (2, 2), (3, 4)] {
        seen = add(&mut socket, byte).await;
        // At once, without waiting for anything to be written.
        app.kill();
        let policy = app.data().join("policy.toml");
        app.restart_with(&["--policy", policy.to_str().unwrap()]).await;
        let back = back(&app, &id, round).await;
        assert!(back > seen.1, "the tick of what was seen was run: {back}, {seen:?}");
        socket = Socket::open(&app, &id, &token).await;
    }
    assert_eq!(seen.0, 7);
    let (sum, tick) = add(&mut socket, 8).await;
    assert_eq!(sum, 15);
    assert!(tick > seen.1);
    finishes_as_one(&app, &id, &mut socket).await;
}

#[tokio::test]
async fn a_damaged_snapshot_is_passed_over_for_the_log() {
    let mut app = under(OFTEN).await;
    let (id, token, mut socket) = begun(&app).await;
    add(&mut socket, 1).await;
    until(&app, &id, SNAPSHOT, |tick| tick > 0).await;
    app.kill();
    let damage = "DROP TRIGGER IF EXISTS snapshot_is_not_changed;
        UPDATE snapshot SET head = CAST(substr(head, 1, length(head) - 1) || x'ff' AS BLOB);";
    app.writer().execute_batch(damage).unwrap();
    let policy = app.data().join("policy.toml");
    app.restart_with(&["--policy", policy.to_str().unwrap()]).await;
    let mut socket = Socket::open(&app, &id, &token).await;
    assert_eq!(add(&mut socket, 2).await.0, 3, "it was run again from its first tick");
    finishes_as_one(&app, &id, &mut socket).await;
}
