//! Matches: started, watched, stopped; finished and faulted by their own doing.

use std::time::Duration;

use serde_json::json;

use crate::{app::App, sims, socket::Socket};

#[tokio::test]
async fn a_match_ticks_until_it_is_stopped_and_stays_stopped() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let build = app.upload(&game, "1.0.0", &sims::idle()).await.expect(201);
    let id = app.start_match(&game, json!({ "TickHz": 200, "Seed": "42" })).await;
    let running = app.until(&id, |found| found["Tick"].as_i64() > Some(3)).await;
    assert_eq!(running["State"], "running");
    assert_eq!(running["Sha256"], build["Sha256"]);
    assert_eq!((&running["Seed"], &running["TickHz"]), (&json!("42"), &json!(200)));
    assert!(running["FuelTotal"].as_u64() > Some(0));

    let path = format!("/matches/{id}");
    let stopping = app.delete(&path).send().await.expect(202);
    assert_eq!(stopping["State"], "stopping");
    let stopped = app.until(&id, |found| found["EndedAt"].is_string()).await;
    assert_eq!(stopped["State"], "stopped");
    assert!(stopped["Tick"].as_i64() > running["Tick"].as_i64());
    assert!(stopped.get("Fault").is_none());
    assert_eq!(app.delete(&path).send().await.expect(200), stopped, "nothing changes any more");

    let listed = app.get(&format!("/games/{game}/matches")).send().await.expect(200);
    let mut stopped = stopped;
    stopped.as_object_mut().unwrap().remove("Transcript").expect("it has ended, and was logged");
    assert_eq!(listed["Items"], json!([stopped]));
    let player = app.post(&format!("{path}/players"), json!({})).send().await;
    assert!(player.problem(409, "conflict").contains("stopped"));
}

#[tokio::test]
async fn a_sim_that_finishes_leaves_its_result() {
    let app = App::start().await;
    let (game, id) = app.running_match(&sims::puppet()).await;
    let token = app.make_player(&id, "ada").await;
    Socket::open(&app, &id, &token).await.send(b"q").await;
    let ended = app.until(&id, |found| found["EndedAt"].is_string()).await;
    assert_eq!(ended["State"], "finished");
    assert_eq!(ended["ResultBase64"], "dGhlIGVuZA==");
    let listed = app.get(&format!("/games/{game}/matches")).send().await.expect(200);
    assert_eq!(listed["Items"][0]["State"], "finished");
    assert!(listed["Items"][0].get("ResultBase64").is_none(), "a list of results has no bound");
}

#[tokio::test]
async fn a_sim_that_traps_ends_with_the_fault_named_and_its_neighbour_ticks_on() {
    let app = App::start().await;
    let (game, id) = app.running_match(&sims::puppet()).await;
    let neighbour = app.start_match(&game, json!({})).await;
    let token = app.make_player(&id, "ada").await;
    let mut socket = Socket::open(&app, &id, &token).await;
    socket.send(b"t").await;
    assert_eq!(socket.closed().await.0, 4004);
    let ended = app.until(&id, |found| found["EndedAt"].is_string()).await;
    assert_eq!(ended["State"], "faulted");
    assert_eq!(ended["Fault"]["Kind"], "TRAP");
    assert_eq!(ended["Fault"]["Entry"], "lattice_sim_tick");
    assert!(ended["Fault"]["Tick"].as_i64() >= Some(0));
    let tick = app.until(&neighbour, |found| found["State"] == "running").await["Tick"].as_i64();
    app.until(&neighbour, |found| found["Tick"].as_i64() > tick).await;
}

#[tokio::test]
async fn one_game_does_not_take_all_places() {
    let app = App::with("match_slots = 3\nmatches_per_game = 2").await;
    let (game, _) = app.running_match(&sims::idle()).await;
    app.start_match(&game, json!({})).await;
    let before = app.kept();
    let full = app.post(&format!("/games/{game}/matches"), json!({})).send().await;
    full.problem(503, "busy");
    assert_eq!(full.header("retry-after"), "1");
    assert_eq!(app.kept(), before);
    app.running_match(&sims::idle()).await;
}

#[tokio::test]
async fn a_players_link_leads_to_the_page_with_the_token_behind_the_hash() {
    let app = App::start().await;
    let (_, id) = app.running_match(&sims::puppet()).await;
    let path = format!("/matches/{id}/players");
    let first = app.post(&path, json!({ "Name": "ada" })).send().await.expect(201);
    let token = first["Token"].as_str().unwrap();
    assert_eq!(first["Player"], 1);
    assert_eq!(first["Url"], format!("{}/play/{id}/#token={token}", app.origin));
    let second = app.post(&path, json!({})).send().await.expect(201);
    assert_eq!(second["Player"], 2);
    assert_ne!(second["Token"], first["Token"]);
}

#[tokio::test]
async fn who_does_not_wait_for_the_start_leaves_no_match_that_never_starts() {
    let app = App::with("request_timeout_ms = 1000").await;
    let game = app.make_game(&app.token).await;
    app.upload(&game, "1.0.0", &sims::idle()).await.expect(201);
    let busy = app.writer();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    let given_up = app.post(&format!("/games/{game}/matches"), json!({})).send().await;
    given_up.problem(408, "timed-out");
    assert_eq!(app.count("SELECT count(*) FROM match_run"), 0, "it is about to be written");
    busy.execute_batch("ROLLBACK").unwrap();
    while app.count("SELECT count(*) FROM match_run WHERE state = 'running'") == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_match_stops_though_it_cannot_be_written_that_it_shall() {
    let app = App::start().await;
    let (_, id) = app.running_match(&sims::idle()).await;
    let failing = "CREATE TRIGGER failing BEFORE UPDATE ON match_run WHEN NEW.state = 'stopping'
                   BEGIN SELECT RAISE(ABORT, 'failing'); END";
    app.writer().execute_batch(failing).unwrap();
    app.delete(&format!("/matches/{id}")).send().await.problem(500, "internal");
    let ended = app.until(&id, |found| found["EndedAt"].is_string()).await;
    assert_eq!(ended["State"], "stopped");
}

#[tokio::test]
async fn a_gauges_name_is_shown_escaped() {
    let app = App::start().await;
    let (_, id) = app.running_match(&sims::gauge("\\e2\\80\\ae<b>")).await;
    let found = app.until(&id, |found| found["Tick"].as_i64() > Some(1)).await;
    assert_eq!(found["Gauges"], json!({ "\\u{202e}<b>": 7.0 }));
}
