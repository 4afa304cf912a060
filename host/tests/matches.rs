//! Matches from outside: players come, talk, stay away and leave; matches end in every way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use lattice_host::{
    Action, ApplyError, CloseReason, ConnectError, FaultKind, Level, MatchState, Outcome, Outgoing,
    PlayerLink, SendError,
};
use lattice_policies::{PlayerId, Policy, policy::MatchLimits};
use support::{ECHO, TestHost, sim};

const ANN: PlayerId = PlayerId(1);
const BOB: PlayerId = PlayerId(2);

/// The next thing but tick numbers that the match sends.
async fn heard(link: &PlayerLink) -> Outgoing {
    loop {
        match link.next().await {
            Outgoing::Message(bytes) if bytes.len() == 8 => {}
            other => return other,
        }
    }
}

/// The next echoed event: type, player, status and payload.
async fn event(link: &PlayerLink) -> (u8, u8, i8, Vec<u8>) {
    match heard(link).await {
        Outgoing::Message(bytes) => (bytes[0], bytes[8], bytes[16] as i8, bytes[24..].to_vec()),
        closed @ Outgoing::Closed(_) => panic!("{closed:?}"),
    }
}

#[tokio::test]
async fn players_join_talk_and_are_told_of_each_other() {
    let host = TestHost::new();
    let id = host.start(ECHO, 60);
    let ann = host.connect(&id, ANN);
    assert_eq!(event(&ann).await, (1, 1, 0, b"player 1".to_vec()));
    let bob = host.connect(&id, BOB);
    assert_eq!(event(&bob).await, (1, 2, 0, b"player 2".to_vec()));
    assert_eq!(event(&ann).await.1, 2);
    bob.send(Bytes::from_static(b"hello")).unwrap();
    assert_eq!(event(&ann).await, (3, 2, 0, b"hello".to_vec()));
    bob.next().await;
    let status = host.fleet.live(&id).unwrap().status();
    assert_eq!((status.players, status.connected, status.state), (2, 2, MatchState::Running));
    assert!(status.fuel_last > 0 && status.fuel_max < 100_000 && status.memory_bytes == 2 << 16);
}

#[tokio::test]
async fn ticks_come_in_order_without_a_gap() {
    let host = TestHost::new();
    let id = host.start(ECHO, 240);
    let ann = host.connect(&id, ANN);
    let mut last = None;
    for _ in 0..200 {
        let Outgoing::Message(bytes) = ann.next().await else { panic!("the match ended") };
        if let Ok(bytes) = bytes[..].try_into() {
            let tick = i64::from_le_bytes(bytes);
            assert_eq!(tick, last.map_or(tick, |last: i64| last + 1));
            last = Some(tick);
        }
    }
}

#[tokio::test]
async fn a_player_may_come_back_within_the_grace_and_a_newer_link_replaces_the_older() {
    let host = TestHost::new();
    let id = host.start(ECHO, 60);
    let bob = host.connect(&id, BOB);
    assert_eq!(event(&bob).await.1, 2);
    let first = host.connect(&id, ANN);
    assert_eq!(event(&bob).await.0, 1);
    let second = host.connect(&id, ANN);
    second.send(Bytes::from_static(b"second")).unwrap();
    assert_eq!(event(&bob).await.3, b"second", "no second join");
    while first.next().await != Outgoing::Closed(CloseReason::Replaced) {}
    first.send(Bytes::from_static(b"first")).unwrap();
    drop(first);
    drop(second);
    let third = host.connect(&id, ANN);
    third.send(Bytes::from_static(b"back")).unwrap();
    assert_eq!(event(&bob).await.3, b"back", "neither a leave, nor the replaced link's words");
}

#[tokio::test]
async fn a_player_who_stays_away_leaves_for_good() {
    let limits = MatchLimits { reconnect_grace_ms: 1, ..MatchLimits::default() };
    let host = TestHost::with(Policy { matches: limits, ..Policy::default() }, 4);
    let id = host.start(ECHO, 60);
    let bob = host.connect(&id, BOB);
    let ann = host.connect(&id, ANN);
    assert_eq!(event(&bob).await.0, 1);
    assert_eq!(event(&bob).await.0, 1);
    drop(ann);
    assert_eq!(event(&bob).await, (2, 1, 0, vec![]));
    let again = host.fleet.live(&id).unwrap().connect(ANN, Bytes::new());
    assert_eq!(again.err(), Some(ConnectError::Left));
    while host.fleet.live(&id).unwrap().status().players != 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_kicked_player_is_closed_with_the_reason_and_leaves() {
    let host = TestHost::new();
    let id = host.start(ECHO, 60);
    let bob = host.connect(&id, BOB);
    let ann = host.connect(&id, ANN);
    while event(&bob).await.1 != 1 {}
    ann.send(Bytes::from_static(b"kick me")).unwrap();
    while heard(&ann).await != Outgoing::Closed(CloseReason::Kicked(5)) {}
    assert_eq!(event(&bob).await.3, b"kick me");
    assert_eq!(event(&bob).await, (2, 1, 5, vec![]));
    let again = host.fleet.live(&id).unwrap().connect(ANN, Bytes::new());
    assert_eq!(again.err(), Some(ConnectError::Left));
}

#[tokio::test]
async fn a_stop_gives_the_sim_its_last_words() {
    let limits = MatchLimits { stop_grace_ms: 50, ..MatchLimits::default() };
    let host = TestHost::with(Policy { matches: limits, ..Policy::default() }, 4);
    let id = host.start(ECHO, 60);
    let ann = host.connect(&id, ANN);
    ann.send(Bytes::from_static(b"result")).unwrap();
    while event(&ann).await.0 != 3 {}
    host.fleet.live(&id).unwrap().stop();
    assert_eq!(event(&ann).await, (5, 0, 3, vec![]));
    assert_eq!(heard(&ann).await, Outgoing::Message(Bytes::from_static(b"goodbye")));
    assert_eq!(heard(&ann).await, Outgoing::Closed(CloseReason::Stopped));
    let end = host.told.end_of(&id);
    assert_eq!((end.outcome, end.result), (Outcome::Stopped, Some(b"result".to_vec())));
    assert_eq!(ann.send(Bytes::new()), Err(SendError::Ended));
}

#[tokio::test]
async fn a_sim_ends_its_match_well_or_with_a_fault_of_its_own() {
    let host = TestHost::new();
    for (word, kind, reason) in [
        ("f", None, CloseReason::Ended),
        ("d", Some((FaultKind::Sim, "the sim returned -77")), CloseReason::Faulted),
        (
            "t",
            Some((FaultKind::Trap, "wasm `unreachable` instruction executed")),
            CloseReason::Faulted,
        ),
    ] {
        let id = host.start(ECHO, 60);
        let ann = host.connect(&id, ANN);
        ann.send(Bytes::from_static(word.as_bytes())).unwrap();
        while heard(&ann).await != Outgoing::Closed(reason) {}
        let end = host.told.end_of(&id);
        match (end.outcome, kind) {
            (Outcome::Finished, None) => {}
            (Outcome::Faulted(fault), Some((kind, detail))) => {
                assert_eq!((fault.kind, fault.detail.as_str()), (kind, detail));
                assert_eq!((fault.entry, fault.tick.is_some()), ("lattice_sim_tick", true));
            }
            (outcome, _) => panic!("{word}: {outcome:?}"),
        }
    }
}

#[test]
fn init_may_fail_in_each_way_and_the_slot_is_free_again() {
    let host = TestHost::with(Policy::default(), 1);
    let init = |body: &str| {
        format!(
            r#"(module (memory (export "memory") 1) (func (export "lattice_abi_v1"))
  (func (export "lattice_sim_init") (param i64 i32) (result i32) {body})
  (func (export "lattice_sim_tick") (param i64) (result i32) i32.const 0))"#
        )
    };
    for (body, kind) in [
        ("i32.const 3", FaultKind::Sim),
        ("unreachable", FaultKind::Trap),
        ("(loop $l br $l) i32.const 0", FaultKind::Fuel),
    ] {
        let id = host.start(&init(body), 30);
        let end = host.told.end_of(&id);
        let Outcome::Faulted(fault) = end.outcome else { panic!("{body}") };
        assert_eq!(
            (fault.kind, fault.entry, fault.tick, end.ticks),
            (kind, "lattice_sim_init", None, 0)
        );
        while host.fleet.live(&id).is_some() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_full_host_says_so_and_runs_what_it_has() {
    let host = TestHost::with(Policy::default(), 2);
    let program = host.program(ECHO);
    let specs: Vec<_> = (0..3).map(|_| host.spec(&program, 30)).collect();
    assert_eq!(host.fleet.apply(Action::Start(specs[0].clone())), Ok(()));
    assert_eq!(host.fleet.apply(Action::Start(specs[1].clone())), Ok(()));
    let third = host.fleet.apply(Action::Start(specs[2].clone()));
    assert_eq!(third, Err(ApplyError::Full { slots: 2 }));
    assert_eq!(host.fleet.running().len(), 2);
}

#[test]
fn a_host_going_down_asks_the_sims_and_leaves_none_behind() {
    let host = TestHost::new();
    let polite = host.start(ECHO, 120);
    let endless = host.start(&sim("", "i32.const 0"), 1);
    host.told.start_of(&polite);
    host.told.start_of(&endless);
    let link = host.fleet.live(&polite).unwrap().connect(ANN, Bytes::new()).unwrap();
    host.fleet.shut_down(Duration::from_millis(100));
    for id in [&polite, &endless] {
        assert_eq!(host.told.end_of(id).outcome, Outcome::Stopped);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    while runtime.block_on(link.next()) != Outgoing::Closed(CloseReason::HostStopping) {}
    let spec = host.spec(&host.program(ECHO), 1);
    assert_eq!(host.fleet.apply(Action::Start(spec)), Err(ApplyError::HostStopping));
}

#[tokio::test]
async fn a_player_who_does_not_read_is_dropped_and_the_others_go_on() {
    let limits = MatchLimits { send_queue_messages: 8, ..MatchLimits::default() };
    let host = TestHost::with(Policy { matches: limits, ..Policy::default() }, 4);
    let id = host.start(ECHO, 60);
    let (ann, bob) = (host.connect(&id, ANN), host.connect(&id, BOB));
    for _ in 0..20 {
        bob.send(Bytes::from_static(b"news")).unwrap();
        while event(&bob).await.0 != 3 {}
    }
    assert_eq!(ann.next().await, Outgoing::Closed(CloseReason::TooSlow));
    bob.send(Bytes::from_static(b"still here")).unwrap();
    while event(&bob).await.3 != b"still here" {}
}

#[test]
fn what_a_player_sends_is_bounded() {
    let limits =
        MatchLimits { message_in_bytes: 100, event_queue_bytes: 1_000, ..MatchLimits::default() };
    let host = TestHost::with(Policy { matches: limits, ..Policy::default() }, 4);
    let id = host.start(ECHO, 1);
    let ann = host.connect(&id, ANN);
    let big = ann.send(Bytes::from(vec![0; 101]));
    assert_eq!(big, Err(SendError::TooLarge { size: 101, limit: 100 }));
    let sent = (0..100).take_while(|_| ann.send(Bytes::from(vec![0; 100])).is_ok()).count();
    assert!((8..100).contains(&sent), "{sent} messages of 124 bytes in a second of 1,000 bytes");
}

#[tokio::test]
async fn the_log_is_told_line_by_line_with_its_tick() {
    let host = TestHost::new();
    let text = r#"(data (i32.const 0) "hello\1b[31m") (global $n (mut i32) (i32.const 0))"#;
    let id = host.start(
        &sim(
            text,
            "(call $log (i32.const 3) (i32.const 0) (i32.const 10))
             (global.set $n (i32.add (global.get $n) (i32.const 1)))
             (i32.eq (global.get $n) (i32.const 3))",
        ),
        240,
    );
    let end = host.told.end_of(&id);
    assert_eq!((end.outcome, end.ticks), (Outcome::Finished, 3));
    let lines = host.told.logs_of(&id);
    let ticks: Vec<i64> = lines.iter().map(|line| line.tick).collect();
    assert_eq!(ticks, [0, 1, 2]);
    assert!(lines.iter().all(|line| line.level == Level::Warn && line.text == "hello\u{1b}[31m"));
}

#[test]
fn a_tick_that_declares_a_fault_is_void() {
    let host = TestHost::new();
    let id = host.start(
        r#"(module
  (import "env" "lattice_ms_result" (func $result (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "ab")
  (func (export "lattice_abi_v1"))
  (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
  (func (export "lattice_sim_tick") (param $tick i64) (result i32)
    (drop (call $result (i32.wrap_i64 (local.get $tick)) (i32.const 1)))
    (i32.mul (i32.wrap_i64 (local.get $tick)) (i32.const -7))))"#,
        60,
    );
    let end = host.told.end_of(&id);
    let Outcome::Faulted(fault) = end.outcome else { panic!("it ended well") };
    assert_eq!((fault.kind, fault.tick, end.ticks), (FaultKind::Sim, Some(1), 1));
    assert_eq!(end.result, Some(b"a".to_vec()), "as tick 0 left it");
}

#[test]
fn the_fuel_of_a_match_counts_all_its_calls() {
    let host = TestHost::new();
    let fill = "(memory.fill (i32.const 0) (i32.const 1) (i32.const 60000))";
    let id = host.start(
        &format!(
            r#"(module
  (memory (export "memory") 1)
  (func (export "lattice_abi_v1"))
  (func (export "_initialize") {fill})
  (func (export "lattice_sim_init") (param i64 i32) (result i32) {fill} i32.const 0)
  (func (export "lattice_sim_tick") (param i64) (result i32) {fill} i32.const 1))"#
        ),
        60,
    );
    let fuel = host.told.end_of(&id).fuel;
    assert!((180_000..181_000).contains(&fuel), "{fuel} fuel for three fills");
}
