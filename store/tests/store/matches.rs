//! A match's life in the store.

use lattice_store::{MatchEnd, MatchState, Page, Refusal, StoreError};
use serde_json::json;

use crate::world::*;

#[test]
fn a_match_is_kept_from_its_start_to_its_end() {
    let world = World::with_game();
    let build = world.upload("1.0.0");
    let started = world.start(1, &build);
    assert_eq!((started.state, started.seed), (MatchState::Starting, u64::MAX));
    assert_eq!((&started.version, started.sha256), (&build.version, build.sha256));
    assert_eq!(world.store.match_config(&match_id(1)).unwrap().unwrap(), b"map=ice");

    assert!(world.store.match_running(&match_id(1), None).unwrap());
    assert!(world.store.match_stopping(&ada(), &match_id(1)).unwrap());
    let end = MatchEnd {
        state: MatchState::Faulted,
        ticks: 61,
        fault: Some(json!({"Kind": "TRAP"})),
        result: Some(b"score".to_vec()),
        figures: Some(json!({"LateTicks": 2})),
        isolation: None,
        proof: None,
    };
    assert!(world.store.end_match(&match_id(1), &end, None).unwrap());

    let ended = world.store.match_by_id(&match_id(1)).unwrap().unwrap();
    assert_eq!((ended.state, ended.ticks), (MatchState::Faulted, Some(61)));
    assert_eq!((ended.fault, ended.result), (end.fault, end.result));
    assert!(ended.ended_at.is_some());
    assert_eq!(
        world.deeds()[2..],
        ["match.start ok", "match.run ok", "match.stop ok", "match.end faulted"]
    );
    let detail = world.audit().pop().unwrap().detail;
    assert_eq!(detail["Fault"]["Kind"], "TRAP");
    assert!(!detail.to_string().contains("score"), "the audit holds no result");
}

#[test]
fn a_change_out_of_order_writes_nothing() {
    let world = World::with_game();
    let build = world.upload("1.0.0");
    world.start(1, &build);
    assert!(world.store.end_match(&match_id(1), &end(MatchState::Stopped), None).unwrap());
    let (audit, kept) = (world.audit(), world.store.match_by_id(&match_id(1)).unwrap());

    assert!(!world.store.match_running(&match_id(1), None).unwrap());
    assert!(!world.store.match_stopping(&ada(), &match_id(1)).unwrap());
    assert!(!world.store.end_match(&match_id(1), &end(MatchState::Finished), None).unwrap());
    assert!(!world.store.match_running(&match_id(2), None).unwrap(), "there is none of that id");

    assert_eq!(world.audit(), audit);
    assert_eq!(world.store.match_by_id(&match_id(1)).unwrap(), kept);
}

#[test]
fn only_a_schedulable_build_starts() {
    let world = World::with_game();
    let build = world.upload("1.0.0");
    let start = |n| world.store.insert_match(&ada(), &new_match(n, &build));
    let running = start(1).unwrap();

    world.store.set_schedulable(&ada(), &game(), &build.version, false).unwrap();
    assert!(start(2).unwrap_err().to_string().contains("retired"));
    world.store.set_schedulable(&ada(), &game(), &build.version, true).unwrap();
    world.store.refuse_build(&build, Refusal::Rejected(&rejection("1.0.0"))).unwrap();
    assert!(start(2).unwrap_err().to_string().contains("refused: IMPORT_NOT_ALLOWED"));

    let mut unknown = new_match(2, &build);
    unknown.version = version("9.0.0");
    let unknown = world.store.insert_match(&ada(), &unknown);
    assert!(matches!(unknown, Err(StoreError::NoSuchBuild { .. })));

    assert_eq!(world.store.matches(&game(), &Page::first(10)).unwrap(), [running]);
    assert!(!world.deeds()[3..].iter().any(|deed| deed.starts_with("match.start")));
}

#[test]
fn a_restart_marks_as_lost_what_was_running_and_nothing_else() {
    let world = World::with_game();
    let build = world.upload("1.0.0");
    for n in 1..=4 {
        world.start(n, &build);
    }
    world.store.match_running(&match_id(2), None).unwrap();
    world.store.match_stopping(&ada(), &match_id(3)).unwrap();
    world.store.end_match(&match_id(4), &end(MatchState::Finished), None).unwrap();

    let world = world.restart();
    let before = world.audit().len();
    let left: Vec<_> = world.store.unended().unwrap().into_iter().map(|left| left.id).collect();
    assert_eq!(left, [match_id(1), match_id(2), match_id(3)]);
    for id in &left {
        assert!(world.store.lose(id, "its log is damaged").unwrap());
        let kept = world.store.match_by_id(id).unwrap().unwrap();
        assert_eq!(kept.state, MatchState::Lost);
        assert!(kept.ended_at.is_some());
    }
    let finished = world.store.match_by_id(&match_id(4)).unwrap().unwrap();
    assert_eq!(finished.state, MatchState::Finished);
    assert_eq!(world.deeds()[before..], ["match.end lost"; 3]);
    assert!(world.store.unended().unwrap().is_empty());
}

#[test]
fn matches_are_listed_newest_first_page_by_page() {
    let world = World::with_game();
    let build = world.upload("1.0.0");
    for n in [5, 3, 9] {
        world.start(n, &build);
    }
    let list = |after: Option<u8>, limit| {
        let after = after.map(|n| match_id(n).to_string());
        let page = Page { after, limit };
        let found = world.store.matches(&game(), &page).unwrap();
        found.into_iter().map(|found| found.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 2), [match_id(9), match_id(3)]);
    assert_eq!(list(Some(3), 2), [match_id(5)]);
    let nowhere = Page { after: Some("m_none".into()), limit: 1 };
    assert!(matches!(world.store.matches(&game(), &nowhere), Err(StoreError::BadCursor(_))));
}

#[test]
fn what_a_match_was_started_with_cannot_be_rewritten() {
    let world = World::with_game();
    let build = world.upload("1.0.0");
    world.start(1, &build);
    world.store.end_match(&match_id(1), &end(MatchState::Finished), None).unwrap();
    let raw = world.raw();
    for sql in [
        "UPDATE match_run SET seed = '1'",
        "UPDATE match_run SET state = 'running', ended_at = NULL",
        "DELETE FROM match_run",
        "UPDATE module_build SET version = '2.0.0'",
        "UPDATE module_build SET sha256 = zeroblob(32)",
        "DELETE FROM module_build",
        "DELETE FROM blob",
    ] {
        assert!(raw.execute(sql, []).is_err(), "{sql}");
    }
    assert!(world.store.match_by_id(&match_id(1)).unwrap().is_some());
}
