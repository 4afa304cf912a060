//! What belongs to one match: its players and their secrets, its log within its bounds.

use jiff::Timestamp;
use lattice_policies::{PlayerId, Sha256};
use lattice_store::{
    LOG_BYTES_PER_MATCH, LogLine, MatchState, NewPlayer, Page, Player, StoreError, StoredLog,
};

use crate::world::*;

fn add(world: &World, n: u8, expires_at: Timestamp) -> Result<Player, StoreError> {
    let (match_id, secret) = (&match_id(1), Sha256::of(&[n]));
    let new = NewPlayer { match_id, name: "Bo", secret, expires_at, most: 3 };
    world.store.insert_player(&ada(), &new)
}

#[test]
fn players_are_numbered_from_one_and_a_number_is_never_given_again() {
    let world = World::with_match();
    for n in 1..=3 {
        assert_eq!(add(&world, n, an_hour_ago()).unwrap().id, PlayerId(n.into()));
    }
    assert!(matches!(add(&world, 4, in_an_hour()), Err(StoreError::TooManyPlayers { most: 3 })));
    assert!(world.raw().execute("DELETE FROM player WHERE id = 3", []).is_err());
    assert_eq!(world.count("player"), 3);
    assert_eq!(world.deeds()[3..], ["player.add ok"; 3]);
    assert_eq!(world.audit()[3].target, format!("{}/1", match_id(1)));
    assert!(world.audit().iter().all(|row| !row.detail.to_string().contains("Bo")));
}

#[test]
fn a_secret_is_short_lived_until_it_is_used_and_good_for_one_match() {
    let world = World::with_match();
    let by_secret = |n: u8| world.store.player_by_secret(&match_id(1), Sha256::of(&[n])).unwrap();
    let fresh = add(&world, 1, in_an_hour()).unwrap();
    let late = add(&world, 2, an_hour_ago()).unwrap();

    assert_eq!(by_secret(1), Some(fresh.clone()));
    assert_eq!(by_secret(2), None, "it expired unused");
    assert_eq!(by_secret(3), None, "nobody has it");
    let elsewhere = world.store.player_by_secret(&match_id(2), Sha256::of(&[1])).unwrap();
    assert_eq!(elsewhere, None);

    world.store.player_used(&match_id(1), late.id).unwrap();
    let used = by_secret(2).unwrap();
    assert!(used.used_at.is_some(), "used once, it is good for reconnecting");
    world.store.player_used(&match_id(1), late.id).unwrap();
    assert_eq!(by_secret(2), Some(used));
    assert_eq!(world.deeds()[5..], ["player.connect ok"], "only the first time is news");
}

#[test]
fn a_match_that_has_ended_or_never_was_takes_no_player() {
    let world = World::with_match();
    world.store.end_match(&match_id(1), &end(MatchState::Finished), None).unwrap();
    assert!(matches!(add(&world, 1, in_an_hour()), Err(StoreError::MatchEnded(_))));
    let new = NewPlayer {
        match_id: &match_id(9),
        name: "Bo",
        secret: Sha256::of(b"x"),
        expires_at: in_an_hour(),
        most: 3,
    };
    let nowhere = world.store.insert_player(&ada(), &new);
    assert!(matches!(nowhere, Err(StoreError::NoSuchMatch(_))));
    assert_eq!(world.count("player"), 0);
}

fn line(n: u8, tick: i64, text: &str) -> LogLine {
    LogLine { match_id: match_id(n), tick, level: 2, text: text.into() }
}

fn logs(world: &World, n: u8, after: Option<i64>) -> Vec<StoredLog> {
    world.store.logs(&match_id(n), after, Page::MOST).unwrap()
}

#[test]
fn lines_are_kept_in_order_and_numbered_by_match() {
    let world = World::with_match();
    let build = world.store.latest_schedulable(&game()).unwrap().unwrap();
    world.start(2, &build);
    let lines = [line(1, 0, "a"), line(2, 0, "b"), line(1, 1, "c")];
    world.store.append_logs(&lines).unwrap();
    world.store.append_logs(&[line(1, 2, "d")]).unwrap();

    let texts = |lines: &[StoredLog]| -> Vec<(i64, i64, String)> {
        lines.iter().map(|line| (line.seq, line.tick, line.text.clone())).collect()
    };
    let first = logs(&world, 1, None);
    assert_eq!(texts(&first), [(1, 0, "a".into()), (2, 1, "c".into()), (3, 2, "d".into())]);
    assert_eq!(texts(&logs(&world, 1, Some(2))), [(3, 2, "d".into())]);
    assert_eq!(texts(&logs(&world, 2, None)), [(1, 0, "b".into())]);
}

#[test]
fn a_batch_with_a_line_of_no_match_is_refused_whole() {
    let world = World::with_match();
    let batch = [line(1, 0, "a"), line(9, 0, "b")];
    assert!(world.store.append_logs(&batch).is_err());
    assert_eq!(world.count("match_log"), 0);
}

#[test]
fn the_oldest_lines_of_a_match_make_room_for_its_newest_alone() {
    let world = World::with_match();
    let build = world.store.latest_schedulable(&game()).unwrap().unwrap();
    world.start(2, &build);
    world.store.append_logs(&[line(2, 0, "quiet")]).unwrap();
    let text = "x".repeat(64 << 10);
    let written = 2 * LOG_BYTES_PER_MATCH / text.len() as i64;
    for tick in 0..written {
        world.store.append_logs(&[line(1, tick, &text), line(1, tick, "")]).unwrap();
    }

    let kept = logs(&world, 1, None);
    let newest = kept.last().unwrap();
    assert_eq!((newest.seq, newest.tick), (2 * written, written - 1));
    assert!(kept[0].seq > 1, "the first number says that older lines are gone");
    assert!(kept.is_sorted_by(|a, b| b.seq == a.seq + 1));
    let bytes: usize = kept.iter().map(|line| line.text.len()).sum();
    assert!(bytes as i64 <= LOG_BYTES_PER_MATCH);
    assert!(bytes as i64 > LOG_BYTES_PER_MATCH - 2 * text.len() as i64, "no more than it takes");
    assert_eq!(logs(&world, 2, None).len(), 1, "the quiet match keeps its line");
}
