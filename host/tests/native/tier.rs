//! Whether native sims are run at all, how many, and that no process of theirs outlives its match.

use lattice_host::{Action, ApplyError, CellSettings, CompileError, NativeTier};
use lattice_policies::{
    Policy,
    admission::{self, Packaging},
    isolation::{Barrier, Isolation},
};

use crate::{builds, support::TestHost};

fn refused(host: &TestHost) -> String {
    let bytes = builds::build("counter.c", Packaging::Native, "-DPLAIN");
    let admitted = admission::scan(Packaging::Native, bytes, &host.policy).unwrap();
    match host.fleet.compile(&admitted).map(|program| program.sha256()) {
        Err(CompileError::Tier(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_the_policys_word_no_native_sim_is_run() {
    let host = TestHost::new();
    assert_eq!(host.fleet.native_tier(), &NativeTier::Off);
    assert!(refused(&host).contains("`native.enabled` is false"));
}

#[test]
fn what_the_machine_lacks_is_named_and_no_native_sim_is_run() {
    let mut policy = builds::policy();
    policy.native.minimum = Isolation::all();
    let host = TestHost::with_cells(policy, 4, builds::cells(1));
    // No cgroup was delegated to this host.
    let NativeTier::Refused(why) = host.fleet.native_tier() else { panic!("it is ready") };
    assert!(why.contains("cgroup") && !why.contains("seccomp"), "{why}");
    assert!(refused(&host).contains(&**why));

    let program = "/nowhere/lattice-cell".into();
    let nowhere = CellSettings { program, slots: 1, ..CellSettings::default() };
    let host = TestHost::with_cells(builds::policy(), 4, nowhere);
    let NativeTier::Refused(why) = host.fleet.native_tier() else { panic!("it is ready") };
    assert!(!why.is_empty());
    let id = host.start(&crate::support::sim("", "i32.const 1"), 60);
    assert!(host.told.end_of(&id).proof.is_some(), "modules run as ever");
}

#[test]
fn a_match_is_told_the_barriers_that_stand_around_it() {
    let host = builds::host(builds::policy(), 2);
    let native = host.spec(&builds::counter(&host, Packaging::Native), 60);
    let wasm = host.spec(&builds::counter(&host, Packaging::Wasm), 60);
    for spec in [&native, &wasm] {
        host.fleet.apply(Action::Start(spec.clone())).unwrap();
        host.told.start_of(&spec.id);
    }
    assert_eq!(host.told.isolation_of(&wasm.id), None);
    let isolation = host.told.isolation_of(&native.id).unwrap();
    assert!(isolation.lacks(&Policy::default().native.minimum).is_empty(), "{isolation}");
    assert!(isolation.has(Barrier::Seccomp) && !isolation.has(Barrier::Cgroup));
}

#[test]
fn there_are_as_many_native_matches_as_places_beside_those_of_modules() {
    let host = builds::host(builds::policy(), 3);
    let program = builds::counter(&host, Packaging::Native);
    let specs: Vec<_> = (0..3).map(|_| host.spec(&program, 60)).collect();
    for spec in &specs {
        host.fleet.apply(Action::Start(spec.clone())).unwrap();
    }
    let full = host.fleet.apply(Action::Start(host.spec(&program, 60)));
    assert_eq!(full, Err(ApplyError::Full { slots: 3 }));
    host.start(&crate::support::sim("", "i32.const 0"), 60);
    for spec in &specs {
        host.told.start_of(&spec.id);
        host.fleet.apply(Action::Stop(spec.id.clone())).unwrap();
        host.told.end_of(&spec.id);
    }
    let next = host.spec(&program, 60);
    host.fleet.apply(Action::Start(next.clone())).unwrap();
    host.told.start_of(&next.id);
    let figures = host.fleet.figures();
    assert_eq!((figures.native, figures.cells), (1, 1), "of the ended ones nothing is left");
}
