//! Backups: whole, of one moment, made while others write, and never over another file.

use std::{fs, os::unix::fs::PermissionsExt, thread};

use lattice_store::{BackupError, Fork, MatchState, NewMatch, Page, Store};

use crate::{snapshots::taken, world::*};

#[test]
fn a_backup_made_while_others_write_opens_and_is_whole() {
    let world = World::with_game();
    world.upload("1.0.0");
    let safe = tempfile::tempdir().unwrap();
    let to = safe.path().join("lattice.sqlite");
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 1..=20 {
                world.upload(&format!("1.0.{n}"));
            }
        });
        world.store.backup(&to).unwrap();
        writer.join().unwrap();
    });

    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    let files: Vec<_> =
        fs::read_dir(safe.path()).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files, [to], "one file, and no draft left");
    let copy = Store::open(safe.path()).unwrap();
    let builds = copy.builds(&game(), &Page::first(Page::MOST)).unwrap();
    assert!(builds.iter().any(|build| build.version == version("1.0.0")));
    assert_eq!(copy.verify_audit().unwrap().rows as usize, builds.len() + 1);
}

#[test]
fn a_backup_has_all_from_which_a_match_is_taken_up() {
    let world = World::with_match();
    let snapshot = taken(60, [(0, 1), (3, 2)]);
    snapshot.put(&world.store).unwrap();
    world.store.put_marks(&[(match_id(1), 70)]).unwrap();
    let fork = Some(Fork { of: match_id(1), at: 60 });
    let build = world.store.latest_schedulable(&game()).unwrap().unwrap();
    world.store.insert_match(&ada(), &NewMatch { fork, ..new_match(2, &build) }).unwrap();
    let end = &end(MatchState::Finished);
    world.store.end_match(&match_id(2), end, Some(&|_| "signed".into())).unwrap();
    world.store.put_audit_head(&|_| "signed".into()).unwrap();
    let safe = tempfile::tempdir().unwrap();
    world.store.backup(&safe.path().join("lattice.sqlite")).unwrap();

    let (store, copy) = (&world.store, Store::open(safe.path()).unwrap());
    assert_eq!(copy.unended().unwrap(), store.unended().unwrap());
    assert_eq!(copy.snapshot(&match_id(1), 99).unwrap(), Some(snapshot.stored()));
    assert_eq!(copy.mark(&match_id(1)).unwrap(), Some(70));
    assert_eq!(copy.segments(&match_id(2)).unwrap(), store.segments(&match_id(2)).unwrap());
    assert_eq!(copy.match_receipt(&match_id(2)).unwrap().unwrap(), "signed");
    assert_eq!(copy.last_audit_head().unwrap().unwrap().head, store.audit_head().unwrap());
}

#[test]
fn a_backup_never_replaces_a_file() {
    let world = World::new();
    let to = world.dir.path().join("yesterday.sqlite");
    fs::write(&to, "precious").unwrap();
    assert!(matches!(world.store.backup(&to), Err(BackupError::Exists(path)) if path == to));
    assert_eq!(fs::read_to_string(&to).unwrap(), "precious");
}

#[test]
fn a_backup_that_cannot_be_written_names_its_place() {
    let world = World::new();
    let to = world.dir.path().join("nowhere/copy.sqlite");
    let error = world.store.backup(&to).unwrap_err().to_string();
    assert!(error.contains("nowhere/copy.sqlite"), "{error}");
}

#[test]
fn a_checkpoint_moves_everything_into_the_one_file() {
    let world = World::with_game();
    let log = world.dir.path().join("lattice.sqlite-wal");
    assert!(fs::metadata(&log).unwrap().len() > 0);
    world.store.checkpoint().unwrap();
    assert_eq!(fs::metadata(&log).unwrap().len(), 0);
    assert!(world.store.game(&game()).unwrap().is_some());
}
