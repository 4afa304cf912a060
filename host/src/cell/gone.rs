//! How a cell's process ended, or stopped being one that can be talked to.

use std::{fmt, io, sync::atomic::Ordering::Relaxed};

use lattice_cell::Control;
use rustix::process::WaitIdStatus;

/// Why there is no turn, and no process any more either.
#[derive(Debug)]
pub(crate) enum Gone {
    /// It met its deadline, and was killed.
    Deadline,
    /// A signal ended it.
    Signal { signal: i32, told: Option<Told> },
    /// It ended with this code. The cell ends with 1 after it has told of a fault, with 3 where the
    /// ring holds what no host writes, with 101 after a panic; but a sim ends it as it likes.
    Exit(i32, Option<Told>),
    /// It handed over a turn that there is not.
    NoTurn,
    /// It ran on in the host's turn.
    OutOfTurn,
    /// The host could not wait.
    Host(io::Error),
}

impl Gone {
    pub(super) fn of(status: &WaitIdStatus, told: Option<Told>) -> Self {
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Self::Exit(code, told),
            (None, Some(signal)) => Self::Signal { signal, told },
            (None, None) => Self::Host(io::Error::other("a process that ended in no known way")),
        }
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline => f.write_str("it met its deadline"),
            Self::Signal { signal, .. } => write!(f, "signal {signal} ended it"),
            Self::Exit(code, None) => write!(f, "it ended with {code}"),
            Self::Exit(_, Some(told)) => write!(f, "it was stopped by signal {}", told.signal),
            Self::NoTurn => f.write_str("it handed over a turn that there is not"),
            Self::OutOfTurn => f.write_str("it ran outside its turn"),
            Self::Host(error) => write!(f, "the host can't wait for it: {error}"),
        }
    }
}

/// What the cell's handler wrote down ahead of the end, or what a sim made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) signal: i32,
    /// The signal's `si_code`.
    pub(crate) code: i32,
    /// What was accessed, in the cell's memory.
    pub(crate) address: u64,
    /// Where the sim was, in the cell's memory.
    pub(crate) instruction: u64,
}

impl Told {
    pub(super) fn read(control: &Control) -> Option<Self> {
        let signal = control.signal.load(Relaxed) as i32;
        (signal != 0).then(|| Self {
            signal,
            code: control.signal_code.load(Relaxed) as i32,
            address: control.address.load(Relaxed),
            instruction: control.instruction.load(Relaxed),
        })
    }
}
