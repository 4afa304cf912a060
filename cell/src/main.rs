//! `lattice-cell`: the process around one native sim. It raises its barriers, maps the sim, gives up
//! every system call but waiting, waking and ending, and only then runs the sim's first instruction.
//! Started by a Lattice host, and of no use by hand. Never reads a file of the sim's own, and never
//! trusts what the sim hands it; but from the sim's first instruction on it is all the sim's.

mod barriers;
mod capabilities;
mod faults;
mod filter;
mod functions;
mod memory;
mod namespaces;
mod system;
mod trampoline;
mod turns;

use std::process::ExitCode;

use crate::{functions::Sim, turns::Ring};

fn main() -> ExitCode {
    let Some(mut ring) = Ring::inherited() else {
        eprintln!(
            "lattice-cell is the process in which a Lattice host runs one native sim. The host \
             starts it, with the sim and a ring to talk over as descriptors; by hand it does nothing."
        );
        return ExitCode::from(2);
    };
    std::panic::set_hook(Box::new(|_| system::exit(101)));
    let Some(setup) = ring.setup() else {
        // Without a setup there is no outlet, and so no reason in it.
        ring.fail("");
    };
    // What there is to allocate is allocated now: once the filter stands, nothing may be.
    let control = ring.control;
    let sim = Box::leak(Box::new(Sim::new(ring, &setup)));
    match barriers::raise(control, &setup) {
        Ok(()) => sim.serve(),
        Err(failure) => sim.fail(&failure.to_string()),
    }
}
