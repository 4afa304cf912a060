//! The data folder: who may read it, who holds it, and what is refused with one clear line.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use lattice_store::{OpenError, Page, Store, StoreError};
use rusqlite::Connection;

use crate::world::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn refused(dir: &Path) -> String {
    let error = Store::open(dir).unwrap_err().to_string();
    assert!(!error.contains('\n'), "{error}");
    error
}

#[test]
fn a_new_folder_is_its_owners_alone() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    let store = Store::open(&dir).unwrap();
    store.create_game(&ada(), &game(), "Arena", "ada").unwrap();
    assert_eq!(mode(&dir), 0o700);
    for file in fs::read_dir(&dir).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_folder_serves_one_process_and_the_command_line_beside_it() {
    let world = World::with_game();
    let held = Store::open(world.dir.path());
    assert!(matches!(&held, Err(OpenError::Held(path)) if path == world.dir.path()));
    assert!(refused(world.dir.path()).contains(world.dir.path().to_str().unwrap()));

    let offline = Store::open_offline(world.dir.path()).unwrap();
    offline.create_token(&ada(), &new_token(1, "super-admin")).unwrap();
    assert!(world.store.has_super_admin().unwrap(), "the server sees it at once");
    assert_eq!(offline.verify_audit().unwrap(), world.store.verify_audit().unwrap());
    drop(offline);
    let world = world.restart();
    assert_eq!(world.deeds(), ["game.create ok", "token.create ok"]);
}

#[test]
fn the_command_line_makes_and_migrates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lattice.sqlite");
    assert!(matches!(Store::open_offline(dir.path()), Err(OpenError::Missing(at)) if at == path));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);

    fs::write(&path, "").unwrap();
    let older = Store::open_offline(dir.path());
    assert!(matches!(older, Err(OpenError::Older { found: 0, .. })));
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let World { dir, store } = World::with_game();
    drop(store);
    let raw = Connection::open(dir.path().join("lattice.sqlite")).unwrap();
    let known: i64 = raw.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(OpenError::Newer { found: 99, .. })));
    assert!(matches!(Store::open_offline(dir.path()), Err(OpenError::Newer { .. })));
    raw.pragma_update(None, "user_version", known).unwrap();
    drop(raw);
    assert!(Store::open(dir.path()).unwrap().game(&game()).unwrap().is_some());
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let raw = Connection::open(dir.path().join("lattice.sqlite")).unwrap();
    raw.execute_batch("CREATE TABLE recipe (name TEXT)").unwrap();
    assert!(matches!(Store::open(dir.path()), Err(OpenError::Foreign(_))));
    let tables: i64 =
        raw.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_file_that_is_no_database_is_called_damaged() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("lattice.sqlite"), "not a database, ".repeat(400)).unwrap();
    let error = refused(dir.path());
    assert!(error.contains("lattice.sqlite") && error.contains("damaged"), "{error}");
}

#[test]
fn a_damaged_page_is_a_typed_error() {
    let World { dir, store } = World::with_game();
    drop(store);
    let path = dir.path().join("lattice.sqlite");
    let page: i64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'game'", [], |row| row.get(0))
        .unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[(page as usize - 1) * 4096..page as usize * 4096].fill(0xA5);
    fs::write(&path, bytes).unwrap();

    let store = Store::open(dir.path()).unwrap();
    let read = store.games(None, &Page::first(1));
    assert!(matches!(read, Err(StoreError::Corrupt(_))), "{read:?}");
    assert_eq!(store.verify_audit().unwrap().rows, 1, "what is not damaged still serves");
}

#[test]
fn a_file_where_the_folder_should_be_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data");
    fs::write(&file, "").unwrap();
    assert!(refused(&file).contains(file.to_str().unwrap()));
}

#[test]
fn the_database_is_sound_strict_and_ahead_of_its_log() {
    let world = World::new();
    let raw = world.raw();
    let text = |sql: &str| raw.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("PRAGMA journal_mode"), "wal");
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    let loose: Vec<String> = raw
        .prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict AND name NOT LIKE 'sqlite%'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(loose.is_empty(), "not STRICT: {loose:?}");
}
