//! Native builds and matches: their packaging, and the barriers around a match's process.

use lattice_policies::{
    admission::Packaging,
    isolation::{Barrier, Isolation},
};
use lattice_store::{Match, MatchState, ModuleBuild, NewSegment, SegmentWhy};
use serde_json::json;

use crate::world::*;

/// A build of the same bytes as another, and native.
fn native_build(world: &World, text: &str) -> ModuleBuild {
    world.upload("1.0.0");
    let insert = "INSERT INTO module_build (game, version, precedence, prerelease, packaging, sha256,
            imports, policy, scanner, uploaded_by, created_at)
         SELECT game, ?1, X'7F', 0, 'native', sha256, imports, policy, scanner, uploaded_by, created_at
         FROM module_build";
    assert_eq!(world.raw().execute(insert, [text]).unwrap(), 1);
    world.store.build(&game(), &version(text)).unwrap().unwrap()
}

fn found(world: &World, n: u8) -> Match {
    world.store.match_by_id(&match_id(n)).unwrap().unwrap()
}

fn barriers(barriers: &[Barrier]) -> Isolation {
    barriers.iter().copied().collect()
}

#[test]
fn a_native_match_tells_its_barriers_from_its_start_on() {
    let world = World::with_game();
    let build = native_build(&world, "2.0.0");
    assert_eq!(build.packaging, Packaging::Native);
    let started = world.start(1, &build);
    assert_eq!((started.packaging, started.isolation), (Packaging::Native, None));

    let here = Isolation::all();
    assert!(world.store.match_running(&match_id(1), Some(&here)).unwrap());
    assert_eq!(found(&world, 1).isolation, Some(here.clone()));
    assert_eq!(world.audit().pop().unwrap().detail, json!({ "Isolation": here }));

    let world = world.restart();
    let elsewhere = barriers(&Barrier::ALWAYS);
    world.store.resumed(&match_id(1), 7, Some(&elsewhere)).unwrap();
    assert_eq!(found(&world, 1).isolation, Some(elsewhere));
    let told = world.audit().pop().unwrap();
    assert_eq!(told.action, "match.resume");
    let names = ["seccomp", "clock", "unprivileged"];
    assert_eq!(told.detail, json!({ "Tick": 7, "Isolation": names }));

    let read = "SELECT packaging || ': ' || isolation FROM matches";
    let row: String = world.raw().query_row(read, [], |row| row.get(0)).unwrap();
    assert_eq!(row, "native: seccomp, clock, unprivileged");
    world.store.end_match(&match_id(1), &end(MatchState::Finished), None).unwrap();
    assert!(world.raw().execute("UPDATE match_run SET isolation = '[]'", []).is_err());
}

#[test]
fn a_match_that_is_asked_to_stop_before_it_runs_tells_its_barriers_too() {
    let world = World::with_game();
    let build = native_build(&world, "2.0.0");
    world.start(1, &build);
    world.store.match_stopping(&ada(), &match_id(1)).unwrap();
    let here = barriers(&Barrier::ALWAYS);
    assert!(world.store.match_running(&match_id(1), Some(&here)).unwrap());
    assert_eq!(found(&world, 1).state, MatchState::Stopping);
    assert_eq!(found(&world, 1).isolation, Some(here.clone()));
    assert!(!world.store.match_running(&match_id(1), Some(&here)).unwrap(), "it is told once");
}

#[test]
fn around_wasm_there_are_no_barriers() {
    let world = World::with_match();
    assert_eq!(found(&world, 1).packaging, Packaging::Wasm);
    assert!(world.store.match_running(&match_id(1), None).unwrap());
    assert_eq!(
        (found(&world, 1).isolation, world.audit().pop().unwrap().detail),
        (None, json!({}))
    );
    world.store.resumed(&match_id(1), 3, None).unwrap();
    assert_eq!(world.audit().pop().unwrap().detail, json!({ "Tick": 3 }));
}

#[test]
fn a_match_that_goes_over_to_another_packaging_tells_so() {
    let world = World::with_game();
    let native = native_build(&world, "2.0.0");
    let wasm = world.store.build(&game(), &version("1.0.0")).unwrap().unwrap();
    world.start(1, &wasm);
    world.store.match_running(&match_id(1), None).unwrap();
    let segment = NewSegment {
        match_id: match_id(1),
        tick: 60,
        version: native.version,
        sha256: native.sha256,
        why: SegmentWhy::Upgrade,
    };
    world.store.add_segment(&ada(), &segment).unwrap();
    let here = barriers(&Barrier::ALWAYS);
    for _ in 0..2 {
        world.store.set_isolation(&match_id(1), Some(&here)).unwrap();
    }
    let run = found(&world, 1);
    assert_eq!((run.packaging, run.isolation), (Packaging::Native, Some(here.clone())));
    let read = "SELECT version || ' ' || packaging FROM matches";
    let row: String = world.raw().query_row(read, [], |row| row.get(0)).unwrap();
    assert_eq!(row, "1.0.0 native", "it was started as wasm");
    let told = world.audit().pop().unwrap();
    assert_eq!((&*told.action, told.detail), ("match.isolate", json!({ "Isolation": here })));
    assert_eq!(world.deeds().iter().filter(|deed| **deed == "match.isolate ok").count(), 1);

    world.store.end_match(&match_id(1), &end(MatchState::Finished), None).unwrap();
    let (run, rows) = (found(&world, 1), world.audit().len());
    world.store.set_isolation(&match_id(1), None).unwrap();
    assert_eq!((found(&world, 1), world.audit().len()), (run, rows), "it has ended");
}

#[test]
fn the_packaging_is_one_of_two_and_stays() {
    let world = World::with_game();
    native_build(&world, "2.0.0");
    let raw = world.raw();
    for sql in [
        "UPDATE module_build SET packaging = 'wasm'",
        "UPDATE module_build SET packaging = 'native'",
        "INSERT INTO module_build (game, version, precedence, prerelease, packaging, sha256,
            imports, policy, scanner, uploaded_by, created_at)
         SELECT game, '3.0.0', X'FF', 0, 'elf', sha256, imports, policy, scanner, uploaded_by,
            created_at
         FROM module_build WHERE version = '2.0.0'",
    ] {
        assert!(raw.execute(sql, []).is_err(), "{sql}");
    }
}
