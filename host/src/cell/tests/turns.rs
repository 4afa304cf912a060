//! Turns: calls into the sim and out of it, as an honest sim has them.

use std::os::fd::AsFd;

use lattice_cell::{Setup, Turn};
use lattice_policies::isolation::Isolation;
use lattice_surface::Phase;

use super::image::{DATA, GATE, STACK_END, Sim, cells, setup};
use crate::cell::{Ring, image_file};

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

#[test]
fn a_setup_that_no_host_means_is_refused_with_the_reason() {
    let cells = cells();
    let refused = |setup: Setup, len| {
        let (ring, image) = (Ring::new(4096, 1024).unwrap(), image_file(len).unwrap());
        cells.spawn(ring, image.as_fd(), setup).err().map(|error| error.to_string())
    };
    assert_eq!(refused(setup(), STACK_END), None);
    for (bad, reason) in [
        (Setup { outlet: 288, ..setup() }, "setup: a record can be larger than the outlet"),
        (Setup { span: STACK_END - 1, ..setup() }, "is no part of the image"),
        (Setup { gate: DATA, ..setup() }, "the gate is not where it may be written"),
        (Setup { gate: GATE + 4088, ..setup() }, "the gate is not where it may be written"),
        (Setup { inlet: 5000, ..setup() }, "it can't read its setup"),
    ] {
        let said = refused(bad, STACK_END).unwrap();
        assert!(said.contains(reason), "{said}");
    }
}
