//! A folder of the platform before snapshots and receipts: all of it goes on, and is given nothing
//! that it never had.

use lattice_policies::{PlayerId, Sha256};
use lattice_store::{Fork, InputAppend, NewMatch, NewPlayer, Store};
use rusqlite::Connection;

use crate::world::*;

/// The schema as it was released in version 5.
const VERSION_5: [&str; 5] = [
    include_str!("../../migrations/0001_tables.sql"),
    include_str!("../../migrations/0002_audit.sql"),
    include_str!("../../migrations/0003_views.sql"),
    include_str!("../../migrations/0004_egress.sql"),
    include_str!("../../migrations/0005_inputs.sql"),
];

/// Its tables, each behind those that it refers to, and the columns that it had.
const TABLES: [(&str, &str); 7] = [
    ("game", "n, id, name, owner, created_at"),
    ("blob", "sha256, bytes"),
    (
        "module_build",
        "n, game, version, precedence, prerelease, packaging, sha256, imports, policy, scanner, \
         uploaded_by, created_at, retired_at, refused",
    ),
    (
        "match_run",
        "n, id, game, version, sha256, tick_hz, seed, config, state, ticks, fault, result, \
         figures, created_by, created_at, ended_at",
    ),
    ("player", "match_id, id, name, secret, created_at, expires_at, used_at"),
    ("input_log", "match_id, chunks, bytes, stored, hash, cut"),
    ("input_chunk", "n, match_id, seq, bytes, length, hash"),
];

fn records(bytes: &[u8]) -> InputAppend {
    InputAppend::Records { match_id: match_id(1), bytes: bytes.to_vec() }
}

fn join(store: &Store, n: u8, secret: u8) -> PlayerId {
    let new = NewPlayer {
        match_id: &match_id(n),
        name: "Bo",
        secret: Sha256::of(&[secret]),
        expires_at: in_an_hour(),
        most: 9,
    };
    store.insert_player(&ada(), &new).unwrap().id
}

/// What a world has, as a folder of version 5 had it.
fn as_version_5(world: &World, folder: &std::path::Path) {
    let old = Connection::open(folder.join("lattice.sqlite")).unwrap();
    old.execute_batch(&VERSION_5.concat()).unwrap();
    old.pragma_update(None, "user_version", 5).unwrap();
    old.execute("ATTACH ?1 AS world", [world.database().to_str().unwrap()]).unwrap();
    for (table, columns) in TABLES {
        let copy =
            format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM world.{table}");
        old.execute_batch(&copy).unwrap();
    }
    old.execute_batch("INSERT INTO main.audit_row SELECT * FROM world.audit_row ORDER BY seq")
        .unwrap();
}

#[test]
fn a_folder_of_version_5_goes_on() {
    let world = World::with_match();
    let retired = world.upload("1.1.0");
    world.store.set_schedulable(&ada(), &game(), &retired.version, false).unwrap();
    world.store.match_running(&match_id(1), None).unwrap();
    world.store.append_inputs(&[records(b"old, ")], 99).unwrap();
    join(&world.store, 1, 1);
    let folder = tempfile::tempdir().unwrap();
    as_version_5(&world, folder.path());

    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.verify_audit().unwrap(), world.store.verify_audit().unwrap());
    for text in ["1.0.0", "1.1.0"] {
        let build = |store: &Store| store.build(&game(), &version(text)).unwrap().unwrap();
        assert_eq!(build(&store), build(&world.store), "{text}");
        assert_eq!(store.build_receipt(&game(), &version(text)).unwrap(), None);
    }
    assert!(!store.game(&game()).unwrap().unwrap().native_gate);
    let broken = "SELECT count(*) FROM pragma_foreign_key_check";
    let raw = Connection::open(folder.path().join("lattice.sqlite")).unwrap();
    assert_eq!(raw.query_row(broken, [], |row| row.get(0)), Ok(0));
    assert_eq!(store.unended().unwrap(), world.store.unended().unwrap());
    let id = &match_id(1);
    assert_eq!((store.mark(id).unwrap(), store.snapshot(id, 99).unwrap()), (None, None));
    assert!(store.segments(id).unwrap().is_empty());

    store.append_inputs(&[records(b"new")], 99).unwrap();
    assert_eq!(store.inputs(id).unwrap().unwrap(), b"old, new");
    store.put_marks(&[(id.clone(), 7)]).unwrap();
    assert_eq!(store.mark(id).unwrap(), Some(7));
    assert_eq!(join(&store, 1, 2), PlayerId(2));
    let build = store.latest_schedulable(&game()).unwrap().unwrap();
    let fork = Some(Fork { of: id.clone(), at: 3 });
    store.insert_match(&ada(), &NewMatch { fork, ..new_match(2, &build) }).unwrap();
    assert_eq!(join(&store, 2, 1), PlayerId(3));
}
