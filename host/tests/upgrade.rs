//! Upgrades of running matches: to another version between two ticks, without a tick lost; and
//! whatever fails, the match goes on as it was.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use bytes::Bytes;
use lattice_host::{MatchSpec, Outgoing, PlayerLink, Snapshot, UpgradeError, Upgraded};
use lattice_policies::{MatchId, PlayerId, Policy, policy::MatchLimits};
use lattice_surface::InputLog;
use support::{
    FRAME, SAVE_AND_LOAD, TestHost, all, assert_replays, frame, heard, next_frame, stateful,
};

const ANN: PlayerId = PlayerId(1);

fn say(link: &PlayerLink, text: &str) {
    link.send(Bytes::from(text.to_owned())).unwrap();
}

/// Upgrades the match in a thread of its own, as the platform does, and keeps the base.
fn upgrade(host: &TestHost, id: &MatchId, wat: &str) -> Result<Upgraded, UpgradeError> {
    let spec = MatchSpec { id: id.clone(), ..host.spec(&host.program(wat), 60) };
    let fleet = host.fleet.clone();
    thread::spawn(move || fleet.upgrade(&spec, |_| Ok(()))).join().unwrap()
}

/// All ticks that a player sees until the match ends, with the version that ran each.
async fn ticks(link: &PlayerLink) -> Vec<(i64, u8)> {
    let frames = all(link).await;
    frames.iter().filter(|bytes| bytes.len() == FRAME).map(|bytes| frame(bytes)).collect()
}

fn assert_no_gap(ticks: &[(i64, u8)]) {
    for (before, after) in ticks.iter().zip(&ticks[1..]) {
        assert_eq!(after.0, before.0 + 1, "{before:?} {after:?}");
    }
}

#[tokio::test]
async fn a_match_goes_on_as_another_version_with_its_state_and_no_tick_is_lost() {
    let (one, two) = (stateful(1, SAVE_AND_LOAD), stateful(2, SAVE_AND_LOAD));
    let host = TestHost::new();
    let id = host.start(&one, 60);
    let ann = host.connect(&id, ANN);
    for text in ["result", "gauge", "write"] {
        say(&ann, text);
    }
    heard(&ann, "write").await;
    let mut bases = Vec::new();
    for wat in [&two, &one] {
        let upgraded = upgrade(&host, &id, wat).unwrap();
        say(&ann, "after the upgrade");
        bases.push(Arc::new(upgraded.snapshot));
    }
    assert!(matches!(upgrade(&host, &id, &one), Err(UpgradeError::SameModule)));
    say(&ann, "finish");
    let seen = ticks(&ann).await;
    assert_no_gap(&seen);
    for (tick, version) in seen {
        let is_second = bases[0].tick <= tick && tick < bases[1].tick;
        assert_eq!(version, if is_second { 2 } else { 1 }, "tick {tick}");
    }
    let log = InputLog::read(&host.told.inputs_of(&id)).unwrap();
    assert_eq!(log.parts().len(), 3);
    let programs = [host.program(&one), host.program(&two)];
    let replayed = assert_replays(&host, &programs, &log, &bases);
    let end = host.told.end_of(&id);
    let proof = end.proof.unwrap();
    assert_eq!((proof.transcript, proof.state), (replayed.transcript, replayed.state));
    assert_eq!(end.result.unwrap(), b"result");
    assert_eq!(proof.runs, programs[0].runs());
}

/// Asserts that the upgrade fails as it should, and that the match goes on without a gap.
async fn assert_refused(one: &str, two: &str, is_it: fn(&UpgradeError) -> bool) {
    let host = TestHost::new();
    let id = host.start(one, 60);
    let ann = host.connect(&id, ANN);
    let (first, _) = next_frame(&ann).await;
    let refused = upgrade(&host, &id, two).expect_err("it fails");
    assert!(is_it(&refused), "{refused:?}");
    say(&ann, "finish");
    let seen = ticks(&ann).await;
    assert_eq!(seen[0].0, first + 1);
    assert_no_gap(&seen);
    assert!(seen.iter().all(|(_, version)| *version == 1));
    let log = InputLog::read(&host.told.inputs_of(&id)).unwrap();
    let replayed = assert_replays(&host, &[host.program(one)], &log, &[]);
    assert_eq!(host.told.end_of(&id).proof.unwrap().transcript, replayed.transcript);
}

#[tokio::test]
async fn an_upgrade_that_fails_leaves_the_match_as_it_was() {
    let (one, two) = (stateful(1, SAVE_AND_LOAD), stateful(2, SAVE_AND_LOAD));
    let result = |export: &str, result: &str| {
        let exports = format!("(export \"{export}\") (result i32)");
        format!("(func {exports} {result})")
    };
    let save = |body| result("lattice_sim_save", body);
    let load = |body| result("lattice_sim_load", body);

    let bare = stateful(2, "");
    let no_save = |error: &UpgradeError| {
        matches!(error, UpgradeError::NoExport { which: "running", export: "lattice_sim_save" })
    };
    assert_refused(&stateful(1, ""), &two, no_save).await;
    let no_load = |error: &UpgradeError| {
        matches!(error, UpgradeError::NoExport { which: "new", export: "lattice_sim_load" })
    };
    assert_refused(&one, &bare, no_load).await;
    for body in ["unreachable", "i32.const 1", "(loop $on (br $on)) unreachable"] {
        let broken = stateful(1, &save(body));
        assert_refused(&broken, &two, |error| matches!(error, UpgradeError::Save(_))).await;
        let broken = stateful(2, &load(body));
        assert_refused(&one, &broken, |error| matches!(error, UpgradeError::Load(_))).await;
    }
    let stillborn = two.replace(
        "(param i64 i32) (result i32) i32.const 0)",
        "(param i64 i32) (result i32) i32.const 1)",
    );
    assert_refused(&one, &stillborn, |error| matches!(error, UpgradeError::Init(_))).await;
    let falls = two.replace("(global.set $sum (i64.add", "(if (i64.gt_s (local.get $tick) (i64.const 9)) (then unreachable)) (global.set $sum (i64.add");
    assert_refused(&one, &falls, |error| matches!(error, UpgradeError::Shadow(_))).await;
    let table = "(table 1 1 funcref) (func $f) (elem declare func $f)
        (func (export \"alter\") (table.set (i32.const 0) (ref.func $f)))";
    let not_kept = |error: &UpgradeError| matches!(error, UpgradeError::NotKept { which: "new" });
    assert_refused(&one, &stateful(2, &format!("{SAVE_AND_LOAD}{table}")), not_kept).await;
    let not_kept =
        |error: &UpgradeError| matches!(error, UpgradeError::NotKept { which: "running" });
    assert_refused(&stateful(1, &format!("{SAVE_AND_LOAD}{table}")), &two, not_kept).await;
}

#[tokio::test]
async fn a_base_that_cannot_be_kept_and_a_failure_on_the_way_leave_the_match_running() {
    let (one, two) = (stateful(1, SAVE_AND_LOAD), stateful(2, SAVE_AND_LOAD));
    let host = TestHost::new();
    let id = host.start(&one, 60);
    let ann = host.connect(&id, ANN);
    next_frame(&ann).await;
    let spec = MatchSpec { id: id.clone(), ..host.spec(&host.program(&two), 60) };
    let refused = host.fleet.upgrade(&spec, |_| Err("the disk is full".to_owned()));
    assert_eq!(refused.err(), Some(UpgradeError::Keep("the disk is full".to_owned())));
    let failed = host.fleet.upgrade(&spec, |_| panic!("a bug in whoever keeps it"));
    assert!(matches!(failed, Err(UpgradeError::Host(_))), "{failed:?}");
    say(&ann, "finish");
    let seen = ticks(&ann).await;
    assert_no_gap(&seen);
    assert!(seen.iter().all(|(_, version)| *version == 1));
    let log = InputLog::read(&host.told.inputs_of(&id)).unwrap();
    assert_replays(&host, &[host.program(&one)], &log, &[]);
    let gone = host.fleet.upgrade(&spec, |_| Ok(()));
    assert_eq!(gone.err(), Some(UpgradeError::NotRunning));
}

#[tokio::test]
async fn two_upgrades_at_once_are_done_one_after_the_other() {
    let wats: Vec<_> = (1..4).map(|version| stateful(version, SAVE_AND_LOAD)).collect();
    let host = TestHost::new();
    let id = host.start(&wats[0], 60);
    let ann = host.connect(&id, ANN);
    next_frame(&ann).await;
    let bases: Mutex<Vec<Arc<Snapshot>>> = Mutex::default();
    let specs = wats[1..]
        .iter()
        .map(|wat| MatchSpec { id: id.clone(), ..host.spec(&host.program(wat), 60) });
    let specs: Vec<_> = specs.collect();
    thread::scope(|scope| {
        for spec in &specs {
            let (fleet, bases) = (&host.fleet, &bases);
            scope.spawn(move || {
                // The slower one has tried itself out on a module that runs no more.
                let upgraded = loop {
                    match fleet.upgrade(spec, |_| Ok(())) {
                        Err(UpgradeError::Overtaken) => {}
                        upgraded => break upgraded.unwrap(),
                    }
                };
                bases.lock().unwrap().push(Arc::new(upgraded.snapshot));
            });
        }
    });
    say(&ann, "finish");
    assert_no_gap(&ticks(&ann).await);
    let log = InputLog::read(&host.told.inputs_of(&id)).unwrap();
    let programs: Vec<_> = wats.iter().map(|wat| host.program(wat)).collect();
    assert_eq!(log.parts().len(), 3);
    assert_replays(&host, &programs, &log, &bases.into_inner().unwrap());
}

#[tokio::test]
async fn a_host_that_rests_waits_for_a_match_that_is_being_upgraded() {
    let (one, two) = (stateful(1, SAVE_AND_LOAD), stateful(2, SAVE_AND_LOAD));
    let matches = MatchLimits { upgrade_shadow_ticks: 1, ..MatchLimits::default() };
    let host = TestHost::with(Policy { matches, ..Policy::default() }, 4);
    let id = host.start(&one, 60);
    let ann = host.connect(&id, ANN);
    next_frame(&ann).await;
    let spec = MatchSpec { id: id.clone(), ..host.spec(&host.program(&two), 60) };
    let (begun, has_begun) = mpsc::channel();
    let fleet = host.fleet.clone();
    let resting = thread::spawn(move || {
        has_begun.recv().unwrap();
        fleet.rest(Duration::from_secs(30));
    });
    let upgraded = host.fleet.upgrade(&spec, |_| {
        begun.send(()).unwrap();
        // The host is told to rest while the match is out of its hands.
        while host.fleet.apply(lattice_host::Action::Stop(id.clone())).is_ok() && !is_resting(&host)
        {
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    });
    let at = upgraded.unwrap().snapshot.tick;
    resting.join().unwrap();
    let left = host.told.left_of(&id);
    assert_eq!(left.rested, Some(at), "not a tick was run behind the upgrade, and none is lost");
    assert_eq!(left.snapshots.last().unwrap().module, host.program(&two).sha256());
    assert_eq!(left.log().parts().len(), 2);
    while ann.next().await != Outgoing::Closed(lattice_host::CloseReason::HostStopping) {}
}

/// Whether no match may be started any more.
fn is_resting(host: &TestHost) -> bool {
    let spec = host.spec(&host.program(&stateful(9, "")), 60);
    let started = host.fleet.apply(lattice_host::Action::Start(spec));
    matches!(started, Err(lattice_host::ApplyError::HostStopping))
}
