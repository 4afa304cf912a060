//! A running match, taken over to another version while it is played: what goes on, what is kept of
//! it, and what leaves it as it was.

use lattice_policies::Sha256;
use lattice_store::{Actor, NewSegment, SegmentWhy, Store};
use lattice_surface::InputLog;
use serde_json::{Value, json};

use crate::{
    app::{Answer, App},
    clang::compile,
    cli::{remote, run},
    counter::{Counter, Player},
    socket::Socket,
};

/// A match of version 1.0.0 of a game that has those others.
async fn started(app: &App, versions: &[(&str, &Counter)]) -> (String, String) {
    let game = app.make_game(&app.token).await;
    for (version, sim) in versions {
        app.upload(&game, version, &sim.wasm()).await.expect(201);
    }
    let id = app.start_match(&game, json!({ "Version": "1.0.0" })).await;
    (game, id)
}

pub(crate) async fn upgrade(app: &App, id: &str, version: &str) -> Answer {
    app.post(&format!("/matches/{id}/upgrade"), json!({ "Version": version })).send().await
}

async fn stop(app: &App, id: &str) -> Value {
    app.delete(&format!("/matches/{id}")).send().await.expect(202);
    app.until(id, |found| found["EndedAt"].is_string()).await
}

/// Asserts that all of an ended match is the same again.
async fn replayed(app: &App, id: &str, ended: &Value) {
    let again = app.post(&format!("/matches/{id}/replay"), json!({})).send().await.expect(200);
    assert_eq!((&again["Same"], &again["Whole"]), (&json!(true), &json!(true)), "{again}");
    assert_eq!(again["Ticks"], ended["Tick"]);
    assert_eq!(again["Transcript"], ended["Transcript"]);
    assert_eq!(again["Fuel"], ended["Figures"]["Fuel"]);
}

async fn lines(app: &App, id: &str) -> Vec<String> {
    let page = app.get(&format!("/matches/{id}/logs?Limit=200")).send().await.expect(200);
    let lines = page["Items"].as_array().unwrap().iter();
    lines.map(|line| line["Text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_match_goes_on_as_another_version_and_another_while_it_is_played() {
    let app = App::start().await;
    let sims = [Counter::new(1, 1), Counter::new(2, 10), Counter::new(3, 100)];
    let hashes = sims.each_ref().map(|sim| Sha256::of(&sim.wasm()).to_string());
    let versions = [("1.0.0", &sims[0]), ("2.0.0", &sims[1]), ("3.0.0", &sims[2])];
    let (game, id) = started(&app, &versions).await;
    let step = |version: u8| 10_u32.pow(u32::from(version) - 1);
    let mut player = Player::join(&app, &id).await;
    assert_eq!(player.tick(step).await.version, 1);

    let said: Vec<_> = (0..100).map(|number| format!("word {number}").into_bytes()).collect();
    let talk = async {
        let mut words = said.iter();
        let mut told = player.tick(step).await;
        while told.version == 1 || words.len() > 0 {
            if let Some(word) = words.next() {
                player.socket.send(word).await;
            }
            told = player.tick(step).await;
        }
        player.until(2, step).await;
    };
    let (upgraded, ()) = tokio::join!(upgrade(&app, &id, "2.0.0"), talk);
    let upgraded = upgraded.expect(200);
    assert_eq!((&upgraded["Id"], &upgraded["State"]), (&json!(id), &json!("running")));
    assert_eq!((&upgraded["Version"], &upgraded["Sha256"]), (&json!("1.0.0"), &json!(hashes[0])));
    assert_eq!(upgraded["Runs"], json!({ "Version": "2.0.0", "Sha256": hashes[1] }));
    assert_eq!(player.answers, said, "nothing is lost on the way in or out");

    let found = app.get(&format!("/matches/{id}")).send().await.expect(200);
    assert_eq!((&found["Players"], &found["Connected"]), (&json!(1), &json!(1)));
    assert_eq!(found["Gauges"], json!({ "began": 7.0 }), "as the first version has set it");
    assert_eq!(found["Runs"]["Version"], "2.0.0");

    let said = run(&mut remote(&app, &["match", "upgrade", &id, "--to", "3.0.0"])).done();
    assert!(said.contains("3.0.0") && said.contains(&hashes[2]), "{said}");
    let third = player.until(3, step).await;
    let ended = stop(&app, &id).await;
    assert_eq!(player.socket.closed().await.0, 4000);
    assert_eq!((&ended["Version"], &ended["Sha256"]), (&json!("1.0.0"), &json!(hashes[0])));
    assert_eq!(ended["Runs"], json!({ "Version": "3.0.0", "Sha256": hashes[2] }));

    let lines = lines(&app, &id).await;
    assert_eq!(lines, ["saved", "saved"], "once an upgrade, and not in the shadow");

    let log = app.get(&format!("/matches/{id}/inputs")).send().await;
    let log = InputLog::read(&log.body).unwrap();
    let segments = log.segments.iter().map(|segment| (segment.tick, segment.module.to_string()));
    let firsts = [&upgraded["FirstTick"], &json!(third.tick)].map(|tick| tick.as_i64().unwrap());
    assert!(segments.eq(firsts.into_iter().zip(hashes[1..].iter().cloned())));
    replayed(&app, &id, &ended).await;
    let until_second = json!({ "To": firsts[0] });
    let again = app.post(&format!("/matches/{id}/replay"), until_second).send().await.expect(200);
    assert_eq!((&again["Same"], &again["Ticks"]), (&json!(true), &json!(firsts[0] + 1)));
    let text = run(&mut remote(&app, &["replay", &id])).done();
    assert!(text.starts_with(&format!("{id}  the same, to its end\n")), "{text}");

    let audit = app.get(&format!("/games/{game}/audit?Limit=50")).send().await.expect(200);
    let rows = audit["Items"].as_array().unwrap().iter();
    let rows: Vec<_> = rows.filter(|row| row["Action"] == "match.upgrade").collect();
    assert_eq!(rows.len(), 2);
    let detail = &rows[1]["Detail"];
    assert_eq!((&detail["VersionBefore"], &detail["Version"]), (&json!("1.0.0"), &json!("2.0.0")));
    assert_eq!(
        (&detail["Sha256Before"], &detail["Sha256"]),
        (&json!(hashes[0]), &json!(hashes[1]))
    );
    assert_eq!(detail["Tick"], upgraded["FirstTick"]);
}

#[tokio::test]
async fn the_arena_is_played_on_by_a_new_build_of_it() {
    let app = App::start().await;
    let arena = compile("examples/arena/game_sim.cpp");
    let again = [&arena[..], &custom_section("build", b"2")].concat();
    let game = app.make_game(&app.token).await;
    app.upload(&game, "1.0.0", &arena).await.expect(201);
    app.upload(&game, "1.0.1", &again).await.expect(201);
    let wish = json!({ "Version": "1.0.0", "TickHz": 30, "Seed": 7 });
    let id = app.start_match(&game, wish).await;
    let mut socket = Socket::open(&app, &id, &app.make_player(&id, "ada").await).await;
    socket.send(&[1, 1, 127, 0, 127, 0, 1, 0]).await;
    let first_state = state(&mut socket).await;
    let upgraded = upgrade(&app, &id, "1.0.1").await.expect(200);
    let first = upgraded["FirstTick"].as_u64().unwrap() as u32;
    let mut last = first_state;
    while last.0 < first + 5 {
        let next = state(&mut socket).await;
        assert_eq!(next.0, last.0 + 1);
        assert_eq!((next.1, next.2), (1, last.2), "the player and the boulders are still there");
        last = next;
    }
    let ended = stop(&app, &id).await;
    assert_eq!(ended["State"], "stopped");
    replayed(&app, &id, &ended).await;
}

/// The arena's next state: its tick, and how many players and boulders there are.
async fn state(socket: &mut Socket) -> (u32, u8, u8) {
    loop {
        let message = socket.next().await;
        if message[0] == 3 {
            let tick = u32::from_le_bytes(message[4..8].try_into().unwrap());
            return (tick, message[1], message[2]);
        }
    }
}

/// A section of a module that nothing runs.
fn custom_section(name: &str, bytes: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u8::try_from(bytes).ok().filter(|byte| *byte < 128).unwrap();
    let named = [&[length(name.len())], name.as_bytes(), bytes].concat();
    [&[0, length(named.len())], &named[..]].concat()
}

#[tokio::test]
async fn whatever_fails_leaves_the_match_as_it_was_and_says_why() {
    let app = App::start().await;
    let refuses = r#"(func (export "lattice_sim_load") (result i32)
        (call $log (i32.const 4) (i32.const 160) (i32.const 19)) i32.const 9)"#;
    // Counts its own ticks; a new instance begins with none.
    let third_tick =
        "(i32.store (i32.const 256) (i32.add (i32.load (i32.const 256)) (i32.const 1)))
        (if (i32.eq (i32.load (i32.const 256)) (i32.const 3)) (then unreachable))";
    let fails = [
        ("2.0.0", Counter::exporting(2, ""), "the new module has no `lattice_sim_load`"),
        (
            "2.1.0",
            Counter::exporting(2, refuses),
            "can't load the state: SIM in lattice_sim_load: the sim returned 9",
        ),
        (
            "2.2.0",
            Counter { init: "(return (i32.const 5))", ..Counter::new(2, 1) },
            "can't begin: SIM in lattice_sim_init: the sim returned 5",
        ),
        (
            "2.3.0",
            Counter { tick: third_tick, ..Counter::new(2, 1) },
            "fails in the shadow: TRAP in lattice_sim_tick at tick",
        ),
        (
            "2.4.0",
            Counter { init: "data.drop $more", ..Counter::new(2, 1) },
            "the state of the new module can't be taken out",
        ),
        ("2.5.0", Counter::new(1, 1), "the match runs that module already"),
    ];
    let first = Counter::new(1, 1);
    let mut versions = vec![("1.0.0", &first)];
    versions.extend(fails.iter().map(|(version, sim, _)| (*version, sim)));
    let (game, id) = started(&app, &versions).await;
    let mut player = Player::join(&app, &id).await;
    for (version, _, why) in &fails {
        let detail = upgrade(&app, &id, version).await.problem(409, "conflict");
        assert!(detail.starts_with("the match goes on as it was: "), "{detail}");
        assert!(detail.contains(why), "{version}: {detail}");
    }
    assert!(upgrade(&app, &id, "9.0.0").await.problem(404, "not-found").contains("build"));
    upgrade(&app, &id, "two").await.problem(400, "bad-value");
    let retire = format!("/games/{game}/modules/2.1.0/retire");
    app.post(&retire, json!({})).send().await.expect(200);
    let retired = upgrade(&app, &id, "2.1.0").await.problem(409, "conflict");
    assert!(retired.contains("not schedulable"), "{retired}");
    run(&mut remote(&app, &["match", "upgrade", &id, "--to", "2.2.0"]))
        .failed(1, &["409", "the sim returned 5"]);

    // All ticks so far were the first version's.
    let now = app.until(&id, |_| true).await;
    assert!(now.get("Runs").is_none(), "{now}");
    while player.tick(|_| 1).await.tick < now["Tick"].as_i64().unwrap() {}
    assert_eq!(player.last.unwrap().version, 1);
    let lines = lines(&app, &id).await;
    assert!(lines.contains(&"format 9 is unknown".to_owned()), "{lines:?}");
    let ended = stop(&app, &id).await;
    replayed(&app, &id, &ended).await;
    assert_eq!(app.count("SELECT count(*) FROM match_segment"), 0);
    assert_eq!(app.count("SELECT count(*) FROM audit_row WHERE action = 'match.upgrade'"), 0);
    assert_eq!(app.count("SELECT count(*) FROM snapshot WHERE base"), 0);
    let over = upgrade(&app, &id, "2.0.0").await.problem(409, "conflict");
    assert!(over.contains("does not run"), "{over}");
}

#[tokio::test]
async fn a_match_whose_own_module_has_no_part_in_it_is_not_upgraded() {
    let app = App::start().await;
    let traps = r#"(func (export "lattice_sim_save") (result i32) unreachable)"#;
    let running = [
        (Counter::exporting(1, ""), "the running module has no `lattice_sim_save`"),
        (Counter::exporting(1, traps), "can't save its state: TRAP in lattice_sim_save"),
        (
            Counter { init: "data.drop $more", ..Counter::new(1, 1) },
            "the state of the running module can't be taken out",
        ),
    ];
    for (first, why) in running {
        let (_, id) = started(&app, &[("1.0.0", &first), ("2.0.0", &Counter::new(2, 1))]).await;
        let detail = upgrade(&app, &id, "2.0.0").await.problem(409, "conflict");
        assert!(detail.contains(why), "{detail}");
        let mut player = Player::join(&app, &id).await;
        player.until(1, |_| 1).await;
    }
}

#[tokio::test]
async fn of_two_upgrades_at_once_one_is_done_or_both_one_after_the_other() {
    let app = App::start().await;
    let sims = [Counter::new(1, 1), Counter::new(2, 10)];
    let (_, id) = started(&app, &[("1.0.0", &sims[0]), ("2.0.0", &sims[1])]).await;
    let (one, other) = tokio::join!(upgrade(&app, &id, "2.0.0"), upgrade(&app, &id, "2.0.0"));
    let mut answers = [one, other];
    answers.sort_by_key(|answer| answer.status);
    assert_eq!(answers[0].expect(200)["Runs"]["Version"], "2.0.0");
    answers[1].problem(409, "conflict");
    let mut player = Player::join(&app, &id).await;
    player.until(2, |_| 10).await;
    let ended = stop(&app, &id).await;
    replayed(&app, &id, &ended).await;
    assert_eq!(app.count("SELECT count(*) FROM match_segment"), 1);
}

#[tokio::test]
async fn a_match_of_somebody_else_is_not_there_to_be_upgraded() {
    let app = App::start().await;
    let sims = [Counter::new(1, 1), Counter::new(2, 10)];
    let (_, id) = started(&app, &[("1.0.0", &sims[0]), ("2.0.0", &sims[1])]).await;
    let stranger = app.make_token("eve", "developer").await;
    let path = format!("/matches/{id}/upgrade");
    let asked = app.post(&path, json!({ "Version": "2.0.0" })).token(&stranger).send().await;
    asked.problem(404, "not-found");
    let nobody = app.post(&path, json!({ "Version": "2.0.0" })).token("").send().await;
    nobody.problem(401, "no-valid-token");
    assert!(app.until(&id, |_| true).await.get("Runs").is_none());
}

#[tokio::test]
async fn what_a_power_cut_left_of_an_upgrade_goes_on_and_what_it_kept_from_coming_does_no_harm() {
    let mut app = App::start().await;
    let sims = [Counter::new(1, 1), Counter::new(2, 10), Counter::new(3, 100)];
    let versions = [("1.0.0", &sims[0]), ("2.0.0", &sims[1]), ("3.0.0", &sims[2])];
    let (_, id) = started(&app, &versions).await;
    let mut player = Player::join(&app, &id).await;
    let first = upgrade(&app, &id, "2.0.0").await.expect(200)["FirstTick"].as_i64().unwrap();
    player.socket.send(b"the last word").await;
    let written = || async {
        let log = app.get(&format!("/matches/{id}/inputs")).send().await;
        let is_there = |log: &InputLog| log.inputs.last().is_some_and(|last| last.tick >= first);
        InputLog::read(&log.body).ok().filter(is_there)
    };
    let log = loop {
        match written().await {
            Some(log) => break log,
            None => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    app.kill();
    // The next upgrade came as far as its row, and not into the log.
    let actor = Actor::system();
    let segment = NewSegment {
        match_id: id.parse().unwrap(),
        tick: log.inputs.last().unwrap().tick + 1,
        version: "3.0.0".parse().unwrap(),
        sha256: Sha256::of(&sims[2].wasm()),
        why: SegmentWhy::Upgrade,
    };
    Store::open(app.data()).unwrap().add_segment(&actor, &segment).unwrap();
    app.restart().await;
    let last = log.inputs.last().unwrap().tick;
    let wish = json!({ "To": last });
    let again = app.post(&format!("/matches/{id}/replay"), wish).send().await.expect(200);
    assert_eq!((&again["Same"], &again["Ticks"]), (&json!(true), &json!(last + 1)), "{again}");
    assert_eq!(again["Transcript"], log.inputs.last().unwrap().transcript.to_string());
    app.until(&id, |found| found["State"] == "running").await;
    Player::join(&app, &id).await.until(2, |_| 10).await;
    let ended = stop(&app, &id).await;
    replayed(&app, &id, &ended).await;
}
