//! Native matches through the doors of their users: played, run again, forked, brought back after a
//! power cut and proved by their receipts, as if they were wasm; and what is said where no tier is.

use std::fs;

use serde_json::{Value, json};

use crate::{
    app::{App, lattice},
    cli::{Said, remote, run},
    tally::{self, Adder, ON, restart, under},
    upgrade::upgrade,
};

/// A game with a native build, and a match of it that ticks.
async fn begun(app: &App) -> (String, String) {
    let game = app.make_game(&app.token).await;
    upload(app, &game, "1.0.0");
    let id = app.start_match(&game, json!({})).await;
    (game, id)
}

fn upload(app: &App, game: &str, version: &str) {
    let file = app.data().join("tally.so");
    fs::write(&file, tally::native()).unwrap();
    let args = ["upload", file.to_str().unwrap(), "--game", game, "--version", version];
    run(&mut remote(app, &args)).done();
}

/// The barriers that this machine has, as the server tells.
async fn barriers(app: &App) -> Value {
    let tier = app.get("/readyz").send().await.expect(200)["NativeTier"].clone();
    assert_eq!(tier["State"], "ready", "the tests need what the tier needs");
    tier["Isolation"].clone()
}

async fn ended(app: &App, id: &str) -> Value {
    app.until(id, |found| found["EndedAt"].is_string()).await
}

/// Finishes the match, and asserts that all of it is the same again.
async fn finishes_as_one(app: &App, id: &str, adder: &mut Adder) -> Value {
    adder.say(b'q').await;
    let ended = ended(app, id).await;
    assert_eq!((&ended["State"], &ended["Log"]), (&json!("finished"), &json!("whole")), "{ended}");
    let again = app.post(&format!("/matches/{id}/replay"), json!({})).send().await.expect(200);
    assert_eq!((&again["Same"], &again["Whole"]), (&json!(true), &json!(true)), "{again}");
    assert_eq!(again["Transcript"], ended["Transcript"]);
    ended
}

/// The details of the audit's rows of a match with that action, the oldest first.
fn audited(app: &App, id: &str, action: &str) -> Vec<Value> {
    let database = app.database();
    let rows = "SELECT detail FROM audit_row WHERE target = ?1 AND action = ?2 ORDER BY seq";
    let mut query = database.prepare(rows).unwrap();
    let rows = query.query_map([id, action], |row| row.get::<_, String>(0)).unwrap();
    rows.map(|detail| serde_json::from_str(&detail.unwrap()).unwrap()).collect()
}

/// Waits until a match is on record as taken up again for that time, and gives the row's detail.
async fn back(app: &App, id: &str, times: usize) -> Value {
    loop {
        let mut rows = audited(app, id, "match.resume");
        if rows.len() >= times {
            assert_eq!(rows.len(), times);
            return rows.remove(times - 1);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// A figure of the metrics.
async fn figure(app: &App, name: &str) -> String {
    let page = app.get(&format!("{}/metrics", app.admin_origin)).send().await.text();
    let line = page.lines().find_map(|line| line.strip_prefix(&format!("lattice_{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in {page}")).to_owned()
}

#[tokio::test]
async fn a_native_match_is_played_logged_and_run_again_like_any_other() {
    let app = under(ON).await;
    let (game, id) = begun(&app).await;
    let here = barriers(&app).await;
    let running = app.until(&id, |found| found["Isolation"].is_array()).await;
    assert_eq!((&running["Packaging"], &running["Isolation"]), (&json!("native"), &here));
    assert_eq!(audited(&app, &id, "match.run"), [json!({ "Isolation": here })]);
    let table = run(&mut remote(&app, &["match", "list", "--game", &game])).done();
    assert!(table.contains("PACKAGING") && table.contains("  native  "), "{table}");
    let [matches, cells] = [figure(&app, "native_matches").await, figure(&app, "cells").await];
    assert_eq!((matches.as_str(), cells.as_str()), ("1", "1"));

    let (mut adder, sum) = Adder::join(&app, &id).await;
    assert_eq!(sum, 0);
    assert_eq!(adder.add(3).await.0, 3);
    let (sum, tick) = adder.add(4).await;
    assert_eq!(sum, 7);
    let shown = app.until(&id, |found| found["Gauges"]["sum"] == 7.0).await;
    assert!(shown["Tick"].as_i64() >= Some(tick));
    let ended = finishes_as_one(&app, &id, &mut adder).await;
    assert_eq!((&ended["ResultBase64"], &ended["Isolation"]), (&json!("BwAAAA=="), &here));
    let logs = app.get(&format!("/matches/{id}/logs")).send().await.expect(200);
    assert_eq!(logs["Items"][0]["Text"], "joined");
    assert_eq!(figure(&app, "cells").await, "0", "its process went with it");

    let told = "SELECT packaging || ': ' || isolation FROM matches";
    let told: String = app.database().query_row(told, [], |row| row.get(0)).unwrap();
    assert!(told.starts_with("native: seccomp, clock, unprivileged"), "{told}");
}

#[tokio::test]
async fn after_a_power_cut_a_native_match_is_back_within_its_barriers() {
    let mut app = under(ON).await;
    let (_, id) = begun(&app).await;
    let here = barriers(&app).await;
    let (mut adder, _) = Adder::join(&app, &id).await;
    let (sum, before) = adder.add(5).await;
    assert_eq!(sum, 5);
    let snapshots = "SELECT count(*) FROM snapshot";
    let mark = format!("SELECT count(*) FROM match_mark WHERE tick > {before}");
    while app.count(snapshots) == 0 || app.count(&mark) == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    app.kill();

    restart(&mut app, ON).await;
    let resumed = back(&app, &id, 1).await;
    assert_eq!(resumed["Isolation"], here);
    assert!(resumed["Tick"].as_i64() > Some(before), "{resumed}");
    let mut adder = adder.back(&app, &id).await;
    assert_eq!(adder.add(6).await.0, 11, "it remembers");
    finishes_as_one(&app, &id, &mut adder).await;
}

#[tokio::test]
async fn where_the_tier_is_off_a_native_match_waits_for_the_start_that_has_it() {
    let mut app = under(ON).await;
    let (game, id) = begun(&app).await;
    let (mut adder, _) = Adder::join(&app, &id).await;
    adder.add(5).await;
    app.signal("-TERM");
    assert_eq!(adder.closed().await, 1001);
    assert!(app.wait().success());

    restart(&mut app, "").await;
    let before = app.kept();
    let start = app.post(&format!("/games/{game}/matches"), json!({})).send().await;
    let why = start.problem(409, "native-tier");
    assert!(why.contains("off"), "{why}");
    app.post(&format!("/matches/{id}/replay"), json!({})).send().await.problem(409, "native-tier");
    assert_eq!(app.kept(), before);
    let build = app.get(&format!("/games/{game}/modules/1.0.0")).send().await.expect(200);
    assert_eq!(build["Schedulable"], true, "nothing is wrong with the build");
    let left = app.get(&format!("/matches/{id}")).send().await.expect(200);
    assert_eq!(left["State"], "running", "it is not lost");
    assert!(audited(&app, &id, "match.resume").is_empty());
    app.stop();

    restart(&mut app, ON).await;
    back(&app, &id, 1).await;
    let mut adder = adder.back(&app, &id).await;
    assert_eq!(adder.add(1).await.0, 6);
    finishes_as_one(&app, &id, &mut adder).await;
}

#[tokio::test]
async fn a_native_match_is_forked_and_looked_into() {
    let app = under(ON).await;
    let (_, id) = begun(&app).await;
    let (mut adder, _) = Adder::join(&app, &id).await;
    let (_, first) = adder.add(5).await;
    let (_, second) = adder.add(6).await;
    assert!(second > first);
    finishes_as_one(&app, &id, &mut adder).await;

    let at = format!("{}", first + 1);
    let seen = run(&mut remote(&app, &["inspect", &id, "--at", &at])).done();
    assert!(seen.contains("addresses are the sim's pointers less 0x1000000000"), "{seen}");
    let diff = ["inspect", &id, "--json", "--diff", &at, &format!("{}", second + 1)];
    let diff = run(&mut remote(&app, &diff)).json();
    assert_eq!(diff["Gauges"], json!([{ "Name": "sum", "Before": 5.0, "After": 11.0 }]));
    assert!(diff["Memory"]["Count"].as_u64() > Some(0), "{diff}");
    assert!(diff["Memory"]["Ranges"][0].get("Symbol").is_none());

    let fork = run(&mut remote(&app, &["fork", &id, "--at", &at, "--json"])).json();
    assert_eq!(fork["Packaging"], "native");
    let fork = fork["Id"].as_str().unwrap();
    let (mut other, sum) = Adder::join(&app, fork).await;
    assert_eq!(sum, 5, "the second was not yet added");
    other.add(1).await;
    finishes_as_one(&app, fork, &mut other).await;
}

#[tokio::test]
async fn a_match_goes_over_to_native_and_back_while_it_is_played() {
    let app = under(ON).await;
    let game = app.make_game(&app.token).await;
    upload(&app, &game, "2.0.0");
    for version in ["1.0.0", "3.0.0"] {
        app.upload(&game, version, &tally::wasm()).await;
    }
    let id = app.start_match(&game, json!({ "Version": "1.0.0" })).await;
    let (mut adder, _) = Adder::join(&app, &id).await;
    adder.add(5).await;
    let upgraded = upgrade(&app, &id, "2.0.0").await.expect(200);
    assert_eq!((&upgraded["Packaging"], &upgraded["Version"]), (&json!("native"), &json!("1.0.0")));
    assert_eq!(upgraded["Isolation"], barriers(&app).await);
    assert_eq!(adder.add(6).await.0, 11);

    let upgraded = upgrade(&app, &id, "3.0.0").await.expect(200);
    assert_eq!((&upgraded["Packaging"], &upgraded["Isolation"]), (&json!("wasm"), &Value::Null));
    assert_eq!(adder.add(7).await.0, 18);
    let told = audited(&app, &id, "match.isolate");
    assert_eq!((told.len(), &told[1]["Isolation"]), (2, &Value::Null));
    finishes_as_one(&app, &id, &mut adder).await;
}

#[tokio::test]
async fn a_native_sim_that_traps_ends_its_match_alone() {
    let app = under(ON).await;
    let (game, id) = begun(&app).await;
    let neighbour = app.start_match(&game, json!({})).await;
    let (mut adder, _) = Adder::join(&app, &id).await;
    adder.add(5).await;
    adder.say(b't').await;
    assert_eq!(adder.closed().await, 4004);
    let ended = ended(&app, &id).await;
    assert_eq!((&ended["State"], &ended["Fault"]["Kind"]), (&json!("faulted"), &json!("TRAP")));
    assert_eq!(ended["Fault"]["Entry"], "lattice_sim_tick");
    let again = app.post(&format!("/matches/{id}/replay"), json!({})).send().await.expect(200);
    assert_eq!((&again["Same"], &again["Whole"]), (&json!(true), &json!(true)), "{again}");
    let (mut other, _) = Adder::join(&app, &neighbour).await;
    assert_eq!(other.add(1).await.0, 1);
}

/// Checks a native match's receipt by its files, without a server, under that policy.
fn verify(app: &App, id: &str, policy: &str) -> Said {
    let [policy_file, key, log, receipt, module] =
        ["verify.toml", "key", "log", "receipt", "tally.so"].map(|name| app.data().join(name));
    fs::write(&policy_file, policy).unwrap();
    let keys = run(lattice().args(["key", "show", "--pem", "--data"]).arg(app.data())).done();
    fs::write(&key, keys).unwrap();
    run(remote(app, &["match", "inputs", id, "-o"]).arg(&log)).done();
    run(remote(app, &["receipt", "fetch", id, "-o"]).arg(&receipt)).done();
    let mut verify = lattice();
    verify.args(["receipt", "verify"]).arg(&receipt).arg("--key").arg(&key);
    verify.arg("--module").arg(&module).arg("--log").arg(&log);
    run(verify.arg("--policy").arg(&policy_file))
}

#[tokio::test]
async fn a_native_match_is_proved_by_its_receipt_where_a_cell_can_run_it_again() {
    let app = under(ON).await;
    let (_, id) = begun(&app).await;
    let (mut adder, _) = Adder::join(&app, &id).await;
    adder.add(5).await;
    finishes_as_one(&app, &id, &mut adder).await;

    let yes = verify(&app, &id, ON).done();
    let places: Vec<_> = yes.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(places, ["receipt", "module", "log", "replay", "result", "state"], "{yes}");
    let says =
        run(lattice().args(["receipt", "show", "--json"]).arg(app.data().join("receipt"))).json();
    let says = &says["predicate"];
    assert_eq!((&says["packaging"], &says["isolation"]), (&json!("native"), &barriers(&app).await));
    assert_eq!(says["runs"], says["module"]);

    let lacking = format!("{ON}\n").replace("enabled", "minimum = [\"cgroup\"]\nenabled");
    let no = verify(&app, &id, &lacking);
    assert_eq!(no.code, 1, "{}", no.stdout);
    let last = no.stdout.lines().last().unwrap();
    let said = "no   replay     it was not run again";
    assert!(last.starts_with(said) && last.contains("cgroup"), "{last}");
}
