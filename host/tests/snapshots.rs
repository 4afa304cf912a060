//! Snapshots of running matches: taken now and then without harm, equal to what a replay comes to,
//! and whole enough to go on from as if nothing had been.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{ops::ControlFlow, sync::Arc};

use bytes::Bytes;
use lattice_host::{
    Action, CloseReason, MatchSpec, Origin, Outgoing, PAGE_BYTES, PlayerLink, Snapshot,
    replay::{Extent, ReplayError, Replayed, Stretch},
};
use lattice_policies::{
    MatchId, PlayerId, Policy,
    policy::{LogMode, MatchLimits},
};
use lattice_surface::InputLog;
use support::{TestHost, all, assert_replays, next_event, next_frame, sim, stateful};

const ANN: PlayerId = PlayerId(1);
const BOB: PlayerId = PlayerId(2);

fn host(limits: MatchLimits) -> TestHost {
    TestHost::with(Policy { matches: limits, ..Policy::default() }, 8)
}

/// A host that takes a snapshot every sixth tick of a match at 60 Hz.
fn often() -> TestHost {
    host(MatchLimits { snapshot_every_ms: 100, ..MatchLimits::default() })
}

fn say(link: &PlayerLink, text: &str) {
    link.send(Bytes::from(text.to_owned())).unwrap();
}

fn log_of(host: &TestHost, id: &MatchId) -> InputLog {
    InputLog::read(&host.told.inputs_of(id)).unwrap()
}

/// Goes on from the snapshot to the log's end.
fn go_on(host: &TestHost, wat: &str, log: &InputLog, from: &Snapshot) -> Replayed {
    let part = log.parts()[0];
    let stretch = Stretch { part, from: Some(from) };
    host.fleet.replay(&host.program(wat), stretch, None, |_| ControlFlow::Continue(())).unwrap()
}

/// Asserts of each snapshot that a replay comes to it, and that what goes on from it ends like the
/// match that was never stopped.
fn assert_whole(host: &TestHost, wat: &str, id: &MatchId, snapshots: &[Arc<Snapshot>]) {
    let log = log_of(host, id);
    let program = host.program(wat);
    let whole = assert_replays(host, std::slice::from_ref(&program), &log, &[]);
    let end = host.told.end_of(id);
    let proof = end.proof.expect("the host did not fail");
    assert_eq!(proof.transcript, whole.transcript);
    assert_eq!(proof.state, whole.state);
    assert!(proof.state.is_some(), "the last state is told");
    let mut before: Option<&Snapshot> = None;
    for snapshot in snapshots {
        for from in [None, before] {
            let stretch = Stretch { part: log.parts()[0], from };
            let replayed = host
                .fleet
                .state_at(&program, stretch, snapshot.tick, |_| ControlFlow::Continue(()))
                .unwrap();
            assert_eq!(replayed.state(), snapshot.state(), "tick {}", snapshot.tick);
            assert_eq!(replayed, **snapshot);
        }
        let went_on = go_on(host, wat, &log, snapshot);
        assert_eq!(went_on, whole, "from tick {}", snapshot.tick);
        let pages = |hash| {
            let page = snapshot.memory.filled.values().find(|page| page.hash == hash);
            page.map(|page| Arc::clone(&page.bytes))
        };
        assert_eq!(Snapshot::read(&snapshot.head(), pages).unwrap(), **snapshot);
        before = Some(snapshot);
    }
}

#[tokio::test]
async fn a_match_is_kept_every_so_often_and_goes_on_from_each_as_if_nothing_had_been() {
    let host = often();
    let wat = stateful(1, "");
    let id = host.start(&wat, 60);
    let (ann, bob) = (host.connect(&id, ANN), host.connect(&id, BOB));
    for text in ["result", "gauge", "https://denied.example.com/", "kick me"] {
        say(&ann, text);
    }
    // One event is pulled a tick, so some wait while snapshots are taken.
    for count in 0..40 {
        say(&bob, &format!("message {count}"));
    }
    let snapshots = host.told.snapshots_of(&id, 6);
    for (before, after) in snapshots.iter().zip(&snapshots[1..]) {
        assert_eq!(after.tick - before.tick, 6);
        assert_ne!(after.globals, before.globals, "what is not exported is kept too");
    }
    say(&bob, "finish");
    all(&bob).await;
    assert_whole(&host, &wat, &id, &snapshots);
}

#[tokio::test]
async fn a_large_memory_is_copied_aside_and_no_tick_is_lost() {
    let host = often();
    let wat = stateful(1, "");
    let id = host.start(&wat, 60);
    let ann = host.connect(&id, ANN);
    say(&ann, "write far away");
    let (first, _) = next_frame(&ann).await;
    let mut next = first + 1;
    let snapshots = loop {
        let (tick, _) = next_frame(&ann).await;
        assert_eq!(tick, next, "ticks come without a gap");
        next += 1;
        let snapshots = host.told.snapshots_of(&id, 0);
        let is_large = |snapshot: &&Arc<Snapshot>| snapshot.memory.pages == 32;
        if snapshots.iter().filter(is_large).count() >= 3 {
            break snapshots;
        }
    };
    let last = snapshots.last().unwrap();
    assert!(last.memory.filled.len() <= 4, "only pages with something in them are kept");
    assert!(last.memory.filled.contains_key(&31), "{:?}", last.memory.filled.keys());
    assert!(last.memory.filled.values().all(|page| page.bytes.len() == PAGE_BYTES));
    say(&ann, "finish");
    all(&ann).await;
    assert_whole(&host, &wat, &id, &snapshots);
}

#[tokio::test]
async fn a_match_with_a_slow_rate_or_a_fault_is_kept_too_and_nothing_follows_its_end() {
    let limits = MatchLimits { snapshot_every_ms: 1, ..MatchLimits::default() };
    let host = host(limits);
    let wat = stateful(1, "");
    let ids: Vec<_> = (0..4).map(|_| host.start(&wat, 60)).collect();
    for id in &ids {
        let ann = host.connect(id, ANN);
        host.told.snapshots_of(id, 3);
        say(&ann, "trap");
        all(&ann).await;
        let end = host.told.end_of(id);
        assert_eq!(end.proof.expect("it is the sim's fault").state, None);
        let snapshots = host.told.snapshots_of(id, 3);
        assert!(snapshots.last().unwrap().tick <= end.ticks);
    }
}

#[tokio::test]
async fn no_snapshot_is_taken_where_none_would_hold_the_state_or_policy_wants_none() {
    let table = sim(
        "(table 1 1 funcref) (elem declare func $log)",
        "(table.set (i32.const 0) (ref.func $log)) (i64.eq (local.get 0) (i64.const 60))",
    );
    let data =
        sim("(data $gone \"gone\")", "(data.drop $gone) (i64.eq (local.get 0) (i64.const 60))");
    let kept = sim("", "(i64.eq (local.get 0) (i64.const 60))");
    let every =
        |snapshot_every_ms, log| MatchLimits { snapshot_every_ms, log, ..MatchLimits::default() };
    for (wat, limits, log_has_state) in [
        (&table, every(10, LogMode::Relaxed), false),
        (&data, every(10, LogMode::Relaxed), false),
        (&kept, every(0, LogMode::Relaxed), true),
        (&kept, every(10, LogMode::Off), false),
    ] {
        let host = host(limits);
        let id = host.start(wat, 240);
        let end = host.told.end_of(&id);
        assert_eq!(end.ticks, 61);
        assert_eq!(host.told.snapshots_of(&id, 0).len(), 0);
        assert_eq!(end.proof.unwrap().state.is_some(), log_has_state);
    }
    let host = often();
    let program = host.program(&table);
    assert!(!program.can_snapshot());
    let id = host.start(&table, 240);
    let log = log_of(&host, &id);
    let stretch = Stretch { part: log.parts()[0], from: None };
    assert_eq!(
        host.fleet.state_at(&program, stretch, 5, |_| ControlFlow::Continue(())),
        Err(ReplayError::NotKept)
    );
}

#[tokio::test]
async fn a_fork_goes_on_from_a_snapshot_with_its_own_log() {
    let host = often();
    let wat = stateful(1, "");
    let id = host.start(&wat, 60);
    let (ann, bob) = (host.connect(&id, ANN), host.connect(&id, BOB));
    say(&ann, "kick me");
    all(&ann).await;
    let base = host.told.snapshots_of(&id, 1).pop().unwrap();
    let base = loop {
        let last = host.told.snapshots_of(&id, 1).pop().unwrap();
        if last.tick > base.tick + 6 {
            break last;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };

    let origin = Origin::Fork(Arc::clone(&base));
    let spec = MatchSpec { origin, ..host.spec(&host.program(&wat), 60) };
    let fork = spec.id.clone();
    host.fleet.apply(Action::Start(spec)).unwrap();
    let again = host.connect(&fork, BOB);
    assert!(next_frame(&again).await.0 >= base.tick);
    let live = host.fleet.live(&fork).unwrap();
    assert!(live.connect(ANN, Bytes::new()).is_err(), "who left the match has left its fork");
    say(&again, "in the fork");
    assert_eq!(next_event(&again).await.3, b"in the fork", "he has joined already");
    say(&again, "finish");
    while again.next().await != Outgoing::Closed(CloseReason::Ended) {}
    let log = log_of(&host, &fork);
    let [part] = log.parts()[..] else { panic!("{:?}", log.segments) };
    assert_eq!(part.first_tick(), base.tick);
    let program = host.program(&wat);
    let replayed =
        assert_replays(&host, std::slice::from_ref(&program), &log, &[Arc::clone(&base)]);
    assert_eq!(host.told.end_of(&fork).proof.unwrap().transcript, replayed.transcript);
    let bare = Stretch { part, from: None };
    let refused = host.fleet.replay(&program, bare, None, |_| ControlFlow::Continue(()));
    assert_eq!(refused, Err(ReplayError::NoSnapshot { tick: base.tick }));

    say(&bob, "in the match");
    support::heard(&bob, "in the match").await;
    say(&bob, "finish");
    all(&bob).await;
    assert_eq!(go_on(&host, &wat, &log_of(&host, &id), &base).extent, Extent::End);
}
