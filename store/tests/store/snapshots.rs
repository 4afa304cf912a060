//! Snapshots: their pages kept once, the outdated let go, and whole or known to be damaged.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use lattice_policies::Sha256;
use lattice_store::{MatchState, NewSnapshot, Store, StoreError, StoredSnapshot};
use rusqlite::params;

use crate::world::*;

const PAGE: usize = 64 << 10;

/// What a match's pages hold, by their numbers.
type Memory = BTreeMap<u32, Vec<u8>>;

/// A snapshot of a match, named by what it holds.
#[derive(Clone)]
pub(crate) struct Taken {
    n: u8,
    tick: i64,
    memory: Memory,
    base: bool,
    keep: usize,
}

/// One of the first match, whose pages are filled with a byte each.
pub(crate) fn taken<const N: usize>(tick: i64, fills: [(u32, u8); N]) -> Taken {
    let memory = fills.into_iter().map(|(page, fill)| (page, vec![fill; PAGE])).collect();
    Taken { n: 1, tick, memory, base: false, keep: 2 }
}

impl Taken {
    fn base(self) -> Self {
        Self { base: true, ..self }
    }

    fn pages(&self) -> Vec<(u32, Sha256)> {
        self.memory.iter().map(|(page, bytes)| (*page, Sha256::of(bytes))).collect()
    }

    pub(crate) fn stored(&self) -> StoredSnapshot {
        let by_hash = |bytes: &Vec<u8>| (Sha256::of(bytes), bytes.clone());
        StoredSnapshot {
            tick: self.tick,
            state: Sha256::of(format!("{} {:?}", self.tick, self.pages()).as_bytes()),
            head: format!("head of {:?}", self.pages()).into_bytes(),
            pages: self.memory.values().map(by_hash).collect(),
        }
    }

    pub(crate) fn put(&self, store: &Store) -> Result<(), StoreError> {
        self.put_asked(store, &|_| ())
    }

    /// The same; `asked` is told of each page whose bytes are asked for.
    fn put_asked(&self, store: &Store, asked: &dyn Fn(u32)) -> Result<(), StoreError> {
        let StoredSnapshot { tick, state, head, .. } = self.stored();
        let bytes = |page: u32| {
            asked(page);
            &self.memory[&page][..]
        };
        store.put_snapshot(&NewSnapshot {
            match_id: &match_id(self.n),
            tick,
            state,
            head: &head,
            pages: &self.pages(),
            bytes: &bytes,
            base: self.base,
            keep: self.keep,
        })
    }
}

fn newest(world: &World, at_or_before: i64) -> Option<StoredSnapshot> {
    world.store.snapshot(&match_id(1), at_or_before).unwrap()
}

/// The ticks of the first match's snapshots.
fn ticks(world: &World) -> Vec<i64> {
    let rows = world.store.snapshots(&match_id(1)).unwrap();
    rows.into_iter().map(|row| row.tick).collect()
}

#[test]
fn a_page_is_kept_once_a_match_and_only_a_new_one_is_read() {
    let world = World::with_match();
    let first = taken(60, [(0, 1), (1, 2), (900, 1)]);
    let second = taken(120, [(0, 1), (1, 3), (2, 2)]);
    first.put(&world.store).unwrap();
    let asked = RefCell::new(Vec::new());
    second.put_asked(&world.store, &|page| asked.borrow_mut().push(page)).unwrap();

    assert_eq!(asked.take(), [1], "the others are there, on whatever page they stood");
    assert_eq!(world.count("snapshot_page"), 3);
    let world = world.restart();
    assert_eq!(newest(&world, 119), Some(first.stored()));
    assert_eq!(newest(&world, 120), Some(second.stored()));
    assert_eq!(newest(&world, 59), None);

    let build = world.store.latest_schedulable(&game()).unwrap().unwrap();
    world.start(2, &build);
    Taken { n: 2, ..first }.put(&world.store).unwrap();
    assert_eq!(world.count("snapshot_page"), 5, "matches share nothing");

    let [one, two] = world.store.snapshots(&match_id(1)).unwrap().try_into().unwrap();
    assert_eq!((one.tick, one.base, two.tick), (60, false, 120));
    assert_eq!(two.state, second.stored().state);
    assert!(two.bytes < 3_000, "three pages of one byte each, compressed: {}", two.bytes);
    let view =
        "SELECT state, pages, stored_bytes FROM snapshots WHERE match_id = ?1 AND tick = 120";
    let seen: (String, i64, i64) = world
        .raw()
        .query_row(view, [match_id(1).as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap();
    assert_eq!(seen, (two.state.to_string(), 3, two.bytes as i64));
}

#[test]
fn the_newest_and_every_base_are_kept_and_no_page_that_nothing_uses() {
    let world = World::with_match();
    taken(0, [(0, 1)]).base().put(&world.store).unwrap();
    for tick in 1..=4 {
        taken(tick, [(0, 10), (1, 10 + tick as u8)]).put(&world.store).unwrap();
    }
    assert_eq!(ticks(&world), [0, 3, 4]);
    assert_eq!(world.count("snapshot_page"), 4, "1, 10, 13 and 14");
    assert_eq!(newest(&world, 2).unwrap(), taken(0, [(0, 1)]).stored());

    Taken { keep: 0, ..taken(5, [(0, 1)]) }.put(&world.store).unwrap();
    assert_eq!(ticks(&world), [0], "none but bases");
    assert_eq!((world.count("snapshot_page"), world.count("snapshot_uses")), (1, 1));
}

/// A match whose newest snapshot was damaged went on from an older one, and ran other ticks.
#[test]
fn a_match_that_went_back_leaves_no_snapshot_of_what_did_not_come() {
    let world = World::with_match();
    taken(0, [(0, 1)]).base().put(&world.store).unwrap();
    taken(100, [(0, 2)]).put(&world.store).unwrap();
    taken(200, [(0, 3)]).put(&world.store).unwrap();
    taken(150, [(0, 4)]).put(&world.store).unwrap();
    assert_eq!(ticks(&world), [0, 100, 150]);
    assert_eq!(newest(&world, 999), Some(taken(150, [(0, 4)]).stored()));
}

#[test]
fn the_same_snapshot_is_kept_once_and_may_become_a_base() {
    let world = World::with_match();
    let snapshot = taken(7, [(0, 1)]);
    snapshot.put(&world.store).unwrap();
    snapshot.put(&world.store).unwrap();
    let base = || world.store.snapshots(&match_id(1)).unwrap()[0].base;
    assert_eq!((ticks(&world), base()), (vec![7], false));
    snapshot.clone().base().put(&world.store).unwrap();
    snapshot.put(&world.store).unwrap();
    assert_eq!((ticks(&world), base()), (vec![7], true), "and stays one");

    let upgraded = taken(7, [(0, 2)]).base();
    upgraded.put(&world.store).unwrap();
    assert_eq!(ticks(&world), [7, 7]);
    assert_eq!(newest(&world, 7), Some(upgraded.stored()), "the tick runs on from the later one");
}

#[test]
fn an_empty_snapshot_is_one_too() {
    let world = World::with_match();
    let empty = taken(3, []);
    empty.put(&world.store).unwrap();
    assert_eq!(newest(&world, 3), Some(empty.stored()));
}

#[test]
fn the_largest_memory_is_kept_whole() {
    let world = World::with_match();
    let page = |n: u32| (n, n.to_le_bytes().repeat(PAGE / 4));
    let largest = Taken { memory: (0..1_024).map(page).collect(), ..taken(1, []) };
    largest.put(&world.store).unwrap();
    assert_eq!(world.count("snapshot_page"), 1_024);
    assert!(newest(&world, 1) == Some(largest.stored()), "64 MiB are too long to be printed");
}

#[test]
fn a_match_that_has_ended_or_never_was_takes_no_snapshot() {
    let world = World::with_match();
    let before = taken(1, [(0, 1)]);
    before.put(&world.store).unwrap();
    world.store.end_match(&match_id(1), &end(MatchState::Finished), None).unwrap();
    let late = taken(2, [(0, 2)]).put(&world.store);
    assert!(matches!(late, Err(StoreError::MatchEnded(id)) if id == match_id(1)));
    let nowhere = Taken { n: 9, ..before.clone() }.put(&world.store);
    assert!(matches!(nowhere, Err(StoreError::NoSuchMatch(id)) if id == match_id(9)));
    assert_eq!((world.count("snapshot"), world.count("snapshot_page")), (1, 1));
    assert_eq!(newest(&world, 9), Some(before.stored()), "what it had can still be looked at");
    for sql in [
        "INSERT INTO snapshot SELECT 9, match_id, 9, state, head, pages, base, at FROM snapshot",
        "INSERT INTO snapshot_page SELECT 9, match_id, zeroblob(32), bytes, length FROM snapshot_page",
    ] {
        let refused = world.raw().execute(sql, []).unwrap_err().to_string();
        assert!(refused.contains("of a match that runs"), "{refused}");
    }
}

/// Forty pages, each other than any of another tick.
fn large(tick: i64) -> Taken {
    let page = |n: u32| (n, [&tick.to_le_bytes()[..], &[n as u8; 100]].concat());
    Taken { memory: (0..40).map(page).collect(), ..taken(tick, []) }
}

#[test]
fn others_write_while_a_large_snapshot_is_put() {
    let world = World::with_match();
    let asked = Cell::new(0);
    large(1)
        .put_asked(&world.store, &|_| {
            asked.set(asked.get() + 1);
            world.store.put_marks(&[(match_id(1), asked.get())]).unwrap();
        })
        .unwrap();
    assert_eq!(world.store.mark(&match_id(1)).unwrap(), Some(40));
    assert_eq!(newest(&world, 1), Some(large(1).stored()));
}

#[test]
fn a_snapshot_that_broke_off_is_not_seen_and_leaves_nothing_for_long() {
    let world = World::with_match();
    let break_off = || {
        let broken = catch_unwind(AssertUnwindSafe(|| {
            large(2).put_asked(&world.store, &|page| assert!(page < 30, "the process ends here"))
        }));
        assert!(broken.is_err());
    };
    taken(1, [(0, 1)]).put(&world.store).unwrap();
    break_off();
    assert!(world.count("snapshot_page") > 1, "some of its pages came");
    assert_eq!((ticks(&world), newest(&world, 9)), (vec![1], Some(taken(1, [(0, 1)]).stored())));
    large(3).put(&world.store).unwrap();
    assert_eq!(world.count("snapshot_page"), 1 + 40);
    break_off();
    world.store.end_match(&match_id(1), &end(MatchState::Stopped), None).unwrap();
    assert_eq!(world.count("snapshot_page"), 1 + 40, "nor does it outlive the match");
    assert_eq!(newest(&world, 9), Some(large(3).stored()));
}

#[test]
fn snapshots_that_come_at_once_take_no_page_from_each_other() {
    let world = World::with_match();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for tick in 0..6 {
                    Taken { keep: 1, ..large(tick) }.put(&world.store).unwrap();
                    world.store.snapshot(&match_id(1), 99).unwrap();
                }
            });
        }
    });
    assert_eq!(newest(&world, 99), Some(large(ticks(&world)[0]).stored()));
    assert_eq!(world.count("snapshot_page"), 40);
}

/// A page of another content that compresses as well.
fn forge(world: &World) {
    let forged = lz4_flex::block::compress(&vec![9; PAGE]);
    let sql = "UPDATE snapshot_page SET bytes = ?1 WHERE length = ?2";
    world.raw().execute(sql, params![forged, PAGE as i64]).unwrap();
}

/// What was done to a snapshot behind the platform's back is found, and an older one is whole.
#[test]
fn a_snapshot_that_was_altered_is_found_and_an_older_one_still_serves() {
    let unguarded = "PRAGMA foreign_keys = OFF;
                     DROP TRIGGER snapshot_page_is_not_changed;
                     DROP TRIGGER snapshot_page_is_not_deleted_in_use;
                     DROP TRIGGER snapshot_uses_go_with_their_snapshot;";
    for sql in [
        "UPDATE snapshot_page SET bytes = X'00' WHERE n = 2",
        "UPDATE snapshot_page SET bytes = X'' WHERE n = 2",
        "UPDATE snapshot_page SET bytes = substr(bytes, 1, 9) WHERE n = 2",
        "UPDATE snapshot_page SET bytes = randomblob(300) WHERE n = 2",
        "UPDATE snapshot_page SET length = 1 << 40 WHERE n = 2",
        "UPDATE snapshot_page SET length = length - 1 WHERE n = 2",
        "UPDATE snapshot_page SET length = length + 1 WHERE n = 2",
        "UPDATE snapshot_page SET hash = zeroblob(32) WHERE n = 2",
        "DELETE FROM snapshot_page WHERE n = 2",
        "DELETE FROM snapshot_uses WHERE page = 2",
    ] {
        let world = World::with_match();
        taken(10, [(0, 1)]).put(&world.store).unwrap();
        taken(20, [(0, 1), (1, 2)]).put(&world.store).unwrap();
        world.raw().execute_batch(&format!("{unguarded}{sql}")).unwrap();
        let error = world.store.snapshot(&match_id(1), 99).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{sql}: {error:?}");
        let text = error.to_string();
        assert!(text.contains("at tick 20") && text.contains(match_id(1).as_str()), "{text}");
        assert_eq!(newest(&world, 19), Some(taken(10, [(0, 1)]).stored()), "{sql}");
    }
}

#[test]
fn a_page_of_the_same_length_with_other_bytes_is_found() {
    let world = World::with_match();
    taken(10, [(0, 1)]).put(&world.store).unwrap();
    world.raw().execute_batch("DROP TRIGGER snapshot_page_is_not_changed").unwrap();
    forge(&world);
    assert!(matches!(world.store.snapshot(&match_id(1), 10), Err(StoreError::Corrupt(_))));
}

#[test]
fn the_database_itself_refuses_to_change_a_snapshot() {
    let world = World::with_match();
    taken(10, [(0, 1)]).base().put(&world.store).unwrap();
    taken(20, [(0, 1), (1, 2)]).put(&world.store).unwrap();
    let raw = world.raw();
    for sql in [
        "UPDATE snapshot SET head = X'00'",
        "UPDATE snapshot SET tick = 5 WHERE tick = 20",
        "UPDATE snapshot SET base = 0",
        "DELETE FROM snapshot WHERE base",
        "INSERT OR REPLACE INTO snapshot SELECT * FROM snapshot WHERE base",
        "UPDATE snapshot_page SET bytes = X'00'",
        "DELETE FROM snapshot_page",
        "INSERT OR REPLACE INTO snapshot_page SELECT * FROM snapshot_page",
        "UPDATE snapshot_uses SET page = 2",
        "DELETE FROM snapshot_uses",
        "INSERT INTO snapshot_uses SELECT min(snapshot.n), max(page) FROM snapshot, snapshot_uses",
    ] {
        assert!(raw.execute(sql, []).is_err(), "{sql}");
    }
    assert_eq!(newest(&world, 10), Some(taken(10, [(0, 1)]).stored()));
    assert_eq!(newest(&world, 20), Some(taken(20, [(0, 1), (1, 2)]).stored()));
}
