//! Coming and going, and names.

use arena_bots::decode::decode;
use arena_bots::protocol::{Message, Standing};

use crate::host::{JOIN, LEAVE, Sent, Sim};
use crate::table::Table;

#[test]
fn the_seventeenth_is_sent_away_and_the_sixteen_play_on() {
    let mut table = Table::of(16, "", 1, 20);
    table.sim.event(JOIN, 17, b"Late");
    table.play(20);
    assert_eq!(table.sim.platform().kicked, [(17, 1)]);
    table.sim.event(LEAVE, 17, b"");
    table.play(20);
    assert_eq!(table.seats[0].tally.seen.len(), 16);
}

#[test]
fn who_leaves_is_gone_and_a_newcomer_starts_at_nothing() {
    let mut table = Table::of(3, "score_limit=0", 2, 30);
    table.play(600);
    table.sim.event(LEAVE, 2, b"");
    table.seats.remove(1);
    table.play(1);
    assert_eq!(names(&last_roster(&table.transcript)), ["Bot 1", "Bot 3"]);
    table.sim.event(JOIN, 9, b"New");
    table.play(30);
    let roster = last_roster(&table.transcript);
    let new = roster.iter().find(|standing| standing.player == 9).unwrap();
    assert_eq!((new.slot, new.kills, new.deaths), (1, 0, 0));
    let log = table.sim.platform().log.join("\n");
    assert!(log.contains("Bot 2 left") && log.contains("New joined as player 9"), "{log}");
    assert!(log.contains(" killed "), "{log}");
}

#[test]
fn a_name_is_cut_between_characters_cleaned_and_never_empty() {
    let long = "ä".repeat(30);
    let cases: [(&[u8], &str); 4] = [
        (b"Eve", "Eve"),
        (b"", "Player 1"),
        (b"a\x1b[31m\nb", "a [31m b"),
        (long.as_bytes(), "ääääääääääää"),
    ];
    for (payload, name) in cases {
        let mut sim = Sim::start("", 1, 30);
        sim.event(JOIN, 1, payload);
        let (_, sent) = sim.tick();
        assert_eq!(names(&last_roster(&sent)), [name]);
    }
}

#[test]
fn states_may_be_dropped_and_nothing_else_that_counts() {
    let mut table = Table::of(8, "score_limit=0", 6, 30);
    table.play(900);
    for sent in &table.transcript {
        let message = decode(&sent.bytes).unwrap();
        let replaced = matches!(message, Message::State(_) | Message::Hit(_));
        assert_eq!(sent.may_drop, replaced, "{message:?}");
    }
}

#[test]
fn the_figures_are_shown_once_a_second() {
    let mut table = Table::of(4, "boulders=3", 1, 20);
    table.play(41);
    let players: Vec<f64> = gauge(&table, "players");
    assert_eq!(players, [4.0, 4.0, 4.0], "at ticks 0, 20 and 40");
    assert_eq!(gauge(&table, "bodies")[..1], [7.0]);
    assert_eq!(gauge(&table, "shots").len(), 3);
}

fn gauge(table: &Table, name: &str) -> Vec<f64> {
    let gauges = table.sim.platform().gauges.iter();
    gauges.filter(|(gauge, _)| gauge == name).map(|(_, value)| *value).collect()
}

fn last_roster(sent: &[Sent]) -> Vec<Standing> {
    let mut rosters = sent.iter().filter_map(|sent| match decode(&sent.bytes) {
        Ok(Message::Roster(roster)) => Some(roster),
        _ => None,
    });
    rosters.next_back().unwrap()
}

fn names(roster: &[Standing]) -> Vec<&str> {
    roster.iter().map(|standing| standing.name.as_str()).collect()
}
