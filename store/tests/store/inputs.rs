//! Input logs: added to and never changed, bounded, and whole or known to be damaged.

use lattice_store::{InputAppend, LogExtent, MatchState, StoreError};
use rusqlite::params;

use crate::world::*;

/// More than any log here has.
const MOST: u64 = 1 << 20;

fn records(n: u8, bytes: &[u8]) -> InputAppend {
    InputAppend::Records { match_id: match_id(n), bytes: bytes.to_vec() }
}

fn extent(world: &World) -> Option<LogExtent> {
    world.store.match_by_id(&match_id(1)).unwrap().unwrap().log
}

fn read(world: &World) -> Result<Option<Vec<u8>>, StoreError> {
    world.store.inputs(&match_id(1))
}

/// A world whose first match has a log of three chunks.
fn logged() -> World {
    let world = World::with_match();
    let chunks = [records(1, &[7; 5_000]), records(1, b"some more"), records(1, b"the end")];
    assert!(world.store.append_inputs(&chunks, MOST).unwrap().is_empty());
    world
}

#[test]
fn chunks_are_read_as_one_log_and_stored_smaller() {
    let world = logged();
    let build = world.store.latest_schedulable(&game()).unwrap().unwrap();
    world.start(2, &build);
    assert_eq!(world.store.inputs(&match_id(2)).unwrap(), None, "it has no log");
    world.store.append_inputs(&[records(2, b"other"), records(1, b"!")], MOST).unwrap();

    let log = [&[7; 5_000][..], b"some more", b"the end", b"!"].concat();
    assert_eq!(read(&world).unwrap().unwrap(), log);
    assert_eq!(world.store.inputs(&match_id(2)).unwrap().unwrap(), b"other");
    assert_eq!(world.store.last_inputs(&match_id(1)).unwrap().unwrap(), b"!");
    assert_eq!(extent(&world), Some(LogExtent::Whole));
    let world = world.restart();
    assert_eq!(read(&world).unwrap().unwrap(), log);

    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let view = "SELECT chunks, bytes, stored_bytes, hash FROM input_logs ORDER BY bytes DESC";
    let (chunks, bytes, stored, hash): (i64, i64, i64, String) =
        world.raw().query_row(view, [], row).unwrap();
    assert_eq!((chunks, bytes), (4, log.len() as i64));
    assert!(stored < 200, "{stored}");
    world.store.end_match(&match_id(1), &end(MatchState::Finished), None).unwrap();
    let ended = world.audit().pop().unwrap();
    assert_eq!(ended.detail["InputLog"]["Hash"], hash, "the audit's chain holds the log's");
    assert_eq!(ended.detail["InputLog"]["Bytes"], log.len());
}

#[test]
fn a_log_that_is_full_is_cut_once_and_takes_nothing_more() {
    let world = World::with_match();
    let chunks = [records(1, b"12345"), records(1, b"67890"), records(1, b"1"), records(1, b"2")];
    let cut = world.store.append_inputs(&chunks, 10).unwrap();
    assert_eq!(cut, [match_id(1)]);
    assert_eq!(world.store.append_inputs(&[records(1, b"3")], MOST).unwrap(), []);
    assert_eq!(read(&world).unwrap().unwrap(), b"1234567890", "up to its last byte");
    assert_eq!(extent(&world), Some(LogExtent::Cut));
    let rows: Vec<_> = world.audit().into_iter().filter(|row| row.action == "match.log").collect();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.outcome.as_str(), row.target.as_str()), ("cut", match_id(1).as_str()));
    assert_eq!(row.detail["Bytes"], 10);
}

#[test]
fn nothing_follows_what_was_lost() {
    let world = World::with_match();
    let lost = InputAppend::Lost { match_id: match_id(1) };
    let appends = [records(1, b"a"), lost.clone(), records(1, b"b")];
    assert_eq!(world.store.append_inputs(&appends, MOST).unwrap(), [match_id(1)]);
    assert_eq!(world.store.append_inputs(&[lost], MOST).unwrap(), []);
    assert_eq!(read(&world).unwrap().unwrap(), b"a");
}

#[test]
fn a_log_whose_process_was_ended_counts_as_cut() {
    let world = logged().restart();
    assert_eq!(extent(&world), Some(LogExtent::Whole));
    world.store.lose(&match_id(1), "its process was ended").unwrap();
    assert_eq!(extent(&world), Some(LogExtent::Cut));
}

#[test]
fn a_batch_with_inputs_of_no_match_is_refused_whole() {
    let world = World::with_match();
    assert!(world.store.append_inputs(&[records(1, b"a"), records(9, b"b")], MOST).is_err());
    assert_eq!((world.count("input_chunk"), world.count("input_log")), (0, 0));
}

#[test]
fn the_database_itself_refuses_to_change_a_log() {
    let world = logged();
    world.store.append_inputs(&[InputAppend::Lost { match_id: match_id(1) }], MOST).unwrap();
    let raw = world.raw();
    for sql in [
        "UPDATE input_chunk SET bytes = X'00'",
        "DELETE FROM input_chunk",
        "INSERT OR REPLACE INTO input_chunk SELECT * FROM input_chunk WHERE seq = 2",
        "INSERT OR REPLACE INTO input_chunk SELECT * FROM input_chunk WHERE seq = 3",
        "INSERT INTO input_chunk SELECT n + 9, match_id, seq + 9, bytes, length, hash FROM input_chunk",
        "UPDATE input_log SET cut = 0",
        "UPDATE input_log SET chunks = 2",
        "DELETE FROM input_log",
    ] {
        assert!(raw.execute(sql, []).is_err(), "{sql}");
    }
    world.store.end_match(&match_id(1), &end(MatchState::Finished), None).unwrap();
    assert!(world.store.append_inputs(&[records(1, b"late")], MOST).unwrap().is_empty());
    assert_eq!(world.count("input_chunk"), 3);
}

#[test]
fn a_match_that_has_ended_was_given_nothing_more() {
    let world = logged();
    world.store.end_match(&match_id(1), &end(MatchState::Finished), None).unwrap();
    assert!(world.store.append_inputs(&[records(1, b"late")], MOST).is_err());
    assert_eq!(world.count("input_chunk"), 3);
}

/// What was done to a log behind the platform's back is found, and breaks nothing else.
#[test]
fn a_log_that_was_altered_is_found() {
    let unguarded = "DROP TRIGGER input_chunk_is_not_changed;
                     DROP TRIGGER input_chunk_is_not_deleted;
                     DROP TRIGGER input_log_only_grows;";
    for (sql, found) in [
        ("UPDATE input_chunk SET bytes = X'00' WHERE seq = 1", "chunk 1 is not"),
        ("UPDATE input_chunk SET bytes = X'' WHERE seq = 2", "chunk 2 is not"),
        ("UPDATE input_chunk SET bytes = substr(bytes, 1, 9) WHERE seq = 1", "chunk 1 is not"),
        ("UPDATE input_chunk SET bytes = randomblob(200) WHERE seq = 2", "chunk 2 is not"),
        ("UPDATE input_chunk SET length = 1 << 40 WHERE seq = 1", "chunk 1 is not"),
        ("UPDATE input_chunk SET length = length - 1 WHERE seq = 1", "chunk 1 is not"),
        ("UPDATE input_chunk SET length = length + 1 WHERE seq = 1", "chunk 1 is not"),
        ("UPDATE input_chunk SET hash = zeroblob(32) WHERE seq = 3", "chunk 3 is not"),
        ("DELETE FROM input_chunk WHERE seq = 2", "chunk 2 is missing"),
        ("DELETE FROM input_chunk WHERE seq = 3", "last chunks are missing"),
        ("DELETE FROM input_chunk", "last chunks are missing"),
        ("UPDATE input_log SET hash = zeroblob(32)", "last chunks are missing"),
    ] {
        let world = logged();
        world.raw().execute_batch(&format!("{unguarded}{sql}")).unwrap();
        let error = read(&world).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{sql}: {error:?}");
        let text = error.to_string();
        assert!(text.contains(found) && text.contains(match_id(1).as_str()), "{sql}: {text}");
        assert!(world.store.match_by_id(&match_id(1)).unwrap().is_some());
    }
}

/// Bytes that decompress to the same length are not enough: the hash is of what they hold.
#[test]
fn another_block_of_the_same_length_is_found() {
    let world = logged();
    world.raw().execute_batch("DROP TRIGGER input_chunk_is_not_changed").unwrap();
    let other = lz4_flex::block::compress(b"some lies");
    let sql = "UPDATE input_chunk SET bytes = ?1 WHERE seq = 2";
    world.raw().execute(sql, params![other]).unwrap();
    assert!(matches!(read(&world), Err(StoreError::Corrupt(_))));
    assert_eq!(world.store.last_inputs(&match_id(1)).unwrap().unwrap(), b"the end");
}
