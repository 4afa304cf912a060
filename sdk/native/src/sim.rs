//! The sim that this program is linked with, called as the sandbox calls its module.
#![expect(unsafe_code, reason = "the sim's functions are C")]

use std::arch::global_asm;

use lattice_surface::{Phase, Surface};
use lattice_twin::{Course, Sim};

use crate::native_match::surface;

// A sim need not have the function: one that does replaces this, which returns at once.
global_asm!(
    ".pushsection .text.lattice_sim_shutdown, \"ax\"",
    ".weak lattice_sim_shutdown",
    ".type lattice_sim_shutdown, %function",
    "lattice_sim_shutdown: ret",
    ".popsection",
);

// The same for its digest, which must be told from one that is there: the address of what nothing
// defines is 0.
global_asm!(
    ".weak lattice_sim_hash",
    ".pushsection .data.rel.ro.lattice_runner_hash, \"aw\"",
    ".balign 8",
    "lattice_runner_hash: .quad lattice_sim_hash",
    ".popsection",
);

unsafe extern "C" {
    static lattice_runner_hash: Option<unsafe extern "C" fn() -> i64>;
    fn lattice_sim_init(seed: i64, tick_hz: i32) -> i32;
    fn lattice_sim_tick(tick: i64) -> i32;
    fn lattice_sim_shutdown();
}

/// The one sim of this program. Its memory is the program's, so it is started once.
pub(crate) struct NativeSim;

impl Sim for NativeSim {
    fn init(&mut self, seed: u64, tick_hz: u16) -> Course {
        // What the constructors said counts: they ran before `main`.
        surface().commit();
        surface().begin(Phase::Init);
        // SAFETY: the header declares it so, and the surface is not locked during the call.
        let code = unsafe { lattice_sim_init(seed as i64, i32::from(tick_hz)) };
        ended(if code == 0 { Course::GoesOn } else { fault() })
    }

    fn tick(&mut self, tick: i64, hash: bool) -> Course {
        // SAFETY: as of `init`.
        let course = match unsafe { lattice_sim_tick(tick) } {
            ..=-1 => fault(),
            1 => Course::Finished,
            _ => Course::GoesOn,
        };
        // SAFETY: the linker has written it before any code ran, and nothing writes it after.
        let digest = unsafe { lattice_runner_hash }.filter(|_| hash && course != fault());
        if let Some(digest) = digest {
            surface().begin_hash();
            // SAFETY: as of `init`.
            let digest = unsafe { digest() };
            surface().hash(digest);
        }
        ended(course)
    }

    fn shutdown(&mut self) -> Course {
        surface().begin(Phase::Shutdown);
        // SAFETY: as of `init`.
        unsafe { lattice_sim_shutdown() };
        ended(Course::GoesOn)
    }

    fn surface<T>(&mut self, look: impl FnOnce(&mut Surface) -> T) -> T {
        look(&mut surface())
    }
}

/// The only kind of fault that a native sim survives.
fn fault() -> Course {
    Course::Faulted("SIM".to_owned())
}

/// Makes the call count, or voids it.
fn ended(course: Course) -> Course {
    match course {
        Course::Faulted(_) => surface().discard(),
        Course::GoesOn | Course::Finished => drop(surface().commit()),
    }
    course
}
