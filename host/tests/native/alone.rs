//! A native sim computes on a thread's time that is its own match's alone.

use lattice_host::{Action, FaultKind, Outcome};
use lattice_policies::admission::Packaging;

use crate::{
    builds,
    support::{ECHO, TestHost},
};

/// Starts a match of the source and gives its id.
fn start(host: &TestHost, source: &str) -> lattice_policies::MatchId {
    let program = builds::program(host, source, Packaging::Native);
    let spec = host.spec(&program, 60);
    let id = spec.id.clone();
    host.fleet.apply(Action::Start(spec)).unwrap();
    id
}

#[test]
fn while_inits_compute_for_good_other_matches_begin_and_tick() {
    let mut policy = builds::policy();
    // Ten of these are what an init has.
    policy.matches.tick_deadline_ms = 800;
    let host = builds::host(policy, 4);
    // More than there are threads that start matches, or that run their ticks.
    let loops: Vec<_> = (0..3).map(|_| start(&host, "loops.c")).collect();
    let module = host.start(ECHO, 60);
    host.told.start_of(&module);
    while host.fleet.live(&module).unwrap().status().ticks < 3 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let beside = start(&host, "counter.c");
    host.told.run_of(&beside);
    assert!(loops.iter().all(|id| !host.told.has_ended(id)), "nobody waited for them");
    for id in loops {
        let ended = host.told.end_of(&id).outcome;
        let Outcome::Faulted(fault) = ended else { panic!("{ended:?}") };
        assert_eq!((fault.kind, fault.entry), (FaultKind::Deadline, "lattice_sim_init"));
    }
}
