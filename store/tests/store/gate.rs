//! The gate of a game: what was not verified against a native transcript starts no match.

use lattice_policies::GameId;
use lattice_store::{NewSegment, Refusal, SegmentWhy, StoreError};
use serde_json::json;

use crate::world::*;

#[test]
fn behind_the_gate_only_what_was_verified_starts() {
    let world = World::with_match();
    assert!(!world.store.game(&game()).unwrap().unwrap().native_gate, "it is open at first");
    let shut = world.store.set_native_gate(&ada(), &game(), true).unwrap();
    assert!(shut.native_gate);
    let build = world.upload("1.1.0");
    assert!(build.awaits_transcript && !build.schedulable);
    let obstacle = build.obstacle().unwrap();
    assert!(obstacle.contains("native transcript"), "{obstacle}");

    let start = |n| world.store.insert_match(&ada(), &new_match(n, &build));
    assert!(start(2).unwrap_err().to_string().contains(&obstacle));
    assert_eq!(world.store.latest_schedulable(&game()).unwrap(), None, "nor an older build");
    let sha256 = build.sha256;
    let (why, version) = (SegmentWhy::Upgrade, build.version.clone());
    let upgrade = NewSegment { match_id: match_id(1), tick: 9, version, sha256, why };
    let upgraded = world.store.add_segment(&ada(), &upgrade);
    assert!(matches!(upgraded, Err(StoreError::NotSchedulable { .. })));
    assert_eq!((world.count("match_run"), world.count("match_segment")), (1, 0));

    let verify = || {
        let detail = json!({ "Transcript": "abc" });
        world.store.set_verified(&ada(), &game(), &build.version, detail).unwrap()
    };
    let verified = verify();
    assert!(verified.schedulable && verified.obstacle().is_none());
    assert_eq!(verify(), verified);
    start(2).unwrap();
    assert_eq!(world.store.latest_schedulable(&game()).unwrap(), Some(verified));
    assert_eq!(
        world.deeds()[3..],
        [
            "game.gate ok",
            "module.upload ok",
            "module.verify ok",
            "module.verify unchanged",
            "match.start ok"
        ]
    );
    assert_eq!(world.audit()[5].detail["Transcript"], "abc");
}

#[test]
fn the_gate_can_be_opened_again_and_is_the_games_own() {
    let world = World::with_game();
    let build = world.upload("1.0.0");
    let other = GameId::from_random([8; 10]);
    world.store.create_game(&ada(), &other, "Other", "ada").unwrap();
    let schedulable = || world.store.build(&game(), &build.version).unwrap().unwrap().schedulable;
    world.store.set_native_gate(&ada(), &other, true).unwrap();
    assert!(schedulable());
    world.store.set_native_gate(&ada(), &game(), true).unwrap();
    assert!(!schedulable());
    let seen: i64 =
        world.raw().query_row("SELECT schedulable FROM builds", [], |row| row.get(0)).unwrap();
    assert_eq!(seen, 0);
    world.store.set_native_gate(&ada(), &game(), false).unwrap();
    assert!(schedulable());
    world.store.set_native_gate(&ada(), &game(), false).unwrap();
    assert_eq!(world.deeds().last().unwrap(), "game.gate unchanged");
    let nowhere = world.store.set_native_gate(&ada(), &GameId::from_random([9; 10]), true);
    assert!(matches!(nowhere, Err(StoreError::NoSuchGame(_))));
}

#[test]
fn a_verified_build_can_still_be_refused_and_is_verified_once() {
    let world = World::with_game();
    let build = world.upload("1.0.0");
    world.store.set_native_gate(&ada(), &game(), true).unwrap();
    world.store.set_verified(&ada(), &game(), &build.version, json!({})).unwrap();
    world.store.refuse_build(&build, Refusal::Altered { found: POLICY }).unwrap();
    let refused = world.store.build(&game(), &build.version).unwrap().unwrap();
    assert!(!refused.schedulable && refused.obstacle().unwrap().starts_with("refused"));
    assert!(world.raw().execute("UPDATE module_build SET verified_at = NULL", []).is_err());
    let none = world.store.set_verified(&ada(), &game(), &version("9.0.0"), json!({}));
    assert!(matches!(none, Err(StoreError::NoSuchBuild { .. })));
}
