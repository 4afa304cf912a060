//! Matches that go on under a next host: after an orderly rest at the very tick, after a crash from
//! what was written, and not at all where that is not the match that was.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    io::Read,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use lattice_host::{
    CloseReason, ConnectError, FaultKind, MatchSpec, Outcome, Outgoing, PlayerLink,
};
use lattice_policies::{
    Code, GameId, MatchId, PlayerId, Policy,
    egress::{EgressPolicy, Entry, GameEgress, Rules},
    policy::MatchLimits,
};
use lattice_surface::{Event, InputLog, LoggedEnding, Record};
use support::{Left, TestHost, all, assert_replays, heard, next_event, next_frame, sim, stateful};

const ANN: PlayerId = PlayerId(1);
const BOB: PlayerId = PlayerId(2);
const PATIENCE: Duration = Duration::from_secs(30);

fn limits() -> MatchLimits {
    MatchLimits { snapshot_every_ms: 100, ..MatchLimits::default() }
}

fn host(limits: MatchLimits) -> TestHost {
    TestHost::with(Policy { matches: limits, ..Policy::default() }, 8)
}

fn say(link: &PlayerLink, text: &str) {
    link.send(Bytes::from(text.to_owned())).unwrap();
}

fn rest(host: TestHost, id: &MatchId) -> Left {
    host.fleet.rest(PATIENCE);
    assert!(!host.told.has_ended(id));
    assert!(host.fleet.running().is_empty());
    host.told.left_of(id)
}

fn resume(host: &TestHost, wat: &str, id: &MatchId, left: &Left, uses_snapshot: bool) {
    let spec = MatchSpec { id: id.clone(), ..host.spec(&host.program(wat), 60) };
    host.resume(spec, left, uses_snapshot);
}

fn log_of(host: &TestHost, id: &MatchId) -> InputLog {
    InputLog::read(&host.told.inputs_of(id)).unwrap()
}

/// Asserts that the log of the match that was resumed is that of one that never stopped.
fn assert_unbroken(host: &TestHost, wat: &str, id: &MatchId) -> InputLog {
    let log = log_of(host, id);
    let replayed = assert_replays(host, &[host.program(wat)], &log, &[]);
    let end = host.told.end_of(id);
    let proof = end.proof.expect("the host did not fail");
    assert_eq!((end.ticks, end.fuel), (replayed.ticks, replayed.fuel));
    assert_eq!((proof.transcript, proof.state), (replayed.transcript, replayed.state));
    log
}

#[tokio::test]
async fn a_match_at_rest_goes_on_at_its_tick_as_if_nothing_had_been() {
    let table = "(table 1 1 funcref) (func $f) (elem declare func $f)
        (func (export \"alter\") (table.set (i32.const 0) (ref.func $f)))";
    // With a snapshot; and by the log alone, where no snapshot would hold the state.
    for (wat, can_snapshot) in [(stateful(1, ""), true), (stateful(1, table), false)] {
        let first = host(limits());
        let id = first.start(&wat, 60);
        let (ann, bob) = (first.connect(&id, ANN), first.connect(&id, BOB));
        for text in ["result", "gauge", "write"] {
            say(&ann, text);
        }
        heard(&bob, "write").await;
        // Some of these are not pulled when the match is left.
        for count in 0..200 {
            say(&bob, &format!("message {count}"));
        }
        heard(&ann, "message 20").await;
        let left = rest(first, &id);
        all(&ann).await;
        assert_eq!(ann.next().await, Outgoing::Closed(CloseReason::HostStopping));
        let at = left.rested.expect("it was left");
        assert_eq!(left.mark, at - 1, "how far it came is told too");
        assert_eq!(left.snapshots.last().map(|last| last.tick), can_snapshot.then_some(at));

        let second = host(limits());
        resume(&second, &wat, &id, &left, can_snapshot);
        assert_eq!(second.told.resume_of(&id), at);
        let ann = second.connect(&id, ANN);
        assert!(next_frame(&ann).await.0 >= at);
        let bob = second.connect(&id, BOB);
        say(&bob, "back");
        heard(&ann, "back").await;
        say(&ann, "finish");
        all(&ann).await;
        let log = assert_unbroken(&second, &wat, &id);
        let is_join = |event: &&Event| matches!(event, Event::Join { .. });
        let events = log.inputs.iter().flat_map(|inputs| &inputs.events);
        assert_eq!(events.filter(is_join).count(), 2, "who comes back does not join again");
        assert_eq!(second.told.end_of(&id).result.unwrap(), b"result");
        assert!(second.told.left_of(&id).rested.is_none());
    }
}

#[tokio::test]
async fn players_who_stay_away_leave_after_the_grace_and_who_left_stays_barred() {
    let wat = stateful(1, "");
    let first = host(limits());
    let id = first.start(&wat, 60);
    let (ann, bob) = (first.connect(&id, ANN), first.connect(&id, BOB));
    let eve = PlayerId(3);
    let kicked = first.connect(&id, eve);
    say(&kicked, "kick me");
    all(&kicked).await;
    let left = rest(first, &id);
    drop((ann, bob));

    let second = host(MatchLimits { reconnect_grace_ms: 500, ..limits() });
    resume(&second, &wat, &id, &left, true);
    let ann = second.connect(&id, ANN);
    let live = second.fleet.live(&id).unwrap();
    assert_eq!(live.connect(eve, Bytes::new()).err(), Some(ConnectError::Left));
    let (kind, player, reason, _) = loop {
        let event = next_event(&ann).await;
        if event.0 == 2 && event.1 != 3 {
            break event;
        }
    };
    assert_eq!((kind, player, reason), (2, 2, 0), "bob did not come back");
    assert_eq!(live.connect(BOB, Bytes::new()).err(), Some(ConnectError::Left));
    say(&ann, "finish");
    all(&ann).await;
    assert_unbroken(&second, &wat, &id);
}

/// A peer that takes connections, never answers, and counts the requests that reach it.
fn silent() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if stream.read(&mut [0; 1_024]).is_ok_and(|size| size > 0) {
                count.fetch_add(1, Ordering::SeqCst);
            }
            held.push(stream);
        }
    });
    (url, taken)
}

fn allow(host: &TestHost, url: &str) {
    let entry = Entry { allow_private: true, ..url.parse().unwrap() };
    let own = GameEgress { allow: vec![entry], ..GameEgress::default() };
    let rules = Rules::new(&EgressPolicy::default(), &own).unwrap();
    host.fleet.egress().set(&GameId::from_random([1; 10]), 1, rules);
}

#[tokio::test]
async fn a_fetch_on_its_way_fails_once_in_the_log_and_is_never_sent_again() {
    let (url, taken) = silent();
    let wat = stateful(1, "");
    let first = host(limits());
    allow(&first, &url);
    let id = first.start(&wat, 60);
    let ann = first.connect(&id, ANN);
    say(&ann, &url);
    while taken.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut left = rest(first, &id);
    // Twice: the failure is in the log from then on.
    for _ in 0..2 {
        let next = host(limits());
        allow(&next, &url);
        resume(&next, &wat, &id, &left, true);
        let ann = next.connect(&id, ANN);
        say(&ann, "still here");
        heard(&ann, "still here").await;
        assert_eq!(next.fleet.live(&id).unwrap().status().fetches_in_flight, 0);
        left = rest(next, &id);
    }
    let last = host(limits());
    resume(&last, &wat, &id, &left, true);
    let ann = last.connect(&id, ANN);
    say(&ann, "finish");
    all(&ann).await;
    let log = assert_unbroken(&last, &wat, &id);
    let answers: Vec<_> = log
        .inputs
        .iter()
        .flat_map(|inputs| &inputs.events)
        .filter_map(|event| match event {
            Event::Response { id, status, .. } => Some((*id, *status)),
            _ => None,
        })
        .collect();
    assert_eq!(answers, [(1, Code::HttpFailed.value())]);
    assert_eq!(taken.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn after_a_crash_a_match_goes_on_from_what_was_told_with_or_without_a_snapshot() {
    let wat = stateful(1, "");
    let first = host(limits());
    let id = first.start(&wat, 60);
    let ann = first.connect(&id, ANN);
    for text in ["gauge", "write", "result"] {
        say(&ann, text);
    }
    heard(&ann, "result").await;
    first.told.snapshots_of(&id, 4);
    let (tick, _) = next_frame(&ann).await;
    first.told.mark_of(&id, tick);
    let told = first.told.left_of(&id);
    let newest = told.snapshots.last().unwrap().tick;
    // The mark may be behind what was written before it: the snapshot, and the last inputs.
    for (mark, uses_snapshot, at) in [
        (told.mark, true, told.mark + 1),
        (told.mark, false, told.mark + 1),
        (-1, true, newest),
        (-1, false, told.log().inputs.last().unwrap().tick + 1),
    ] {
        let left = Left { mark, ..told.clone() };
        let next = host(limits());
        resume(&next, &wat, &id, &left, uses_snapshot);
        assert_eq!(next.told.resume_of(&id), at);
        let ann = next.connect(&id, ANN);
        say(&ann, "finish");
        all(&ann).await;
        assert_unbroken(&next, &wat, &id);
    }
}

#[tokio::test]
async fn a_stop_that_was_begun_ends_under_the_next_host_when_it_would_have() {
    let wat = stateful(1, "");
    let first = host(MatchLimits { stop_grace_ms: 2_000, ..limits() });
    let id = first.start(&wat, 60);
    let ann = first.connect(&id, ANN);
    first.fleet.live(&id).unwrap().stop();
    while next_event(&ann).await.0 != 5 {}
    let left = rest(first, &id);
    let ends_at = left.snapshots.last().unwrap().ends_at.expect("it was asked to stop");
    let second = host(limits());
    resume(&second, &wat, &id, &left, true);
    assert_eq!(second.told.end_of(&id).ticks, ends_at);
    let log = assert_unbroken(&second, &wat, &id);
    assert_eq!(log.end.unwrap().ending, LoggedEnding::ShutDown);
}

/// Two matches of it in one host's policy, one of which a next host finds changed.
async fn left_alone(wat: &str) -> (MatchId, Left) {
    let first = host(limits());
    let id = first.start(wat, 60);
    let ann = first.connect(&id, ANN);
    say(&ann, "hello");
    heard(&ann, "hello").await;
    let left = rest(first, &id);
    (id, left)
}

fn lost(host: &TestHost, id: &MatchId) -> String {
    let end = host.told.end_of(id);
    assert_eq!(end.proof, None);
    match end.outcome {
        Outcome::Lost { why } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_log_that_is_not_the_match_any_more_is_lost_and_says_where() {
    let wat = stateful(1, "");
    let (id, left) = left_alone(&wat).await;
    let log = left.log();
    let mut records = vec![Record::Header(log.header.clone())];
    for inputs in &log.inputs {
        let mut inputs = inputs.clone();
        for event in &mut inputs.events {
            if let Event::Message { bytes, .. } = event {
                *bytes = "hellO".into();
            }
        }
        records.push(Record::Inputs(inputs));
    }
    let mut altered = Left { log: Vec::new(), ..left.clone() };
    records.iter().for_each(|record| record.encode(&mut altered.log));
    let next = host(limits());
    resume(&next, &wat, &id, &altered, false);
    let why = lost(&next, &id);
    let tick = log.inputs.last().unwrap().tick;
    assert!(why.contains(&format!("after tick {tick} the transcript's hash was")), "{why}");
    assert!(next.fleet.running().is_empty());
}

#[tokio::test]
async fn a_match_that_had_ended_is_told_so_by_the_next_host() {
    let wat = stateful(1, "");
    let first = host(limits());
    for (letter, kind) in [("finish", None), ("trap", Some(FaultKind::Trap))] {
        let id = first.start(&wat, 60);
        let ann = first.connect(&id, ANN);
        say(&ann, "result");
        say(&ann, letter);
        all(&ann).await;
        let was = first.told.end_of(&id);
        let left = first.told.left_of(&id);
        assert!(left.log().end.is_some());
        let next = host(limits());
        resume(&next, &wat, &id, &left, true);
        let is = next.told.end_of(&id);
        assert_eq!((is.ticks, &is.result, is.fuel), (was.ticks, &was.result, was.fuel));
        assert_eq!(is.proof, was.proof, "the same match was run again");
        match (is.outcome, kind) {
            (Outcome::Finished, None) => {}
            (Outcome::Faulted(fault), Some(kind)) => assert_eq!(fault.kind, kind),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn under_another_engine_a_match_goes_on_from_where_it_was_left_or_not_at_all() {
    let wat = stateful(1, "");
    let (id, left) = left_alone(&wat).await;
    let other = MatchLimits { tick_fuel: limits().tick_fuel + 1, ..limits() };
    let at = left.rested.unwrap();

    let next = host(other.clone());
    resume(&next, &wat, &id, &left, true);
    assert_eq!(next.told.resume_of(&id), at);
    let ann = next.connect(&id, ANN);
    say(&ann, "finish");
    all(&ann).await;
    let log = log_of(&next, &id);
    let [before, after] = log.parts()[..] else { panic!("{:?}", log.segments) };
    assert_eq!((before.until, after.first_tick()), (Some(at), at));
    assert_ne!(before.fingerprint(), after.fingerprint());
    assert_eq!(after.fingerprint(), next.fleet.fingerprint());
    let base = left.snapshots.last().unwrap();
    let program = next.program(&wat);
    let stretch = lattice_host::replay::Stretch { part: after, from: Some(&**base) };
    let go_on = |_: lattice_host::replay::ReplayedTick<'_>| std::ops::ControlFlow::Continue(());
    let replayed = next.fleet.replay(&program, stretch, None, go_on).unwrap();
    assert_eq!(next.told.end_of(&id).proof.unwrap().transcript, replayed.transcript);
    // Its older part needs its own engine.
    let older = host(limits());
    let stretch = lattice_host::replay::Stretch { part: before, from: None };
    let replayed = older.fleet.replay(&older.program(&wat), stretch, None, go_on).unwrap();
    assert_eq!(replayed.ticks, at);

    for unfit in [
        Left { snapshots: Vec::new(), ..left.clone() },
        // One that is not where the match was left.
        Left { rested: Some(at + 1), ..left.clone() },
    ] {
        let next = host(other.clone());
        resume(&next, &wat, &id, &unfit, true);
        let why = lost(&next, &id);
        assert!(why.contains("another engine or policy"), "{why}");
    }
}

#[tokio::test]
async fn a_match_that_is_not_logged_is_stopped_when_its_host_rests() {
    let log = lattice_policies::policy::LogMode::Off;
    let host = host(MatchLimits { log, ..limits() });
    let id = host.start(&sim("", "i32.const 0"), 60);
    host.told.start_of(&id);
    host.fleet.rest(PATIENCE);
    assert_eq!(host.told.end_of(&id).outcome, Outcome::Stopped);
    assert_eq!(host.told.left_of(&id).rested, None);
}
