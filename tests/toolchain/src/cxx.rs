//! C++ as games use it: statics, virtual destructors, new and delete, several files.

use crate::compile;
use crate::sim::Sim;

#[test]
fn static_constructors_run_once_over_many_ticks() {
    let mut sim = Sim::started(&compile::wasm(&compile::sim("statics.cpp")));
    for tick in 0..1000 {
        assert_eq!(sim.tick(tick), 0);
    }
    // The three statics once, and one Step in each tick.
    assert_eq!(sim.call::<(), i32>("constructed", ()).unwrap(), 3 + 1000);
}

#[test]
fn files_without_the_header_have_their_statics_constructed_too() {
    let files = [compile::sim("statics.cpp"), compile::sim("unit.cpp")];
    let wasm = compile::wasm_in_units(&["-O2"], &[&files[0], &files[1]]);
    let mut sim = Sim::started(&wasm);
    sim.tick(0);
    assert_eq!(sim.call::<(), i32>("units", ()).unwrap(), 1);
}

#[test]
fn memory_is_given_back_by_delete() {
    let mut sim = Sim::started(&compile::wasm(&compile::sim("statics.cpp")));
    sim.tick(0);
    let pages = sim.pages();
    for tick in 1..5000 {
        sim.tick(tick);
    }
    assert_eq!(sim.pages(), pages);
}

#[test]
fn a_throw_ends_the_match_with_its_reason_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("throws.cpp");
    let source = "#include <lattice_managed.h>\n\
                  LATTICE_EXPORT int32_t lattice_sim_init(int64_t, int32_t) { return 0; }\n\
                  LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) { if (tick == 1) throw 5; return 0; }\n";
    std::fs::write(&file, source).unwrap();
    let mut sim = Sim::started(&compile::wasm(&file));
    assert_eq!(sim.tick(0), 0);
    assert!(sim.call::<i64, i32>("lattice_sim_tick", 1).is_err());
    assert_eq!(sim.heard().logs, ["a C++ exception was thrown: sims have none"]);
}
