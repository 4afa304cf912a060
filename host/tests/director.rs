//! The director's plans: pure, so a test hands it what is wanted and what runs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use lattice_host::{
    Action,
    director::{Wanted, plan},
};
use support::{ECHO, TestHost};

/// A plan in words.
fn words(actions: Vec<Action>) -> Vec<String> {
    let word = |action| match action {
        Action::Start(spec) => format!("start {}", spec.id),
        Action::Stop(id) => format!("stop {id}"),
    };
    actions.into_iter().map(word).collect()
}

#[test]
fn a_plan_is_the_difference_between_what_is_wanted_and_what_runs() {
    let host = TestHost::new();
    let program = host.program(ECHO);
    let specs: Vec<_> = (0..4).map(|_| host.spec(&program, 30)).collect();
    let ids: Vec<_> = specs.iter().map(|spec| spec.id.clone()).collect();
    let wanted = BTreeMap::from([
        (ids[0].clone(), Wanted::Running(Box::new(specs[0].clone()))),
        (ids[1].clone(), Wanted::Running(Box::new(specs[1].clone()))),
        (ids[2].clone(), Wanted::Stopped),
    ]);
    let running = BTreeSet::from([ids[1].clone(), ids[2].clone(), ids[3].clone()]);

    let expected =
        [format!("start {}", ids[0]), format!("stop {}", ids[2]), format!("stop {}", ids[3])];
    assert_eq!(words(plan(&wanted, &running)), expected);
    assert!(plan(&BTreeMap::new(), &BTreeSet::new()).is_empty());
}

#[test]
fn carrying_out_a_plan_leaves_nothing_to_plan() {
    let host = TestHost::new();
    let program = host.program(ECHO);
    let spec = host.spec(&program, 30);
    let mut wanted = BTreeMap::from([(spec.id.clone(), Wanted::Running(Box::new(spec.clone())))]);
    for action in plan(&wanted, &host.fleet.running()) {
        host.fleet.apply(action).unwrap();
    }
    assert!(plan(&wanted, &host.fleet.running()).is_empty());

    wanted.insert(spec.id.clone(), Wanted::Stopped);
    let stop = plan(&wanted, &host.fleet.running());
    assert_eq!(words(stop.clone()), [format!("stop {}", spec.id)]);
    for action in stop {
        host.fleet.apply(action).unwrap();
    }
    host.told.end_of(&spec.id);
}
