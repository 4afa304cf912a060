//! Turns: calls into the sim and out of it, as an honest sim has them.

use lattice_cell::Turn;
use lattice_policies::isolation::Isolation;
use lattice_surface::Phase;

use super::image::{Sim, cells};

#[test]
fn barriers_are_probed_without_a_sim() {
    let isolation = cells().probe().unwrap();
    println!("{isolation}");
    assert!(isolation.lacks(&Isolation::default()).is_empty(), "what is always demanded stands");
}

#[test]
fn a_call_takes_two_arguments_and_gives_a_result() {
    // lea rax, [rdi + rsi]; ret
    let mut sim = Sim::of(&[0x48, 0x8d, 0x04, 0x37, 0xc3]);
    let arguments = [0x1_0000_0000, 0xffff_fffe];
    assert_eq!(sim.call(Phase::Tick, 0, arguments).unwrap(), Turn::Returned);
    assert_eq!(sim.returned(), -2, "32 bits, but for a digest");
    assert_eq!(sim.call(Phase::Hash, 0, arguments).unwrap(), Turn::Returned);
    assert_eq!(sim.returned(), 0x1_ffff_fffe);
}
