//! The course of native matches: kept, run again, gone on with, forked and upgraded, each to the same
//! state.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use bytes::Bytes;
use lattice_host::{
    Action, MatchSpec, Origin, Outcome, Outgoing, PlayerLink, Program, Snapshot, UpgradeError,
    Upgraded,
    replay::{ReplayError, Stretch},
};
use lattice_policies::{Code, MatchId, PlayerId, Policy, admission::Packaging};
use lattice_surface::{Event, InputLog};

use crate::{
    builds,
    support::{FRAME, TestHost, all, allow, assert_replays, frame, heard, next_frame, silent},
};

const ANN: PlayerId = PlayerId(1);
const BOB: PlayerId = PlayerId(2);

fn policy() -> Policy {
    let mut policy = builds::policy();
    policy.matches.snapshot_every_ms = 100;
    policy
}

fn say(link: &PlayerLink, text: &str) {
    link.send(Bytes::from(text.to_owned())).unwrap();
}

fn start(host: &TestHost, program: &Program) -> (MatchId, PlayerLink) {
    let spec = host.spec(program, 60);
    let id = spec.id.clone();
    host.fleet.apply(Action::Start(spec)).unwrap();
    let ann = host.connect(&id, ANN);
    (id, ann)
}

fn log_of(host: &TestHost, id: &MatchId) -> InputLog {
    InputLog::read(&host.told.inputs_of(id)).unwrap()
}

/// Asserts that the match's log gives its transcript and its last state again.
fn assert_the_same_again(host: &TestHost, program: &Program, id: &MatchId) -> InputLog {
    let log = log_of(host, id);
    let replayed = assert_replays(host, std::slice::from_ref(program), &log, &[]);
    let end = host.told.end_of(id);
    let proof = end.proof.expect("the host did not fail");
    assert_eq!((end.ticks, end.fuel), (replayed.ticks, replayed.fuel));
    assert!(proof.state.is_some());
    assert_eq!((proof.transcript, proof.state), (replayed.transcript, replayed.state));
    assert_eq!(proof.fingerprint, program.fingerprint());
    log
}

#[tokio::test]
async fn a_match_is_the_same_again_from_its_log_and_from_each_snapshot() {
    let host = builds::host(policy(), 1);
    let program = builds::counter(&host, Packaging::Native);
    let (id, ann) = start(&host, &program);
    for text in ["node", "result", "gauge", "node", "line"] {
        say(&ann, text);
    }
    let snapshots = host.told.snapshots_of(&id, 3);
    say(&ann, "node");
    heard(&ann, "node").await;
    say(&ann, "finish");
    all(&ann).await;
    let log = assert_the_same_again(&host, &program, &id);
    let end = host.told.end_of(&id).proof.unwrap();
    let [part] = log.parts()[..] else { panic!("one part") };
    for from in &snapshots {
        let stretch = Stretch { part, from: Some(from) };
        let run = host.fleet.replay(&program, stretch, None, |_| ControlFlow::Continue(()));
        let run = run.unwrap();
        assert_eq!((run.transcript, run.state), (end.transcript, end.state), "from {}", from.tick);
        let stretch = Stretch { part, from: None };
        let again =
            host.fleet.state_at(&program, stretch, from.tick, |_| ControlFlow::Continue(()));
        assert_eq!(again.unwrap().state(), from.state());
    }
}

#[tokio::test]
async fn a_log_of_another_layout_is_of_another_engine() {
    let host = builds::host(policy(), 1);
    let (id, ann) = start(&host, &builds::counter(&host, Packaging::Native));
    say(&ann, "finish");
    all(&ann).await;
    let log = log_of(&host, &id);
    let mut other = policy();
    other.native.stack_bytes *= 2;
    let other = builds::host(other, 1);
    let program = builds::counter(&other, Packaging::Native);
    let refused = other.replay(&program, &log, None, |_| ControlFlow::Continue(()));
    assert!(matches!(refused, Err(ReplayError::OtherEngine { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_match_that_was_left_goes_on_at_its_tick() {
    for uses_snapshot in [true, false] {
        let first = builds::host(policy(), 1);
        let program = builds::counter(&first, Packaging::Native);
        let (id, ann) = start(&first, &program);
        for text in ["node", "gauge", "node"] {
            say(&ann, text);
        }
        heard(&ann, "gauge").await;
        first.fleet.rest(Duration::from_secs(30));
        let left = first.told.left_of(&id);
        let at = left.rested.expect("it was left");

        let second = builds::host(policy(), 1);
        let program = builds::counter(&second, Packaging::Native);
        let spec = MatchSpec { id: id.clone(), ..second.spec(&program, 60) };
        second.resume(spec, &left, uses_snapshot);
        assert_eq!(second.told.resume_of(&id), at);
        assert!(second.told.isolation_of(&id).is_some());
        let ann = second.connect(&id, ANN);
        assert!(next_frame(&ann).await.0 >= at);
        say(&ann, "node");
        say(&ann, "finish");
        all(&ann).await;
        let log = assert_the_same_again(&second, &program, &id);
        let joins = log.inputs.iter().flat_map(|inputs| &inputs.events);
        assert_eq!(joins.filter(|event| matches!(event, Event::Join { .. })).count(), 1);
    }
}

#[tokio::test]
async fn a_fork_goes_on_from_where_its_snapshot_stands() {
    let host = builds::host(policy(), 2);
    let program = builds::counter(&host, Packaging::Native);
    let (id, ann) = start(&host, &program);
    say(&ann, "node");
    heard(&ann, "node").await;
    let taken = host.told.snapshots_of(&id, 2).pop().unwrap();
    let origin = Origin::Fork(Arc::clone(&taken));
    let spec = MatchSpec { origin, ..host.spec(&program, 60) };
    let fork = spec.id.clone();
    host.fleet.apply(Action::Start(spec)).unwrap();
    let bob = host.connect(&fork, BOB);
    assert!(next_frame(&bob).await.0 >= taken.tick);
    say(&bob, "finish");
    all(&bob).await;
    let log = log_of(&host, &fork);
    let replayed = assert_replays(&host, &[program], &log, &[taken]);
    assert_eq!(host.told.end_of(&fork).proof.unwrap().state, replayed.state);
    say(&ann, "finish");
    assert_eq!(host.told.end_of(&id).outcome, Outcome::Finished);
}

/// A snapshot is anybody's who can write to the store: what it says of code is not believed.
#[tokio::test]
async fn a_snapshot_changes_no_code_and_no_gate() {
    let host = builds::host(policy(), 2);
    let program = builds::counter(&host, Packaging::Native);
    let (id, ann) = start(&host, &program);
    let taken = host.told.snapshots_of(&id, 1).pop().unwrap();
    say(&ann, "finish");
    let mut hostile = (*taken).clone();
    let page = lattice_host::Page::from(Arc::from(vec![0xcc; lattice_host::PAGE_BYTES]));
    for number in 0..8 {
        hostile.memory.filled.entry(number).or_insert_with(|| page.clone());
    }
    let origin = Origin::Fork(Arc::new(hostile));
    let spec = MatchSpec { origin, ..host.spec(&program, 60) };
    let fork = spec.id.clone();
    host.fleet.apply(Action::Start(spec)).unwrap();
    let bob = host.connect(&fork, BOB);
    assert!(next_frame(&bob).await.0 >= taken.tick, "it runs the module's code");
    say(&bob, "finish");
    assert_eq!(host.told.end_of(&fork).outcome, Outcome::Finished);
}

fn upgrade(host: &TestHost, id: &MatchId, to: &Program) -> Result<Upgraded, UpgradeError> {
    let spec = MatchSpec { id: id.clone(), ..host.spec(to, 60) };
    let fleet = host.fleet.clone();
    std::thread::spawn(move || fleet.upgrade(&spec, |_| Ok(()))).join().unwrap()
}

/// All ticks that a player sees until the match ends, with the version that ran each.
async fn ticks(link: &PlayerLink) -> Vec<(i64, u8)> {
    let frames = all(link).await;
    frames.iter().filter(|bytes| bytes.len() == FRAME).map(|bytes| frame(bytes)).collect()
}

#[tokio::test]
async fn a_module_is_upgraded_to_a_native_sim_and_back_without_a_tick_lost() {
    let host = builds::host(builds::policy(), 1);
    let wasm = builds::counter(&host, Packaging::Wasm);
    let bytes = builds::build("counter.c", Packaging::Native, "-DVERSION=2");
    let native = host.compile_as(Packaging::Native, &bytes);
    let (id, ann) = start(&host, &wasm);
    heard(&ann, "player 1").await;
    let mut bases: Vec<Arc<Snapshot>> = Vec::new();
    for (to, is_native) in [(&native, true), (&wasm, false)] {
        let upgraded = upgrade(&host, &id, to).unwrap();
        assert_eq!(upgraded.isolation.is_some(), is_native);
        bases.push(Arc::new(upgraded.snapshot));
        say(&ann, "after the upgrade");
        heard(&ann, "after the upgrade").await;
    }
    say(&ann, "finish");
    for (before, after) in ticks(&ann).await.windows(2).map(|pair| (pair[0], pair[1])) {
        assert_eq!(after.0, before.0 + 1);
    }
    let log = log_of(&host, &id);
    assert_eq!(log.parts().len(), 3);
    let replayed = assert_replays(&host, &[wasm, native], &log, &bases);
    let proof = host.told.end_of(&id).proof.unwrap();
    assert_eq!((proof.transcript, proof.state), (replayed.transcript, replayed.state));
}

#[tokio::test]
async fn an_upgrade_beyond_the_native_places_is_refused_and_the_match_goes_on() {
    let host = builds::host(builds::policy(), 1);
    let native = builds::counter(&host, Packaging::Native);
    let (_other, _link) = start(&host, &native);
    let (id, ann) = start(&host, &builds::counter(&host, Packaging::Wasm));
    let refused = upgrade(&host, &id, &native).unwrap_err();
    assert!(matches!(&refused, UpgradeError::Host(_)), "{refused}");
    assert!(refused.to_string().contains("native"), "{refused}");
    say(&ann, "finish");
    assert_eq!(host.told.end_of(&id).outcome, Outcome::Finished);
}

#[tokio::test]
async fn what_a_native_sim_fetches_goes_out_and_comes_back() {
    let host = builds::host(builds::policy(), 1);
    let program = builds::counter(&host, Packaging::Native);
    let (url, _taken) = silent();
    allow(&host, &url);
    let (id, ann) = start(&host, &program);
    say(&ann, "http://not.allowed.example/");
    say(&ann, &format!("{url}/path"));
    while host.fleet.live(&id).unwrap().status().fetches_in_flight == 0 {
        next_frame(&ann).await;
    }
    let status = host.fleet.live(&id).unwrap().status();
    assert_eq!((status.fetches_sent, status.fetches_refused), (1, 1));
    say(&ann, "finish");
    all(&ann).await;
    let log = assert_the_same_again(&host, &program, &id);
    let codes: Vec<_> = log.inputs.iter().flat_map(|inputs| inputs.codes.clone()).collect();
    assert_eq!(codes, [Code::HttpNotAllowed.value(), 1]);
}

#[tokio::test]
async fn many_native_matches_run_side_by_side() {
    const MATCHES: usize = 12;
    let host = builds::host(builds::policy(), MATCHES as u32);
    let program = builds::counter(&host, Packaging::Native);
    let matches: Vec<_> = (0..MATCHES).map(|_| start(&host, &program)).collect();
    for (number, (_, ann)) in matches.iter().enumerate() {
        say(ann, &format!("line {number}"));
    }
    for (number, (id, ann)) in matches.iter().enumerate() {
        heard(ann, &format!("line {number}")).await;
        say(ann, "finish");
        while let Outgoing::Message(_) = ann.next().await {}
        assert_eq!(host.told.end_of(id).outcome, Outcome::Finished);
        let lines = host.told.logs_of(id);
        assert_eq!((lines.len(), &*lines[0].text), (1, &*format!("line {number}")));
    }
}
