//! A match again from its input log: the same to the byte, whatever ended it, and a difference is
//! found where it is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::ops::ControlFlow;

use bytes::Bytes;
use lattice_host::{
    Action, Fleet, Outgoing, PlayerLink, Program, REPLAY_SLOTS,
    replay::{Difference, Extent, ReplayError, Replayed, Stretch},
};
use lattice_policies::{
    MatchId, PlayerId, Policy, Sha256,
    policy::{LogMode, MatchLimits},
};
use lattice_surface::{
    Event, InputLog, LoggedCall, LoggedEnd, LoggedEnding, MatchHeader, Record, Said, TickInputs,
};
use support::{ECHO, TestHost, sim};

const ANN: PlayerId = PlayerId(1);
const BOB: PlayerId = PlayerId(2);

/// Everything that the match sends to the player until the link is closed.
async fn all(link: &PlayerLink) -> Vec<Bytes> {
    let mut all = Vec::new();
    while let Outgoing::Message(bytes) = link.next().await {
        all.push(bytes);
    }
    all
}

fn log_of(host: &TestHost, id: &MatchId) -> InputLog {
    InputLog::read(&host.told.inputs_of(id)).unwrap()
}

fn replay(host: &TestHost, program: &Program, log: &InputLog) -> Replayed {
    host.replay(program, log, None, |_| ControlFlow::Continue(())).unwrap()
}

/// Asserts that a match of the module ends again as it did, and answers with its log.
fn assert_replays(host: &TestHost, wat: &str, id: &MatchId) -> InputLog {
    let log = log_of(host, id);
    let end = log.end.clone().expect("the log has an end");
    assert_eq!(end.ticks, host.told.end_of(id).ticks);
    let replayed = replay(host, &host.program(wat), &log);
    assert_eq!(replayed.extent, Extent::End);
    assert_eq!((replayed.ticks, replayed.transcript), (end.ticks, end.transcript));
    log
}

#[tokio::test]
async fn a_match_with_players_is_the_same_again() {
    let host = TestHost::new();
    let id = host.start(ECHO, 60);
    let ann = host.connect(&id, ANN);
    let bob = host.connect(&id, BOB);
    ann.send(Bytes::from_static(b"hello")).unwrap();
    bob.send(Bytes::from_static(b"rthe result")).unwrap();
    bob.send(Bytes::from_static(b"k")).unwrap();
    all(&bob).await;
    ann.send(Bytes::from_static(b"finish")).unwrap();
    let heard = all(&ann).await;
    let log = assert_replays(&host, ECHO, &id);
    assert_eq!(log.end.as_ref().unwrap().ending, LoggedEnding::Finished);
    let events: Vec<_> = log.inputs.iter().flat_map(|inputs| &inputs.events).collect();
    assert_eq!(events.len(), 6, "what the sim itself caused is no input: {events:?}");

    // What the replay says is what the players were sent.
    let mut said = Vec::new();
    let watch = |tick: lattice_host::replay::ReplayedTick<'_>| {
        said.extend_from_slice(tick.said);
        ControlFlow::Continue(())
    };
    host.replay(&host.program(ECHO), &log, None, watch).unwrap();
    for message in heard.iter().filter(|message| message.len() > 8) {
        assert!(said.windows(message.len()).any(|window| window == message), "{message:?}");
    }
}

#[tokio::test]
async fn every_way_to_end_comes_again() {
    let host = TestHost::new();
    for (letter, kind) in [("t", "TRAP"), ("d", "SIM")] {
        let id = host.start(ECHO, 60);
        let ann = host.connect(&id, ANN);
        ann.send(Bytes::from_static(letter.as_bytes())).unwrap();
        let log = assert_replays(&host, ECHO, &id);
        let faulted = LoggedEnding::Faulted { call: LoggedCall::Tick, kind: kind.into() };
        assert_eq!(log.end.unwrap().ending, faulted);
    }

    let id = host.start(ECHO, 240);
    let _ann = host.connect(&id, ANN);
    host.fleet.live(&id).unwrap().stop();
    let log = assert_replays(&host, ECHO, &id);
    assert_eq!(log.end.unwrap().ending, LoggedEnding::ShutDown);

    let endless = sim("", "(loop $on (br $on)) unreachable");
    let id = host.start(&endless, 60);
    let log = assert_replays(&host, &endless, &id);
    let end = log.end.unwrap();
    assert_eq!(end.ending, LoggedEnding::Faulted { call: LoggedCall::Tick, kind: "FUEL".into() });
    assert_eq!((end.ticks, log.inputs.len()), (0, 0));
}

#[test]
fn a_match_into_which_nothing_came_has_two_records_and_is_the_same_again() {
    let host = TestHost::new();
    let counts = sim(
        "",
        "(i64.store (i32.const 0) (local.get 0))
         (call $log (i32.const 2) (i32.const 0) (i32.const 8))
         (i32.eq (i32.wrap_i64 (local.get 0)) (i32.const 50))",
    );
    let id = host.start(&counts, 240);
    let log = assert_replays(&host, &counts, &id);
    assert_eq!((log.inputs.len(), log.end.unwrap().ticks), (0, 51));
}

#[test]
fn a_sim_that_fills_its_log_in_every_tick_is_the_same_again() {
    let host = TestHost::new();
    let chatty = sim(
        "",
        "(local $lines i32)
         (loop $more
           (call $log (i32.const 2) (i32.const 0) (i32.const 4096))
           (local.set $lines (i32.add (local.get $lines) (i32.const 1)))
           (br_if $more (i32.lt_u (local.get $lines) (i32.const 40))))
         (i64.eq (local.get 0) (i64.const 9))",
    );
    let id = host.start(&chatty, 240);
    assert_replays(&host, &chatty, &id);
    assert_eq!(host.told.logs_of(&id).len(), 150, "15 lines fit a tick's quota");
}

#[test]
fn an_init_that_fails_fails_again() {
    let host = TestHost::new();
    let stillborn = ECHO.replace(
        "(param i64 i32) (result i32) i32.const 0)",
        "(param i64 i32) (result i32) i32.const 9)",
    );
    let id = host.start(&stillborn, 60);
    let log = assert_replays(&host, &stillborn, &id);
    let kind = "SIM".to_owned();
    assert_eq!(log.end.unwrap().ending, LoggedEnding::Faulted { call: LoggedCall::Init, kind });
}

/// A sim that asks for a fetch in each of its ten ticks, and logs what it is answered.
fn asking() -> String {
    r#"(module
  (import "env" "lattice_ms_http_request"
    (func $request (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "lattice_ms_log" (func $log (param i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "https://api.example.com/")
  (func (export "lattice_abi_v1"))
  (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
  (func (export "lattice_sim_tick") (param $tick i64) (result i32)
    (i32.store (i32.const 0) (call $request (i32.const 0) (i32.const 64) (i32.const 24)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
    (call $log (i32.const 2) (i32.const 0) (i32.const 4))
    (i64.eq (local.get $tick) (i64.const 9))))"#
        .to_owned()
}

#[test]
fn what_a_request_was_answered_is_answered_again_whatever_the_rules_are_now() {
    let host = TestHost::new();
    let id = host.start(&asking(), 240);
    let mut log = assert_replays(&host, &asking(), &id);
    assert_eq!(log.inputs.len(), 10);
    assert!(log.inputs.iter().all(|inputs| inputs.codes == [-100]), "an empty list denies all");

    // Another answer in the log is another match.
    log.inputs[4].codes[0] = 1;
    let replayed = replay(&host, &host.program(&asking()), &log);
    let Extent::Differs(Difference::Transcript { tick: 4, .. }) = replayed.extent else {
        panic!("{replayed:?}")
    };
    // And so is one answer more, or one less.
    for codes in [vec![-100, -100], vec![]] {
        log.inputs[4].codes = codes;
        let replayed = replay(&host, &host.program(&asking()), &log);
        let Extent::Differs(Difference::Requests { tick: 4, replayed: 1, .. }) = replayed.extent
        else {
            panic!("{replayed:?}")
        };
    }
}

#[tokio::test]
async fn a_log_that_was_altered_is_found_at_its_tick() {
    let host = TestHost::new();
    let program = host.program(ECHO);
    let id = host.start(ECHO, 60);
    let ann = host.connect(&id, ANN);
    ann.send(Bytes::from_static(b"hello")).unwrap();
    ann.send(Bytes::from_static(b"f")).unwrap();
    let log = log_of(&host, &id);
    let mut altered = log.clone();
    let is_hello =
        |event: &&mut Event| matches!(event, Event::Message { bytes, .. } if bytes == "hello");
    let hello = altered.inputs.iter_mut().find_map(|inputs| {
        let tick = inputs.tick;
        inputs.events.iter_mut().find(is_hello).map(|event| (tick, event))
    });
    let (tick, event) = hello.expect("it is in the log");
    *event = Event::Message { player: ANN, bytes: "hellO".into() };
    let found = replay(&host, &program, &altered).extent;
    let Extent::Differs(Difference::Transcript { tick: at, .. }) = found else {
        panic!("{found:?}")
    };
    assert_eq!(at, tick);

    let mut longer = log.clone();
    longer.end.as_mut().unwrap().ticks += 1;
    let found = replay(&host, &program, &longer).extent;
    assert!(matches!(found, Extent::Differs(Difference::Ending { .. })), "{found:?}");
}

#[test]
fn a_replay_stops_where_it_is_told_and_where_the_log_ends() {
    let host = TestHost::new();
    let program = host.program(&asking());
    let id = host.start(&asking(), 240);
    let log = log_of(&host, &id);
    let to = host.replay(&program, &log, Some(3), |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((to.ticks, &to.extent), (4, &Extent::Partial));
    assert_eq!(to.transcript, log.inputs[3].transcript);

    let mut seen = Vec::new();
    let broken = host.replay(&program, &log, None, |tick| {
        seen.push(tick.tick);
        if tick.tick == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((broken.unwrap().extent, seen), (Extent::Partial, vec![-1, 0, 1, 2]));

    // A log that a crash cut off gives the match up to its last input.
    let cut = InputLog { end: None, inputs: log.inputs[..6].to_vec(), ..log.clone() };
    let replayed = replay(&host, &program, &cut);
    assert_eq!((replayed.ticks, replayed.extent), (6, Extent::Partial));
    assert_eq!(replayed.transcript, log.inputs[5].transcript);
}

#[test]
fn a_log_of_another_module_or_engine_is_refused() {
    let host = TestHost::new();
    let id = host.start(&asking(), 240);
    let log = log_of(&host, &id);
    let other = host.program(ECHO);
    let refused = host.replay(&other, &log, None, |_| ControlFlow::Continue(()));
    assert!(matches!(refused, Err(ReplayError::OtherModule { .. })), "{refused:?}");

    let header = MatchHeader { fingerprint: Sha256::of(b"another"), ..log.header.clone() };
    let log = InputLog { header, ..log };
    let program = host.program(&asking());
    let refused = host.replay(&program, &log, None, |_| ControlFlow::Continue(()));
    assert!(matches!(refused, Err(ReplayError::OtherEngine { .. })), "{refused:?}");
}

#[test]
fn nothing_is_recorded_where_policy_says_so() {
    let matches = MatchLimits { log: LogMode::Off, ..MatchLimits::default() };
    let host = TestHost::with(Policy { matches, ..Policy::default() }, 4);
    let id = host.start(&asking(), 240);
    assert_eq!(host.told.inputs_of(&id), []);
}

#[test]
fn a_log_is_whole_records_in_order() {
    let header = Record::Header(MatchHeader {
        module: Sha256::of(b"m"),
        fingerprint: Sha256::of(b"f"),
        tick_hz: 30,
        seed: 1,
        hash_every: 0,
        config: [].into(),
    });
    let transcript = Sha256::of(b"t");
    let inputs =
        |tick| Record::Inputs(TickInputs { tick, events: Vec::new(), codes: vec![1], transcript });
    let end = Record::End(LoggedEnd { ticks: 3, ending: LoggedEnding::Finished, transcript });
    let read = |records: &[&Record]| {
        let mut bytes = Vec::new();
        for record in records {
            record.encode(&mut bytes);
        }
        InputLog::read(&bytes)
    };
    assert!(read(&[&header, &inputs(-1), &inputs(0), &inputs(2), &end]).is_ok());
    assert!(read(&[&header]).unwrap().end.is_none());
    for wrong in [
        &[][..],
        &[&inputs(0)],
        &[&header, &header],
        &[&header, &inputs(1), &inputs(1)],
        &[&header, &inputs(1), &inputs(0)],
        &[&header, &end, &end],
        &[&header, &end, &inputs(4)],
    ] {
        assert!(read(wrong).is_err());
    }
}

#[test]
fn a_replay_takes_no_place_of_a_match() {
    let host = TestHost::with(Policy::default(), 1);
    let id = host.start(&asking(), 240);
    let log = log_of(&host, &id);
    let endless = host.spec(&host.program(ECHO), 60);
    host.fleet.apply(Action::Start(endless)).unwrap();
    assert_eq!(replay(&host, &host.program(&asking()), &log).extent, Extent::End);
}

#[test]
fn only_so_many_replays_run_at_once() {
    let host = TestHost::new();
    let program = host.program(&asking());
    let id = host.start(&asking(), 240);
    let log = log_of(&host, &id);
    // Each replay starts another one inside its first call, until one is refused.
    fn nested(fleet: &Fleet, program: &Program, log: &InputLog) -> u32 {
        let mut inside = None;
        let stretch = Stretch { part: log.parts()[0], from: None };
        let run = fleet.replay(program, stretch, None, |_| {
            inside.get_or_insert_with(|| nested(fleet, program, log));
            ControlFlow::Break(())
        });
        match run {
            Err(ReplayError::Busy) => 0,
            run => 1 + inside.unwrap_or_else(|| panic!("{run:?}")),
        }
    }
    assert_eq!(nested(&host.fleet, &program, &log), REPLAY_SLOTS);
    assert_eq!(replay(&host, &program, &log).extent, Extent::End, "and the places are free again");
}

/// A sim that counts its ticks in memory and has this for its digest.
fn hashing(hash: &str) -> String {
    ECHO.replace(
        "(func (export \"lattice_abi_v1\"))",
        &format!(
            "(func (export \"lattice_abi_v1\"))
             (global $asked (mut i64) (i64.const 0))
             (func (export \"lattice_sim_hash\") (result i64) {hash})"
        ),
    )
}

/// The ticks of a log after which a digest was said, and the digests.
fn digests(host: &TestHost, wat: &str, log: &InputLog) -> Vec<(i64, u64)> {
    let mut digests = Vec::new();
    let watch = |tick: lattice_host::replay::ReplayedTick<'_>| {
        let mut said = tick.said;
        while let Some(said) = Said::take(&mut said) {
            if let Said::Hash { value } = said {
                digests.push((tick.tick, value));
            }
        }
        ControlFlow::Continue(())
    };
    host.replay(&host.program(wat), log, None, watch).unwrap();
    digests
}

fn hashing_host(every: u32) -> TestHost {
    let matches = MatchLimits { hash_every_ticks: every, ..MatchLimits::default() };
    TestHost::with(Policy { matches, ..Policy::default() }, 4)
}

#[tokio::test]
async fn a_sims_digest_is_taken_at_fixed_ticks_and_again_in_a_replay() {
    let host = hashing_host(5);
    // It counts how often it was asked, and may say nothing itself.
    let wat = hashing(
        "(call $log (i32.const 2) (i32.const 0) (i32.const 4))
         (if (i32.ne (call $broadcast (i32.const 0) (i32.const 4) (i32.const 0)) (i32.const -7))
           (then (unreachable)))
         (global.set $asked (i64.add (global.get $asked) (i64.const 1)))
         (global.get $asked)",
    );
    let id = host.start(&wat, 240);
    let ann = host.connect(&id, ANN);
    while host.fleet.live(&id).unwrap().status().ticks < 22 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    ann.send(Bytes::from_static(b"f")).unwrap();
    let log = assert_replays(&host, &wat, &id);
    assert_eq!(log.header.hash_every, 5);
    let digests = digests(&host, &wat, &log);
    assert!(digests.len() >= 4, "{digests:?}");
    for (asked, (tick, digest)) in (1..).zip(&digests) {
        assert_eq!((*tick, *digest), (asked * 5 - 1, asked as u64));
    }
    assert_eq!(host.told.logs_of(&id), [], "a digest does not log");
}

#[test]
fn a_digest_that_fails_faults_its_tick_within_the_ticks_fuel() {
    let host = hashing_host(3);
    for (hash, kind) in [("unreachable", "TRAP"), ("(loop $on (br $on)) unreachable", "FUEL")] {
        let wat = hashing(hash);
        let id = host.start(&wat, 240);
        let log = assert_replays(&host, &wat, &id);
        let end = log.end.unwrap();
        let kind = kind.to_owned();
        assert_eq!(end.ending, LoggedEnding::Faulted { call: LoggedCall::Tick, kind });
        assert_eq!(end.ticks, 2, "the third tick is void");
        let most = MatchLimits::default();
        assert!(host.told.end_of(&id).fuel <= most.init_fuel + 3 * most.tick_fuel);
    }
}

#[test]
fn no_digest_is_taken_where_policy_says_so() {
    let host = hashing_host(0);
    let endless = hashing("unreachable");
    let body = endless.trim_end().strip_suffix("i32.const 0))").expect("it goes on");
    let wat = format!("{body}(i64.eq (local.get $tick) (i64.const 9))))");
    let id = host.start(&wat, 240);
    assert_eq!(assert_replays(&host, &wat, &id).end.unwrap().ticks, 10);
}
