//! A game that demands a native transcript: its builds start no match before their native twin was
//! held against them, and no recording that proves nothing passes.

use std::{fs, path::PathBuf, process::Command};

use http::Method;
use serde_json::{Value, json};

use crate::{
    app::{Answer, App, lattice},
    clang::project,
    cli::{remote, run},
    tally::{ON, under},
    twin::{Twins, sim},
    upload::raw,
};

/// A server with a game whose gate is shut, and a build of the twins' module.
async fn gated(twins: &Twins) -> (App, String) {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let shut = shut(&app, &game, &app.token, true).await.expect(200);
    assert_eq!(shut["NativeTranscript"], true);
    let build = app.upload(&game, "1.0.0", &fs::read(twins.wasm()).unwrap()).await.expect(201);
    assert_eq!((&build["Schedulable"], &build["Awaits"]), (&json!(false), &json!(AWAITED)));
    (app, game)
}

const AWAITED: &str = "native-transcript";

async fn shut(app: &App, game: &str, token: &str, shut: bool) -> Answer {
    let asked = app.request(Method::PUT, &format!("/games/{game}/gate")).token(token);
    asked.json(json!({ "NativeTranscript": shut })).send().await
}

async fn send(app: &App, game: &str, token: &str, recording: Vec<u8>) -> Answer {
    let path = format!("/games/{game}/modules/1.0.0/transcript");
    app.request(Method::PUT, &path).token(token).body(recording).send().await
}

async fn build(app: &App, game: &str) -> Value {
    app.get(&format!("/games/{game}/modules/1.0.0")).send().await.expect(200)
}

/// What the native program plays with made-up players, as it records it.
fn recorded(twins: &Twins, players: &str, ticks: &str) -> Vec<u8> {
    let to = recording(twins);
    let mut native = Command::new(twins.native());
    native.args(["--players", players, "--ticks", ticks, "--seed", "1", "--wasm"]);
    run(native.arg(twins.wasm()).arg("--record").arg(&to)).done();
    fs::read(to).unwrap()
}

fn recording(twins: &Twins) -> PathBuf {
    twins.folder.path().join("native.log")
}

#[tokio::test]
async fn a_build_starts_matches_once_its_native_twin_said_the_same() {
    let twins = Twins::of(&project().join("examples/hello/hello.c"));
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let ask = |args: &[&str]| run(&mut remote(&app, args));
    let told = ask(&["game", "gate", &game, "on"]).done();
    assert!(told.contains("held against a native transcript"), "{told}");
    assert!(ask(&["game", "list"]).done().contains("native transcript"));

    let wasm = twins.wasm();
    let upload = ["upload", wasm.to_str().unwrap(), "--game", &game, "--version", "1.0.0"];
    let said = ask(&upload).done();
    let next = format!("lattice game transcript native.log --game {game} --version 1.0.0");
    assert!(said.contains("not schedulable yet") && said.contains(&next), "{said}");
    let start =
        || app.post(&format!("/games/{game}/matches"), json!({ "Version": "1.0.0" })).send();
    assert!(start().await.problem(409, "conflict").contains("native transcript"));

    let log = recording(&twins);
    let log = log.to_str().unwrap();
    twins.verify(&["--players", "3", "--ticks", "90", "--record", log]).done();
    let transcript = ["game", "transcript", log, "--game", &game, "--version", "1.0.0"];
    let said = ask(&transcript).done();
    assert_eq!(said, "1.0.0  the same as natively, schedulable\n");
    let found = build(&app, &game).await;
    assert_eq!((&found["Schedulable"], &found["Awaits"]), (&json!(true), &Value::Null));
    start().await.expect(201);
    let rows = "SELECT count(*) FROM audit_row WHERE outcome = 'ok' AND action IN \
                ('game.gate', 'module.verify')";
    assert_eq!(app.count(rows), 2);
    assert!(
        !ask(&upload).done().contains("not schedulable"),
        "the same upload again needs nothing"
    );
}

#[tokio::test]
async fn a_native_program_that_says_something_else_leaves_the_gate_shut_and_the_tick_is_named() {
    let nan = "double nan = zero / zero; lattice_ms_broadcast(&nan, 8, 0);";
    let twins = Twins::of_text("nan.c", &sim("static volatile double zero;", nan));
    let (app, game) = gated(&twins).await;

    let kept = recording(&twins);
    let differs = twins.verify(&["--ticks", "90", "--record", kept.to_str().unwrap()]);
    assert_eq!((differs.code, kept.exists()), (1, false), "verify keeps no recording of that");

    let answer = send(&app, &game, &app.token, recorded(&twins, "2", "90")).await;
    let difference = answer.json()["Difference"].clone();
    assert_eq!((&difference["Kind"], &difference["Tick"]), (&json!("transcript"), &json!(5)));
    assert!(answer.problem(409, "not-the-twin").contains("after tick 5 "));
    assert_eq!(build(&app, &game).await["Awaits"], AWAITED);
    let rows = "SELECT count(*) FROM audit_row WHERE action = 'module.verify'";
    assert_eq!(app.count(&format!("{rows} AND outcome = 'differs'")), 1);
    assert_eq!(app.count(rows), 1);
}

#[tokio::test]
async fn limits_other_than_the_consoles_are_a_likely_cause_and_named() {
    let twins = Twins::of_text("sends.c", &sim("static char big[100];", SENDS));
    let (app, game) = gated(&twins).await;
    let policy = twins.folder.path().join("policy.toml");
    fs::write(&policy, "[match]\nmessage_out_bytes = 99\n").unwrap();
    let policy = policy.to_str().unwrap();
    let log = recording(&twins);
    let match_ = ["--ticks", "60", "--record", log.to_str().unwrap()];
    twins.verify(&[&match_[..], &["--policy", policy]].concat()).done();
    let answer = send(&app, &game, &app.token, fs::read(&log).unwrap()).await;
    let told = answer.problem(409, "not-the-twin");
    assert!(told.contains("after tick 5 ") && told.contains("under another policy"), "{told}");
}

const SENDS: &str = "lattice_logf(LATTICE_INFO, \"%d\", lattice_ms_broadcast(big, 100, 0));";

#[tokio::test]
async fn a_recording_that_proves_nothing_is_refused_with_the_reason() {
    let twins = Twins::of_text("sim.c", &sim("", ""));
    let (app, game) = gated(&twins).await;
    let other = Twins::of_text("other.c", &sim("", "lattice_ms_broadcast(\"x\", 1, 0);"));
    let whole = recorded(&twins, "2", "60");
    let logged = twins.folder.path().join("inputs");
    twins.verify(&["--ticks", "90", "--write-inputs", logged.to_str().unwrap()]).done();
    let logged = fs::read(logged).unwrap();
    // The end is one frame of 8 bytes, its kind and 50 more, and its empty text's length.
    let cut_off = whole[..whole.len() - 8 - 1 - 8 - 32 - 2 - 4].to_vec();

    let kept = app.kept();
    for (recording, why) in [
        (Vec::new(), "no input log"),
        (b"no log".to_vec(), "no input log"),
        (whole[..whole.len() - 1].to_vec(), "no input log"),
        (cut_off, "has no end"),
        (recorded(&twins, "2", "59"), "has 59 ticks, and at least 60 are needed"),
        (recorded(&twins, "0", "60"), "no player joins"),
        (recorded(&other, "2", "60"), "is of the module"),
        (logged, "the log of a match in the sandbox"),
    ] {
        let answer = send(&app, &game, &app.token, recording).await;
        let told = answer.problem(400, "bad-recording");
        assert!(told.contains(why), "no {why} in {told}");
    }
    assert_eq!(app.kept(), kept, "nothing is kept of them");
    assert_eq!(build(&app, &game).await["Awaits"], AWAITED);
    let head = format!(
        "PUT /games/{game}/modules/1.0.0/transcript HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-length: 16777217\r\nexpect: 100-continue\r\n\r\n",
        app.token
    );
    let too_large = raw(&app, &head).await;
    assert!(too_large.starts_with("HTTP/1.1 413 "), "{too_large}");
    send(&app, &game, &app.token, whole).await.expect(200);
}

#[tokio::test]
async fn a_sim_that_says_nothing_proves_nothing() {
    let text = sim("", "").replace("lattice_ms_broadcast(&tick, 8, 0);", "");
    let twins = Twins::of_text("silent.c", &text);
    let (app, game) = gated(&twins).await;
    let answer = send(&app, &game, &app.token, recorded(&twins, "2", "60")).await;
    assert!(answer.problem(400, "bad-recording").contains("lattice_sim_hash"));
}

#[tokio::test]
async fn a_gate_is_its_owners_and_holds_for_the_builds_that_are_there() {
    let twins = Twins::of_text("sim.c", &sim("", ""));
    let app = App::start().await;
    let [ada, bob] = [app.make_token("ada", "developer"), app.make_token("bob", "developer")];
    let (ada, bob, eve) = (ada.await, bob.await, app.make_token("ada", "viewer").await);
    let game = app.make_game(&ada).await;
    app.upload(&game, "1.0.0", &fs::read(twins.wasm()).unwrap()).await.expect(201);
    let id = app.start_match(&game, json!({})).await;

    for stranger in [&bob, &eve] {
        shut(&app, &game, stranger, true).await.problem(403, "not-yours");
        send(&app, &game, stranger, recorded(&twins, "2", "60")).await.problem(403, "not-yours");
    }
    assert_eq!(build(&app, &game).await["Schedulable"], true);
    shut(&app, &game, &ada, true).await.expect(200);
    assert_eq!(build(&app, &game).await["Schedulable"], false);
    let tick = app.until(&id, |found| found["State"] == "running").await["Tick"].as_i64();
    app.until(&id, |found| found["Tick"].as_i64() > tick).await;
    let none = app.post(&format!("/games/{game}/matches"), json!({})).send().await;
    assert!(none.problem(409, "conflict").contains("no schedulable build"));

    send(&app, &game, &ada, recorded(&twins, "2", "60")).await.expect(200);
    app.post(&format!("/games/{game}/matches"), json!({})).send().await.expect(201);
    let opened = shut(&app, &game, &ada, false).await.expect(200);
    assert_eq!(opened["NativeTranscript"], false);
}

#[tokio::test]
async fn a_native_build_passes_the_gate_in_a_cell() {
    let twins = Twins::of(&project().join("examples/hello/hello.c"));
    let app = under(ON).await;
    let game = app.make_game(&app.token).await;
    let ask = |args: &[&str]| run(&mut remote(&app, args));
    ask(&["game", "gate", &game, "on"]).done();
    let (object, log) = (twins.object(), recording(&twins));
    let (object, log) = (object.to_str().unwrap(), log.to_str().unwrap());
    let said = ask(&["upload", object, "--game", &game, "--version", "1.0.0"]).done();
    assert!(said.contains("not schedulable yet"), "{said}");

    let of_wasm = recorded(&twins, "3", "90");
    let why = send(&app, &game, &app.token, of_wasm).await.problem(400, "bad-recording");
    assert!(why.contains("is of the module"), "{why}");
    assert_eq!(build(&app, &game).await["Schedulable"], false);

    let (native, policy) = (twins.native(), app.data().join("policy.toml"));
    let mut verify = lattice();
    verify.args(["verify", "--module", object, "--native"]).arg(native);
    verify.args(["--players", "3", "--ticks", "90", "--record", log, "--policy"]).arg(policy);
    let said = run(&mut verify).done();
    assert!(said.starts_with("the same: 9"), "{said}");
    let transcript = ["game", "transcript", log, "--game", &game, "--version", "1.0.0"];
    assert!(ask(&transcript).done().contains("the same as natively, schedulable"));
    let id = app.start_match(&game, json!({})).await;
    let found = app.get(&format!("/matches/{id}")).send().await.expect(200);
    assert_eq!((&found["Packaging"], &found["State"]), (&json!("native"), &json!("running")));
}
