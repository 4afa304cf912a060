//! The examples of this folder: they build by the documented command, and do what their README says.

use crate::compile;
use crate::module::Facts;
use crate::sim::{Sim, event};

const JOIN: u16 = 1;
const MESSAGE: u16 = 3;

fn example(path: &str) -> Vec<u8> {
    compile::wasm(&compile::root().join("examples").join(path))
}

#[test]
fn hello_greets_echoes_and_ends_on_bye() {
    let mut sim = Sim::started(&example("hello/hello.c"));
    sim.heard().events.push_back(event(JOIN, 5, b"Ann"));
    sim.heard().events.push_back(event(MESSAGE, 5, b"how are you"));
    assert_eq!(sim.tick(0), 0);
    assert_eq!(sim.heard().sent, [(5, b"hello".to_vec()), (5, b"how are you".to_vec())]);
    assert_eq!(sim.heard().logs, ["hello: seed 7, 60 ticks a second", "player 5 joined at tick 0"]);
    sim.heard().events.push_back(event(MESSAGE, 5, b"bye"));
    assert_eq!(sim.tick(1), 1);
    assert_eq!(sim.heard().sent.len(), 2);
}

#[test]
fn an_event_larger_than_the_header_s_first_buffer_arrives_whole() {
    let mut sim = Sim::started(&example("hello/hello.c"));
    let long: Vec<u8> = (0..60_000_u32).map(|i| i as u8).collect();
    sim.heard().events.push_back(event(MESSAGE, 1, b"short"));
    sim.heard().events.push_back(event(MESSAGE, 1, &long));
    sim.tick(0);
    assert_eq!(sim.heard().sent[1], (1, long));
}

#[test]
fn physics_is_a_module_of_real_size_and_imports_the_surface_only() {
    let wasm = example("physics/physics.cpp");
    assert!(wasm.len() > 98 * 1024, "{} bytes", wasm.len());
    let facts = Facts::of(&wasm);
    assert!(
        facts.imports.iter().all(|import| import.starts_with("env.lattice_ms_")),
        "{:?}",
        facts.imports
    );
    assert!(facts.exports.contains_key("lattice_sim_hash"));
}

#[test]
fn physics_burns_millions_of_fuel_a_tick_and_stays_below_the_default() {
    let mut sim = Sim::started(&example("physics/physics.cpp"));
    let fuel: Vec<u64> = (0..400).map(|tick| sim.fuel_of_tick(tick)).collect();
    let warm = &fuel[120..];
    assert!(warm.iter().all(|&units| units > 5_000_000), "{:?}", warm.iter().min());
    assert!(fuel.iter().all(|&units| units < 50_000_000), "{:?}", fuel.iter().max());
}

#[test]
fn physics_is_equal_by_gcc_and_clang() {
    let source = compile::root().join("examples/physics/physics.cpp");
    let expected = Sim::started(&compile::wasm(&source)).hashes(200);
    for compiler in ["g++", "clang++"] {
        let native = compile::native_hashes(compiler, &["-O2"], &source, 200);
        assert!(native == expected, "{compiler}");
    }
}

#[test]
fn physics_tells_the_bodies_and_a_shot_adds_one() {
    let mut sim = Sim::started(&example("physics/physics.cpp"));
    sim.tick(0);
    let bodies = |message: &[u8]| u16::from_le_bytes([message[4], message[5]]);
    let before = bodies(&sim.heard().broadcasts[0]);
    assert_eq!(sim.heard().broadcasts[0].len(), 6 + 5 * usize::from(before));
    let shot = [3.0_f32.to_le_bytes(), 20.0_f32.to_le_bytes()].concat();
    sim.heard().events.push_back(event(MESSAGE, 1, &shot));
    sim.heard().events.push_back(event(MESSAGE, 1, &shot[..7])); // cut short: ignored
    let nan = [f32::NAN.to_le_bytes(), 1.0_f32.to_le_bytes()].concat();
    sim.heard().events.push_back(event(MESSAGE, 1, &nan));
    sim.tick(1);
    assert_eq!(bodies(&sim.heard().broadcasts[1]), before + 1);
}
