//! The enclosure: what a native sim runs in, whatever keeps it there. It runs one function of the
//! sim's at a time, and its host reaches the sim's memory through it.

use std::{io, time::Instant};

use lattice_policies::isolation::Isolation;
use lattice_surface::{Phase, Surface};

use super::image::Image;
use crate::guest::Fuel;

/// What a native sim runs in. Dropping it ends the sim, whatever that is doing.
pub(crate) trait Enclosure: Send {
    /// The barriers that stand around the sim.
    fn isolation(&self) -> &Isolation;

    /// Runs a function of the sim's, and has the surface act on its host calls, each for its price:
    /// what is left of the fuel is left in `fuel`. Answers what the function returned, all 64 bits
    /// of it. After an end nothing more is to be called.
    fn call(
        &mut self,
        call: &NativeCall,
        surface: &mut Surface,
        fuel: &mut Fuel,
    ) -> Result<i64, NativeEnd>;

    /// The sim's memory, between two calls. Where the host may write it is for the caller to mind.
    fn image(&self) -> &Image;
}

/// One function of the sim's to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NativeCall {
    /// Which call into the guest it is a part of.
    pub(crate) phase: Phase,
    /// Where it begins, as an offset in the image.
    pub(crate) function: u64,
    pub(crate) arguments: [u64; 2],
    /// When it has to have returned.
    pub(crate) deadline: Instant,
}

/// Why a function of the sim's did not return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NativeEnd {
    /// Its host calls used up the fuel.
    Fuel,
    Deadline,
    /// The processor refused an instruction.
    Exception(Exception),
    /// It made a system call.
    SystemCall,
    /// It wrote to the host what no call of its own can have come to.
    Ring(String),
    /// It was ended from elsewhere, or ended itself.
    Killed(String),
    /// The host failed.
    Host(String),
}

/// The sim's memory or its ring can't be reached.
impl From<io::Error> for NativeEnd {
    fn from(error: io::Error) -> Self {
        Self::Host(format!("the sim's memory can't be reached: {error}"))
    }
}

/// What the processor refused, as the kernel tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exception {
    pub(crate) signal: i32,
    /// The signal's `si_code`.
    pub(crate) code: i32,
    /// Of the access.
    pub(crate) address: u64,
    pub(crate) instruction: u64,
}
