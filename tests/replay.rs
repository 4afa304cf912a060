//! A match again, through its owner's door: the same after it has ended, while it runs, after a
//! restart and after a power cut; and what may keep a replay from being run, said.

use std::time::Duration;

use lattice_policies::{MatchId, Sha256};
use lattice_store::{InputAppend, Store};
use lattice_surface::{Event, InputLog, Record, TickInputs};
use serde_json::{Value, json};

use crate::{
    app::{Answer, App},
    cli::{remote, run},
    sims,
    socket::Socket,
};

/// How soon inputs are written where a test looks at a match that runs.
const SOON: &str = "[match]\nlog_delay_ms = 10\n";

/// Starts the server, which must be down, under that policy.
async fn restart_under(app: &mut App, text: &str) {
    let policy = app.data().join("policy.toml");
    std::fs::write(&policy, text).unwrap();
    app.restart_with(&["--policy", policy.to_str().unwrap()]).await;
}

/// Asks for a replay.
async fn replay(app: &App, id: &str, wish: Value) -> Answer {
    app.post(&format!("/matches/{id}/replay"), wish).send().await
}

/// Asserts that a replay is the same, and gives its answer.
async fn same(app: &App, id: &str, wish: Value) -> Value {
    let answer = replay(app, id, wish).await.expect(200);
    assert_eq!(answer["Same"], true, "{answer}");
    assert!(answer.get("Difference").is_none());
    assert_eq!(answer["Match"], id);
    answer
}

async fn inputs(app: &App, id: &str) -> InputLog {
    let answer = app.get(&format!("/matches/{id}/inputs")).send().await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "application/octet-stream")
    );
    InputLog::read(&answer.body).unwrap()
}

/// A match of two players that says, logs and does things, and then what the last word makes of it.
async fn played(app: &App, last: &[u8]) -> (String, Value) {
    let (_, id) = app.running_match(&sims::puppet()).await;
    let mut sockets = Vec::new();
    for name in ["ada", "bo"] {
        let token = app.make_player(&id, name).await;
        let mut socket = Socket::open(app, &id, &token).await;
        assert_eq!(socket.next().await, b"hello");
        for word in [&b"well met"[..], b"l a line for the log", b"and again"] {
            socket.send(word).await;
        }
        assert_eq!(socket.next().await, b"well met");
        assert_eq!(socket.next().await, b"and again");
        sockets.push(socket);
    }
    sockets[1].send(b"k").await;
    sockets[1].closed().await;
    sockets[0].send(last).await;
    let ended = app.until(&id, |found| found["EndedAt"].is_string()).await;
    (id, ended)
}

#[tokio::test]
async fn a_match_that_was_played_is_the_same_again_and_after_a_restart() {
    let mut app = App::start().await;
    let (id, ended) = played(&app, b"q").await;
    assert_eq!((&ended["State"], &ended["Log"]), (&json!("finished"), &json!("whole")));
    let again = same(&app, &id, json!({})).await;
    assert_eq!((&again["Whole"], &again["Ticks"]), (&json!(true), &ended["Tick"]));
    assert_eq!(again["Transcript"], ended["Transcript"]);
    assert_eq!(again["Fuel"], ended["Figures"]["Fuel"], "to the last unit");

    let log = inputs(&app, &id).await;
    assert_eq!(log.end.as_ref().unwrap().transcript.to_string(), again["Transcript"]);
    let events = log.inputs.iter().flat_map(|inputs| &inputs.events);
    let said = events.filter(|event| matches!(event, Event::Message { .. })).count();
    assert_eq!(said, 8, "what the players sent, and nothing else");

    let to = log.inputs[2].tick;
    let part = same(&app, &id, json!({ "To": to })).await;
    assert_eq!((&part["Whole"], &part["Ticks"]), (&json!(false), &json!(to + 1)));
    assert_eq!(part["Transcript"], log.inputs[2].transcript.to_string());
    replay(&app, &id, json!({ "To": -1 })).await.problem(400, "bad-value");
    replay(&app, &id, json!({ "Too": 1 })).await.problem(400, "unknown-field");

    app.stop();
    app.restart().await;
    let later = same(&app, &id, json!({})).await;
    for member in ["Whole", "Ticks", "Transcript", "Fuel"] {
        assert_eq!(later[member], again[member], "{member}");
    }
    let build = format!("/games/{}/modules/1.0.0/retire", ended["Game"].as_str().unwrap());
    app.post(&build, json!({})).send().await.expect(200);
    same(&app, &id, json!({})).await;
}

#[tokio::test]
async fn a_match_that_faulted_or_was_stopped_is_replayed_to_its_end() {
    let app = App::start().await;
    let (id, ended) = played(&app, b"t").await;
    assert_eq!(ended["Fault"]["Kind"], "TRAP");
    let again = same(&app, &id, json!({})).await;
    assert_eq!((&again["Whole"], &again["Ticks"]), (&json!(true), &ended["Tick"]));

    let (_, id) = app.running_match(&sims::puppet()).await;
    app.delete(&format!("/matches/{id}")).send().await.expect(202);
    let ended = app.until(&id, |found| found["EndedAt"].is_string()).await;
    let again = same(&app, &id, json!({})).await;
    assert_eq!((&again["Whole"], &again["Ticks"]), (&json!(true), &ended["Tick"]));
}

#[tokio::test]
async fn a_match_that_was_through_a_power_cut_is_replayed_as_far_as_it_is_written() {
    let mut app = App::start().await;
    app.stop();
    restart_under(&mut app, SOON).await;
    let (_, id) = app.running_match(&sims::puppet()).await;
    let token = app.make_player(&id, "ada").await;
    let mut socket = Socket::open(&app, &id, &token).await;
    socket.send(b"and the last word").await;
    let is_last = |event: &Event| matches!(event, Event::Message { bytes, .. } if bytes == "and the last word");
    let heard = |log: &InputLog| log.inputs.iter().flat_map(|inputs| &inputs.events).any(is_last);
    while !heard(&inputs_so_far(&app, &id).await) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let running = same(&app, &id, json!({})).await;
    assert_eq!(running["Whole"], false, "it has not ended");

    app.kill();
    restart_under(&mut app, SOON).await;
    let found = app.get(&format!("/matches/{id}")).send().await.expect(200);
    assert_eq!((&found["State"], &found["Log"]), (&json!("running"), &json!("whole")));
    let log = inputs(&app, &id).await;
    let again = same(&app, &id, json!({})).await;
    assert_eq!((again["Whole"].clone(), &log.end), (json!(false), &None));
    assert!(again["Ticks"].as_i64().unwrap() > log.inputs.last().unwrap().tick);
    assert!(heard(&log));
}

/// The log of a match that runs, of which at first nothing is written.
async fn inputs_so_far(app: &App, id: &str) -> InputLog {
    loop {
        let answer = app.get(&format!("/matches/{id}/inputs")).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        if !answer.body.is_empty() {
            return InputLog::read(&answer.body).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_log_that_was_altered_is_found_and_a_match_beside_it_is_replayed() {
    let app = App::start().await;
    let (id, _) = played(&app, b"q").await;
    let (other, _) = played(&app, b"q").await;
    let alter = format!(
        "DROP TRIGGER input_chunk_is_not_changed;
         UPDATE input_chunk SET bytes = CAST(substr(bytes, 1, length(bytes) - 9) || randomblob(9) AS BLOB)
         WHERE match_id = '{id}' AND seq = 1"
    );
    app.writer().execute_batch(&alter).unwrap();
    for answer in
        [replay(&app, &id, json!({})).await, app.get(&format!("/matches/{id}/inputs")).send().await]
    {
        let why = answer.problem(500, "bad-log");
        assert!(why.contains(&id) && why.contains("chunk 1"), "{why}");
    }
    app.get(&format!("/matches/{id}")).send().await.expect(200);
    same(&app, &other, json!({})).await;
}

#[tokio::test]
async fn a_match_without_a_log_or_of_another_policy_says_so() {
    let mut app = App::start().await;
    let (id, _) = played(&app, b"q").await;
    app.stop();
    restart_under(&mut app, "[match]\nlog = \"off\"\n").await;
    // What is kept from now on changes nothing for a log that there is.
    same(&app, &id, json!({})).await;

    let (off, ended) = played(&app, b"q").await;
    assert_eq!(ended["Log"], "off");
    assert!(ended.get("Transcript").is_none());
    for answer in [
        replay(&app, &off, json!({})).await,
        app.get(&format!("/matches/{off}/inputs")).send().await,
    ] {
        assert!(answer.problem(409, "conflict").contains("match.log"));
    }
    assert_eq!(app.count("SELECT count(*) FROM input_logs"), 1);

    app.stop();
    restart_under(&mut app, "[match]\ntick_fuel = 49_000_000\n").await;
    let why = replay(&app, &id, json!({})).await.problem(409, "conflict");
    assert!(why.contains("another engine or policy"), "{why}");
}

#[tokio::test]
async fn a_log_that_is_full_is_cut_and_the_match_goes_on() {
    let mut app = App::with("input_log_bytes_per_match = 2048").await;
    app.stop();
    restart_under(&mut app, SOON).await;
    let (_, id) = app.running_match(&sims::puppet()).await;
    let token = app.make_player(&id, "ada").await;
    let mut socket = Socket::open(&app, &id, &token).await;
    assert_eq!(socket.next().await, b"hello");
    let mut word = 0_u32;
    while app.get(&format!("/matches/{id}")).send().await.expect(200)["Log"] == "whole" {
        socket.send(&[&word.to_le_bytes()[..], &[b'.'; 60]].concat()).await;
        assert_eq!(socket.next().await[..4], word.to_le_bytes());
        word += 1;
    }
    socket.send(b"still there").await;
    assert_eq!(socket.next().await, b"still there");
    socket.send(b"q").await;
    let ended = app.until(&id, |found| found["EndedAt"].is_string()).await;
    assert_eq!((&ended["State"], &ended["Log"]), (&json!("finished"), &json!("cut")));
    assert!(ended.get("Transcript").is_none());
    assert_eq!(
        app.count("SELECT count(*) FROM audit WHERE action = 'match.log' AND outcome = 'cut'"),
        1
    );
    let log = inputs(&app, &id).await;
    assert!(log.end.is_none() && !log.inputs.is_empty());
    assert!(app.count("SELECT max(bytes) FROM input_logs") <= 2_048);
    let again = same(&app, &id, json!({})).await;
    assert_eq!(again["Whole"], false);
    assert_eq!(again["Ticks"], log.inputs.last().map_or(0, |inputs| inputs.tick + 1));
}

/// A replay that nobody waits for ends, and its place is free.
#[tokio::test]
async fn replays_have_few_places_and_one_that_is_given_up_leaves_its_own() {
    let mut app = App::with("request_timeout_ms = 3600000").await;
    app.stop();
    restart_under(&mut app, SOON).await;
    let (_, id) = app.running_match(&sims::idle()).await;
    inputs_so_far(&app, &id).await;
    app.kill();
    endless(&app, &id);
    restart_under(&mut app, SOON).await;

    let full = tokio::select! {
        () = holds_a_place(&app, &id) => unreachable!(),
        () = holds_a_place(&app, &id) => unreachable!(),
        full = refused(&app, &id) => full,
    };
    assert!(full.problem(503, "busy").contains("replays"));
    while replay(&app, &id, json!({ "To": 0 })).await.status != 200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Has a replay run that never ends, once there is a place for it.
async fn holds_a_place(app: &App, id: &str) {
    loop {
        replay(app, id, json!({})).await.problem(503, "busy");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The answer to a short replay that is not run.
async fn refused(app: &App, id: &str) -> Answer {
    loop {
        let answer = replay(app, id, json!({ "To": 0 })).await;
        if answer.status != 200 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Writes into a match's log that something came into it ages later.
fn endless(app: &App, id: &str) {
    let match_id: MatchId = id.parse().unwrap();
    let record = Record::Inputs(TickInputs {
        tick: 1 << 50,
        events: Vec::new(),
        codes: Vec::new(),
        transcript: Sha256::of(b"never"),
    });
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    let store = Store::open(app.data()).unwrap();
    assert!(!store.inputs(&match_id).unwrap().unwrap_or_default().is_empty(), "it is begun");
    let appended = InputAppend::Records { match_id, bytes };
    store.append_inputs([&appended], u64::MAX).unwrap();
    let InputAppend::Records { match_id, .. } = appended else { unreachable!() };
    assert!(store.lose(&match_id, "it would never be back").unwrap());
}

#[tokio::test]
async fn the_command_line_replays_and_fetches_what_the_api_does() {
    let app = App::start().await;
    let (id, ended) = played(&app, b"q").await;
    let said = run(&mut remote(&app, &["replay", &id])).done();
    assert!(said.starts_with(&format!("{id}  the same, to its end\n")), "{said}");
    assert!(said.contains(ended["Transcript"].as_str().unwrap()), "{said}");
    let part = run(&mut remote(&app, &["replay", &id, "--to", "0", "--json"])).json();
    assert_eq!((&part["Ticks"], &part["Whole"]), (&json!(1), &json!(false)));

    let file = app.data().join("inputs.log");
    run(&mut remote(&app, &["match", "inputs", &id, "-o", file.to_str().unwrap()])).done();
    let log = InputLog::read(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(log, inputs(&app, &id).await);

    let nowhere = "m_0000000000000000";
    run(&mut remote(&app, &["replay", nowhere])).failed(1, &["no such match"]);
    run(&mut remote(&app, &["match", "inputs", nowhere])).failed(1, &["no such match"]);
}
