//! How a match ends, what it leaves behind, and how one does not even begin.

use arena_bots::decode::decode;
use arena_bots::protocol::{Message, OverReason};
use serde_json::{Value, json};

use crate::host::{JOIN, STOP, Sim};
use crate::table::Table;

#[test]
fn the_score_limit_ends_the_match_and_the_result_names_the_winner() {
    let mut table = Table::of(4, "score_limit=3", 3, 30);
    assert!(table.play_to_the_end(20_000));
    assert_eq!(table.seats[0].tally.over, Some(OverReason::Score));
    let result = result(&table.sim);
    assert_eq!(result["reason"], "score");
    let winner = players(&result).find(|player| player["player"] == result["winner"]).unwrap();
    assert_eq!(winner["kills"], 3);
    assert!(players(&result).all(|player| player["kills"].as_u64() <= Some(3)));
}

#[test]
fn the_time_limit_ends_the_match_at_its_tick() {
    let mut table = Table::of(2, "seconds=5 score_limit=0", 3, 20);
    table.play(100);
    assert_eq!(table.tick(), 1);
    assert_eq!(table.seats[1].tally.over, Some(OverReason::Time));
    assert_eq!(result(&table.sim)["ticks"], 100);
}

#[test]
fn a_stop_finishes_in_the_same_tick_and_shutdown_adds_nothing() {
    let mut table = Table::of(2, "", 3, 20);
    table.play(10);
    table.sim.event(STOP, 0, b"");
    assert_eq!(table.tick(), 1);
    assert_eq!(table.seats[0].tally.over, Some(OverReason::Stopped));
    let first = result(&table.sim);
    assert_eq!(first["winner"], Value::Null, "nobody scored");
    assert!(table.sim.shutdown().is_empty());
    assert_eq!(result(&table.sim), first);
}

#[test]
fn a_shutdown_without_a_stop_still_leaves_a_result() {
    let mut table = Table::of(1, "", 3, 20);
    table.play(10);
    let sent = table.sim.shutdown();
    assert!(matches!(decode(&sent[0].bytes), Ok(Message::Over(_))));
    assert_eq!(result(&table.sim)["reason"], "stopped");
}

#[test]
fn a_name_cannot_break_the_result() {
    let mut sim = Sim::start("", 1, 30);
    sim.event(JOIN, 1, br#"x","kills":99,"\"#);
    sim.event(STOP, 0, b"");
    assert_eq!(sim.tick().0, 1);
    let player = json!({"player": 1, "name": r#"x","kills":99,"\"#, "kills": 0, "deaths": 0});
    assert_eq!(result(&sim)["players"], json!([player]));
}

#[test]
fn a_config_that_is_wrong_is_named_and_refused() {
    let cases = [
        ("score_limit=ten", "score_limit must be a whole number from 0 to 1000"),
        ("score_limit=", "score_limit must be a whole number from 0 to 1000"),
        ("width=799", "width must be a whole number from 800 to 4000"),
        ("boulders=99999999999999999999", "boulders must be a whole number from 0 to 12"),
        ("score_limits=3", r#"no such setting: "score_limits=3"; known: width height score_limit"#),
        ("seconds=5 {\"a\":1}", "no such setting"),
    ];
    for (config, complaint) in cases {
        let sim = Sim::start(config, 1, 30);
        let log = sim.platform().log.join("\n");
        assert_eq!(sim.init, -1, "{config}");
        assert!(log.contains(complaint), "{config}: {log}");
    }
    let sim = Sim::start(&" ".repeat(1025), 1, 30);
    assert_eq!(sim.platform().log, ["config: more than 1024 bytes"]);
}

fn result(sim: &Sim) -> Value {
    serde_json::from_str(sim.platform().result.as_deref().unwrap()).unwrap()
}

fn players(result: &Value) -> impl Iterator<Item = &Value> {
    result["players"].as_array().unwrap().iter()
}
