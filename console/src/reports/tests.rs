//! Reports on their way into the store: states, inputs and lines, also when it can't be written.

use lattice_host::Level;
use lattice_policies::{
    GameId, Policy, Sha256,
    admission::{self, Packaging},
};
use lattice_store::{Actor, MatchState, NewMatch};

use super::*;
use crate::receipt::HostKey;

fn writer(store: &Store, queue: &Arc<Queue>, most_inputs: u64) -> Writer {
    let keys = Arc::new(Keys { host: HostKey::draw(), public: Vec::new() });
    Writer::new(store.clone(), keys, Arc::default(), Arc::clone(queue), most_inputs).unwrap()
}

fn line(text: &str) -> LogLine {
    LogLine { tick: 3, level: Level::Info, text: text.into() }
}

fn chunk(bytes: Vec<u8>) -> InputChunk {
    InputChunk { bytes, mark: 0, written: None }
}

/// Keeps a match that has just been started.
fn started(store: &Store) -> MatchId {
    let (actor, game) = (Actor::system(), GameId::from_random([1; 10]));
    let wasm = wat::parse_str(
        r#"(module (memory (export "memory") 1) (func (export "lattice_abi_v1"))
            (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
            (func (export "lattice_sim_tick") (param i64) (result i32) i32.const 0))"#,
    );
    let admitted = admission::scan(Packaging::Wasm, wasm.unwrap(), &Policy::default()).unwrap();
    let (version, sha256) = ("1.0.0".parse().unwrap(), admitted.sha256());
    store.create_game(&actor, &game, "A game", "ada").unwrap();
    let policy = Sha256::of(b"policy");
    store.insert_build(&actor, &game, &version, &admitted, policy, None).unwrap();
    let id = MatchId::from_random([2; 10]);
    let (config, fork) = (Vec::new(), None);
    let new =
        NewMatch { id: id.clone(), game, version, sha256, tick_hz: 60, seed: 7, config, fork };
    store.insert_match(&actor, &new).unwrap();
    id
}

/// The end of a match of which nothing is kept but that it came.
fn finished() -> lattice_store::MatchEnd {
    lattice_store::MatchEnd {
        state: MatchState::Finished,
        ticks: 5,
        fault: None,
        result: None,
        figures: None,
        isolation: None,
        proof: None,
    }
}

#[test]
fn states_that_cannot_be_written_wait_and_are_written_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let id = started(&store);
    let state = || store.match_by_id(&id).unwrap().unwrap().state;
    let disk = rusqlite::Connection::open(folder.path().join("lattice.sqlite")).unwrap();
    let full = "CREATE TRIGGER full BEFORE UPDATE ON match_run
                BEGIN SELECT RAISE(ABORT, 'full'); END";
    disk.execute_batch(full).unwrap();

    let mut writer = writer(&store, &Arc::default(), 1 << 20);
    let reports = VecDeque::from([Report::Started(id.clone(), None)]);
    writer.write(Taken { reports, ..Taken::default() });
    writer.unwritten.push_back(Change::Ended(id.clone(), Box::new(finished())));
    for _ in 0..20 {
        writer.write(Taken::default());
    }
    assert_eq!((state(), writer.patience()), (MatchState::Starting, PAUSE));

    disk.execute_batch("DROP TRIGGER full").unwrap();
    writer.write(Taken::default());
    assert_eq!((state(), writer.patience()), (MatchState::Finished, Duration::MAX));
    let query =
        "SELECT group_concat(action, ' ' ORDER BY seq) FROM audit_row WHERE action LIKE 'match.%'";
    let audited: String = disk.query_row(query, [], |row| row.get(0)).unwrap();
    assert_eq!(audited, "match.start match.run match.end");
}

#[test]
fn inputs_that_cannot_be_written_wait_and_come_before_their_matchs_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let id = started(&store);
    let disk = rusqlite::Connection::open(folder.path().join("lattice.sqlite")).unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON input_chunk
                BEGIN SELECT RAISE(ABORT, 'full'); END";
    disk.execute_batch(full).unwrap();

    let queue = Arc::new(Queue::default());
    let mut writer = writer(&store, &queue, 1 << 20);
    for bytes in [&b"first, "[..], b"second, ", b"third"] {
        queue.push_inputs(&id, chunk(bytes.to_vec()));
    }
    writer.write(queue.take_all(Duration::ZERO).unwrap());
    writer.unwritten.push_back(Change::Ended(id.clone(), Box::new(finished())));
    writer.write(Taken::default());
    let state = || store.match_by_id(&id).unwrap().unwrap().state;
    assert_eq!((state(), writer.patience()), (MatchState::Starting, PAUSE));
    assert_eq!(store.inputs(&id).unwrap(), None, "all of a transaction, or nothing");

    disk.execute_batch("DROP TRIGGER full").unwrap();
    writer.write(Taken::default());
    assert_eq!((state(), writer.patience()), (MatchState::Finished, Duration::MAX));
    assert_eq!(store.inputs(&id).unwrap().unwrap(), b"first, second, third");
}

#[test]
fn a_log_that_is_too_long_takes_nothing_more_from_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let id = started(&store);
    let queue = Arc::new(Queue::default());
    let mut writer = writer(&store, &queue, 8);
    for bytes in [&b"12345678"[..], b"9"] {
        queue.push_inputs(&id, chunk(bytes.to_vec()));
    }
    writer.write(queue.take_all(Duration::ZERO).unwrap());
    queue.push_inputs(&id, chunk(b"0".to_vec()));
    assert!(queue.take_all(Duration::ZERO).unwrap().reports.is_empty());
    assert_eq!(store.inputs(&id).unwrap().unwrap(), b"12345678");
}

#[test]
fn a_line_is_kept_escaped() {
    let kept = kept(&MatchId::from_random([1; 10]), &line("\u{1b}[31mred"));
    assert_eq!(kept.text, "\\u{1b}[31mred");
    assert_eq!((kept.tick, kept.level), (3, 2));
}
