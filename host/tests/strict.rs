//! Matches under a strict log: nothing that the sim says leaves before all that it said it about
//! is durable; then it does, in its order; and where the log can't come after, the match waits.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    future::Future,
    ops::ControlFlow,
    pin::pin,
    sync::atomic::Ordering,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use lattice_host::{CloseReason, FaultKind, MatchSpec, MatchStatus, Outcome, Outgoing, PlayerLink};
use lattice_policies::{
    MatchId, PlayerId, Policy,
    policy::{LogMode, MatchLimits},
};
use lattice_surface::{InputLog, Record, Said};
use support::{
    FRAME, Left, TestHost, all, allow, assert_replays, frame, heard, next_frame, silent, stateful,
};

const ANN: PlayerId = PlayerId(1);
/// The ticks that a match at 60 Hz may be ahead of its log.
const AHEAD: i64 = 60;

fn limits() -> MatchLimits {
    MatchLimits { log: LogMode::Strict, log_ahead_ms: 1_000, ..MatchLimits::default() }
}

fn host(limits: MatchLimits) -> TestHost {
    TestHost::with(Policy { matches: limits, ..Policy::default() }, 8)
}

fn say(link: &PlayerLink, text: &str) {
    link.send(Bytes::from(text.to_owned())).unwrap();
}

/// What waits for the player now.
fn arrived(link: &PlayerLink) -> Vec<Outgoing> {
    let mut arrived = Vec::new();
    loop {
        let next = pin!(link.next()).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(outgoing) = next else { return arrived };
        let is_closed = matches!(outgoing, Outgoing::Closed(_));
        arrived.push(outgoing);
        if is_closed {
            return arrived;
        }
    }
}

fn status(host: &TestHost, id: &MatchId) -> MatchStatus {
    host.fleet.live(id).expect("it runs").status()
}

async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the match does nothing but drop periods.
async fn stalled(host: &TestHost, id: &MatchId) -> MatchStatus {
    let before = status(host, id);
    let mut last = before.ticks;
    until(|| {
        let now = status(host, id);
        let stands = now.ticks == last && now.dropped_periods > before.dropped_periods + 10;
        last = now.ticks;
        stands
    })
    .await;
    status(host, id)
}

fn assert_unbroken(host: &TestHost, wat: &str, id: &MatchId) -> InputLog {
    let log = InputLog::read(&host.told.inputs_of(id)).unwrap();
    let replayed = assert_replays(host, &[host.program(wat)], &log, &[]);
    assert_eq!(host.told.end_of(id).proof.unwrap().transcript, replayed.transcript);
    log
}

#[tokio::test]
async fn what_is_said_leaves_in_its_order_once_all_before_it_is_durable() {
    let (host, wat) = (host(limits()), stateful(1, ""));
    host.told.hold();
    let id = host.start(&wat, 60);
    let ann = host.connect(&id, ANN);
    say(&ann, "hello");
    // Quiet ticks beyond the mark wait, and no tick runs further ahead than may be asked for.
    let stands = stalled(&host, &id).await;
    assert_eq!(stands.ticks, AHEAD, "ticks 0 to 59");
    assert_eq!(arrived(&ann), [], "nothing is durable");
    let (chunks, _) = host.told.held();
    assert!((2..10).contains(&chunks), "one a tick with records, and few marks: {chunks}");

    let mut seen = Vec::new();
    for _ in 0..chunks {
        host.told.keep(1);
        seen.extend(arrived(&ann));
        let mark = host.told.left_of(&id).mark;
        for outgoing in &seen {
            let Outgoing::Message(bytes) = outgoing else { panic!("{outgoing:?}") };
            assert!(bytes.len() != FRAME || frame(bytes).0 <= mark);
        }
    }
    host.told.let_go();
    say(&ann, "finish");
    let mut frames: Vec<_> = seen
        .into_iter()
        .filter_map(|outgoing| match outgoing {
            Outgoing::Message(bytes) => Some(bytes),
            Outgoing::Closed(_) => None,
        })
        .collect();
    frames.extend(all(&ann).await);
    frames.retain(|bytes| bytes.len() == FRAME);
    let ticks: Vec<_> = frames.iter().map(|bytes| frame(bytes).0).collect();
    assert!(ticks.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ticks:?}");
    assert_eq!(ticks.last().copied(), Some(host.told.end_of(&id).ticks - 1), "to the last");
    let log = assert_unbroken(&host, &wat, &id);
    assert!(log.inputs.len() >= 2);
}

#[tokio::test]
async fn a_link_is_closed_behind_its_messages_and_a_fetch_leaves_behind_its_record() {
    let (host, wat) = (host(limits()), stateful(1, ""));
    let (url, taken) = silent();
    allow(&host, &url);
    let id = host.start(&wat, 60);
    let bob = host.connect(&id, PlayerId(2));
    let first = host.connect(&id, ANN);
    next_frame(&first).await;
    host.told.hold();
    let second = host.connect(&id, ANN);
    say(&second, &url);
    say(&bob, "kick me");
    until(|| status(&host, &id).fetches_in_flight == 1 && status(&host, &id).players == 1).await;
    host.told.wait_held(2);
    let is_closed = |outgoing: &Outgoing| matches!(outgoing, Outgoing::Closed(_));
    assert!(!arrived(&bob).iter().any(is_closed), "his last messages are to come");
    let (before, after) = (arrived(&first), arrived(&second));
    assert!(!before.iter().any(is_closed), "{before:?}");
    assert_eq!(after, []);
    assert_eq!(taken.load(Ordering::SeqCst), 0, "the fetch is in no log yet");

    host.told.let_go();
    until(|| taken.load(Ordering::SeqCst) == 1).await;
    let words = all(&bob).await;
    assert!(words.iter().any(|bytes| bytes.ends_with(b"kick me")));
    assert_eq!(bob.next().await, Outgoing::Closed(CloseReason::Kicked(5)));
    all(&first).await;
    assert_eq!(first.next().await, Outgoing::Closed(CloseReason::Replaced));

    host.told.hold();
    say(&second, "finish");
    let ends = |host: &TestHost| host.told.has_ended(&id);
    until(|| ends(&host)).await;
    assert!(!arrived(&second).iter().any(is_closed), "the end is in no log yet");
    host.told.let_go();
    let last = all(&second).await;
    let last_tick =
        last.iter().rev().find(|bytes| bytes.len() == FRAME).map(|bytes| frame(bytes).0);
    assert_eq!(last_tick, Some(host.told.end_of(&id).ticks - 1));
    assert_eq!(second.next().await, Outgoing::Closed(CloseReason::Ended));
}

#[tokio::test]
async fn a_match_whose_log_can_not_come_after_waits_and_nothing_grows() {
    let limits = MatchLimits { held_bytes: 4 << 10, ..limits() };
    let (host, wat) = (host(limits), stateful(1, ""));
    let id = host.start(&wat, 60);
    let ann = host.connect(&id, ANN);
    next_frame(&ann).await;
    host.told.hold();
    say(&ann, "hello");
    let stands = stalled(&host, &id).await;
    let (chunks, _) = host.told.held();
    // A frame takes 128 bytes where it waits.
    let arrived = arrived(&ann).len() as i64;
    assert!(stands.ticks <= 2 * AHEAD + arrived, "{stands:?}");
    while ann.send(Bytes::from_static(b"more")).is_ok() {}
    let later = stalled(&host, &id).await;
    assert_eq!((later.ticks, host.told.held().0), (stands.ticks, chunks), "it stands still");
    assert!(later.dropped_periods > stands.dropped_periods + 5);

    host.told.let_go();
    heard(&ann, "more").await;
    host.fleet.live(&id).unwrap().stop();
    all(&ann).await;
    let end = host.told.end_of(&id);
    assert!(end.dropped_periods >= later.dropped_periods);
    assert_unbroken(&host, &wat, &id);
}

#[tokio::test]
async fn a_match_whose_log_is_cut_ends_and_says_so() {
    let (host, wat) = (host(limits()), stateful(1, ""));
    let id = host.start(&wat, 60);
    let ann = host.connect(&id, ANN);
    next_frame(&ann).await;
    host.told.hold();
    say(&ann, "never logged");
    host.told.wait_held(1);
    let lost_from = host.told.left_of(&id).log().inputs.last().unwrap().tick;
    host.told.lose();
    let seen = all(&ann).await;
    assert!(!seen.iter().any(|bytes| bytes.ends_with(b"never logged")));
    assert_eq!(ann.next().await, Outgoing::Closed(CloseReason::Faulted));
    let end = host.told.end_of(&id);
    let Outcome::Faulted(fault) = &end.outcome else { panic!("{end:?}") };
    assert_eq!(fault.kind, FaultKind::Host);
    assert!(fault.detail.contains("the match's input log is cut"), "{fault:?}");
    assert!(end.ticks > lost_from);
}

/// All that a replay of the log sends to everybody, in its order.
fn broadcasts(host: &TestHost, wat: &str, log: &InputLog) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let watch = |tick: lattice_host::replay::ReplayedTick<'_>| {
        let mut said = tick.said;
        while let Some(said) = Said::take(&mut said) {
            if let Said::Broadcast { bytes, .. } = said {
                all.push(bytes.to_vec());
            }
        }
        ControlFlow::Continue(())
    };
    host.replay(&host.program(wat), log, None, watch).unwrap();
    all
}

#[tokio::test]
async fn after_a_crash_all_that_a_player_has_ever_seen_is_still_so() {
    let wat = stateful(1, "");
    let first = host(MatchLimits { snapshot_every_ms: 200, ..limits() });
    let id = first.start(&wat, 60);
    let ann = first.connect(&id, ANN);
    next_frame(&ann).await;
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for round in 0..8 {
        first.told.hold();
        for count in 0..3 {
            say(&ann, &format!("message {round}.{count}"));
            first.told.wait_held(count + 1);
        }
        // The crash comes between any two chunks that become durable.
        first.told.keep(1 + round % 3);
        seen.extend(arrived(&ann).into_iter().map(message));
        let left = first.told.left_of(&id);
        first.told.let_go();

        let next = host(limits());
        let spec = MatchSpec { id: id.clone(), ..next.spec(&next.program(&wat), 60) };
        next.resume(spec, &left, round % 2 == 0);
        assert!(next.told.resume_of(&id) > left.mark, "through the mark, and not before");
        let again = next.connect(&id, ANN);
        say(&again, "finish");
        all(&again).await;
        let log = assert_unbroken(&next, &wat, &id);
        let said = broadcasts(&next, &wat, &log);
        let begins = said.iter().position(|said| Some(said) == seen.first()).expect("it was said");
        let again = said[begins..].iter().take(seen.len());
        assert!(again.eq(&seen), "round {round}: the match is another");
    }
    assert!(seen.len() > 30, "{}", seen.len());
}

fn message(outgoing: Outgoing) -> Vec<u8> {
    match outgoing {
        Outgoing::Message(bytes) => bytes.to_vec(),
        closed @ Outgoing::Closed(_) => panic!("{closed:?}"),
    }
}

#[tokio::test]
async fn a_rest_keeps_the_very_tick_though_the_mark_is_ahead() {
    let wat = stateful(1, "");
    let first = host(limits());
    let id = first.start(&wat, 60);
    let ann = first.connect(&id, ANN);
    say(&ann, "hello");
    heard(&ann, "hello").await;
    first.fleet.rest(Duration::from_secs(30));
    let words = all(&ann).await;
    let last = words.iter().rev().find(|bytes| bytes.len() == FRAME).map(|bytes| frame(bytes).0);
    let left = first.told.left_of(&id);
    let at = left.rested.expect("it was left");
    assert!(last.is_none_or(|last| last == at - 1), "all that was said has left");
    assert!(left.mark >= at, "the mark is ahead: {} {at}", left.mark);
    let next = host(limits());
    let spec = MatchSpec { id: id.clone(), ..next.spec(&next.program(&wat), 60) };
    next.resume(spec, &left, true);
    assert_eq!(next.told.resume_of(&id), at);
    let ann = next.connect(&id, ANN);
    say(&ann, "finish");
    all(&ann).await;
    assert_unbroken(&next, &wat, &id);
}

#[tokio::test]
async fn a_match_that_ends_by_itself_before_the_mark_has_ended_for_the_next_host_too() {
    let ends = |how: &str| {
        let at = format!("(if (i64.eq (local.get $tick) (i64.const 30)) (then {how}))");
        stateful(1, "").replacen("(global.set $sum", &format!("{at} (global.set $sum"), 1)
    };
    let finishes = ends("(local.set $over (i32.const 1))");
    for (wat, ticks) in [(&finishes, 31), (&ends("unreachable"), 30)] {
        let first = host(limits());
        let id = first.start(wat, 60);
        let was = first.told.end_of(&id);
        assert_eq!(was.ticks, ticks);
        // Of the log only its beginning is durable, and a mark that is ahead.
        let whole = first.told.left_of(&id);
        let mut begun = Vec::new();
        Record::Header(whole.log().header).encode(&mut begun);
        let left = Left { log: begun, mark: AHEAD, snapshots: Vec::new(), rested: None };
        let next = host(limits());
        let spec = MatchSpec { id: id.clone(), ..next.spec(&next.program(wat), 60) };
        next.resume(spec, &left, false);
        let is = next.told.end_of(&id);
        assert_eq!((is.ticks, is.fuel, &is.proof), (was.ticks, was.fuel, &was.proof));
        assert_eq!(std::mem::discriminant(&is.outcome), std::mem::discriminant(&was.outcome));
        assert_eq!(assert_unbroken(&next, wat, &id).end.unwrap().ticks, ticks);
    }
}

#[tokio::test]
async fn a_stop_before_the_mark_is_kept_to_its_tick() {
    let wat = stateful(1, "");
    let first = host(MatchLimits { stop_grace_ms: 100, ..limits() });
    let id = first.start(&wat, 60);
    let ann = first.connect(&id, ANN);
    next_frame(&ann).await;
    first.fleet.live(&id).unwrap().stop();
    all(&ann).await;
    let was = first.told.end_of(&id);
    let whole = first.told.left_of(&id);
    let log = whole.log();
    let mut begun = Vec::new();
    Record::Header(log.header.clone()).encode(&mut begun);
    for inputs in log.inputs {
        Record::Inputs(inputs).encode(&mut begun);
    }
    let left = Left { log: begun, ..whole };
    assert!(left.mark > was.ticks, "the mark is ahead");
    let next = host(limits());
    let spec = MatchSpec { id: id.clone(), ..next.spec(&next.program(&wat), 60) };
    next.resume(spec, &left, false);
    let is = next.told.end_of(&id);
    assert_eq!((is.ticks, &is.proof), (was.ticks, &was.proof));
    assert_unbroken(&next, &wat, &id);
}
