//! How native sims fault: the kind says which way, the frames where, and neither the host nor a
//! neighbour notices.

use bytes::Bytes;
use lattice_host::{Action, Fault, FaultKind, MatchSpec, Outcome, Outgoing, PlayerLink};
use lattice_policies::{MatchId, PlayerId, admission::Packaging};
use lattice_surface::{InputLog, LoggedCall, LoggedEnding};

use crate::{
    builds,
    support::{TestHost, assert_replays},
};

const ANN: PlayerId = PlayerId(1);

fn start(host: &TestHost, spec: MatchSpec) -> (MatchId, PlayerLink) {
    let id = spec.id.clone();
    host.fleet.apply(Action::Start(spec)).unwrap();
    let ann = host.connect(&id, ANN);
    (id, ann)
}

/// The fault of a match that was told to fault so.
fn fault(host: &TestHost, how: &'static str) -> (MatchId, Fault) {
    let program = builds::program(host, "faulty.c", Packaging::Native);
    let (id, ann) = start(host, host.spec(&program, 60));
    ann.send(Bytes::from_static(how.as_bytes())).unwrap();
    match host.told.end_of(&id).outcome {
        Outcome::Faulted(fault) => (id, fault),
        other => panic!("{how}: {other:?}"),
    }
}

#[tokio::test]
async fn each_way_to_fault_has_its_kind_and_its_words() {
    let mut policy = builds::policy();
    // So that a machine that has much to do ends none of them by its deadline.
    (policy.matches.tick_fuel, policy.matches.tick_deadline_ms) = (200_000, 60_000);
    let host = builds::host(policy, 2);
    let program = builds::counter(&host, Packaging::Native);
    let (neighbour, link) = start(&host, host.spec(&program, 60));
    for (how, kind, detail) in [
        ("w", FaultKind::Trap, "memory access out of bounds, at address 0x10"),
        ("c", FaultKind::Trap, "of the sim's image"),
        ("i", FaultKind::Trap, "of the sim's image"),
        ("e", FaultKind::Trap, "of the sim's image"),
        ("z", FaultKind::Trap, "integer divide by zero"),
        ("t", FaultKind::Trap, "illegal instruction"),
        ("s", FaultKind::Stack, "the call stack is exhausted"),
        ("b", FaultKind::Fuel, "the call's fuel is used up"),
        ("p", FaultKind::Fuel, "the call's fuel is used up"),
        ("a", FaultKind::Fuel, "the call's fuel is used up"),
        ("y", FaultKind::SystemCall, "the sim made a system call"),
        ("d", FaultKind::Sim, "the sim returned -77"),
    ] {
        let (id, fault) = fault(&host, how);
        assert_eq!(fault.kind, kind, "{how}: {fault}");
        assert!(fault.detail.contains(detail), "{how}: {fault}");
        assert_eq!(fault.entry, "lattice_sim_tick");
        assert!(fault.tick.is_some());
        let lines = host.told.logs_of(&id);
        assert_eq!(lines.first().map(|line| &*line.text), Some("before"), "{how}");
    }
    let refused = fault_free(&host, "q");
    assert!(refused, "a pointer out of the image is refused, as it is in a module");
    link.send(Bytes::from_static(b"finish")).unwrap();
    assert_eq!(host.told.end_of(&neighbour).outcome, Outcome::Finished);
    assert_eq!(host.fleet.figures().cells, 0, "no process outlives its match");
}

#[tokio::test]
async fn a_loop_meets_its_deadline_and_its_process_is_gone() {
    let mut policy = builds::policy();
    policy.matches.tick_deadline_ms = 300;
    let host = builds::host(policy, 1);
    let (id, fault) = fault(&host, "l");
    assert_eq!((fault.kind, fault.entry), (FaultKind::Deadline, "lattice_sim_tick"));
    assert_eq!(host.fleet.figures().cells, 0);
    assert_eq!(host.told.logs_of(&id).len(), 1, "what it logged before is kept");
    let log = InputLog::read(&host.told.inputs_of(&id)).unwrap();
    let cut = LoggedEnding::Cut { kind: "DEADLINE".into() };
    assert_eq!(log.end.unwrap().ending, cut, "the machine had a part in it");
}

/// Whether a match goes on that was told to do so.
fn fault_free(host: &TestHost, how: &'static str) -> bool {
    let program = builds::program(host, "faulty.c", Packaging::Native);
    let (id, ann) = start(host, host.spec(&program, 60));
    ann.send(Bytes::from_static(how.as_bytes())).unwrap();
    while host.told.logs_of(&id).is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    host.fleet.live(&id).unwrap().stop();
    host.told.end_of(&id).outcome == Outcome::Stopped
}

#[tokio::test]
async fn a_fault_names_the_function_and_comes_again_in_a_replay() {
    let host = builds::host(builds::policy(), 1);
    let program = builds::program(&host, "faulty.c", Packaging::Native);
    for (how, kind) in [("z", "TRAP"), ("s", "STACK"), ("b", "FUEL"), ("y", "SYSCALL")] {
        let (id, fault) = fault(&host, how);
        if how == "z" {
            let [frame] = &fault.frames[..] else { panic!("{fault:?}") };
            assert_eq!(
                frame.function, "fault",
                "its names are those that the object was built with"
            );
            assert!(frame.offset.is_some());
        }
        let log = InputLog::read(&host.told.inputs_of(&id)).unwrap();
        let ending = LoggedEnding::Faulted { call: LoggedCall::Tick, kind: kind.into() };
        assert_eq!(log.end.as_ref().unwrap().ending, ending);
        let replayed = assert_replays(&host, std::slice::from_ref(&program), &log, &[]);
        assert_eq!(replayed.transcript, host.told.end_of(&id).proof.unwrap().transcript);
    }
}

#[tokio::test]
async fn a_tick_that_faults_is_void() {
    let host = builds::host(builds::policy(), 1);
    let program = builds::program(&host, "faulty.c", Packaging::Native);
    let (id, ann) = start(&host, host.spec(&program, 60));
    ann.send(Bytes::from_static(b"z")).unwrap();
    let mut heard = Vec::new();
    while let Outgoing::Message(bytes) = ann.next().await {
        heard.push(bytes);
    }
    assert_eq!(heard, Vec::<Bytes>::new(), "what it said in that tick is not sent");
    assert_eq!(host.told.logs_of(&id).len(), 1, "and what it logged is kept");
}
