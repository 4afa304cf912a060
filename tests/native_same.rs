//! One source as a module in the sandbox, as a native program and as a shared object in a cell: they say
//! the same in each tick.

use std::path::Path;

use crate::{
    app::lattice,
    clang::project,
    cli::{Said, run},
    tally::cell,
    twin::{Twins, sim},
};

/// Holds what the server would run against the native program, over made-up players.
fn verify(twins: &Twins, built: &Path, seed: &str) -> Said {
    let mut command = lattice();
    command.arg("verify").arg("--wasm").arg(built).arg("--native").arg(twins.native());
    run(command.args(["--players", "6", "--ticks", "400", "--seed", seed]))
}

/// `verify` compares call by call, and what it prints at the end is the chain over all of them.
#[track_caller]
fn assert_same(source: &str) {
    cell();
    let twins = Twins::of(&project().join(source));
    let mut told = Vec::new();
    for seed in ["1", "2"] {
        let in_the_sandbox = verify(&twins, &twins.wasm(), seed).done();
        assert!(in_the_sandbox.starts_with("the same: 40"), "{in_the_sandbox}");
        let in_a_cell = verify(&twins, &twins.object(), seed).done();
        assert_eq!(in_a_cell, in_the_sandbox, "{source}, seed {seed}");
        told.push(in_the_sandbox);
    }
    assert_ne!(told[0], told[1], "another seed is another match");
}

#[test]
fn the_arena_is_the_same_in_a_cell() {
    assert_same("examples/arena/game_sim.cpp");
}

#[test]
fn the_leaderboard_is_the_same_in_a_cell() {
    assert_same("examples/leaderboard/leaderboard.cpp");
}

#[test]
fn physics_is_the_same_in_a_cell() {
    assert_same("examples/physics/physics.cpp");
}

#[test]
fn containers_and_strings_are_the_same_in_a_cell() {
    assert_same("examples/inventory/inventory.cpp");
}

/// What a cell runs is what is compared: a shared object of another source is told at its tick.
#[test]
fn another_sim_in_the_cell_is_found_at_its_tick() {
    cell();
    let one = Twins::of_text("one.c", &sim("", ""));
    let other = Twins::of_text("other.c", &sim("", "lattice_ms_broadcast(\"more\", 4, 0);"));
    let said = verify(&one, &other.object(), "1");
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stdout.starts_with("they differ in tick 5"), "{}", said.stdout);
}
