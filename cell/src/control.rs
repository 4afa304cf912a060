//! The ring's first page: whose turn it is, what is asked and what was answered.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64};

/// The ring's first page. Each field says who writes it.
#[repr(C)]
#[derive(Debug)]
pub struct Control {
    /// The host: one more for each turn of the cell, which waits here.
    pub to_cell: AtomicU32,
    /// The cell, one more for each turn of the host; and the host itself, where the process ended.
    pub to_host: AtomicU32,

    /// The host: 1 while it waits for `to_host` in the kernel, and has to be woken.
    pub host_sleeps: AtomicU32,

    /// The host: a [`Request`].
    pub request: AtomicU32,
    /// The host, for [`Request::Call`]: the place of the phase in `Phase::ALL`.
    pub phase: AtomicU32,
    /// The host, for [`Request::Call`]: the function's address, and its arguments.
    pub entry: AtomicU64,
    pub arguments: [AtomicU64; 2],
    /// The host, for [`Request::Answer`]: the host function's result.
    pub answer: AtomicU32,
    /// The host: what the inlet holds: so many players' ids (`u32`, ascending), then so many bytes
    /// of events as a sim receives them, one behind the other.
    pub players: AtomicU32,
    pub event_bytes: AtomicU32,
    /// The host: 1 if there are more events than the inlet holds.
    pub more_events: AtomicU32,

    /// The cell: a [`Turn`].
    pub turn: AtomicU32,
    /// The cell: bytes in the outlet; of [`Record`]s, after each of them, or of a text for
    /// [`Turn::Failed`].
    pub outlet_bytes: AtomicU32,
    /// The cell, for [`Turn::Returned`]: the result, widened.
    pub returned: AtomicI64,
    /// The cell, for [`Turn::Ready`]: the barriers that stand, as of `Isolation::bits`.
    pub barriers: AtomicU32,
    /// The cell, for [`Turn::Ask`]: the function's place in `HOST_FUNCTIONS` and its arguments as
    /// the sim gave them, pointers as offsets in the image and `f64` as bits.
    pub function: AtomicU32,
    pub asked: [AtomicU64; 7],
    /// The cell, ahead of its end by a signal that the processor raised: the signal (0 for none),
    /// its `si_code`, the address of the access and of the instruction.
    pub signal: AtomicU32,
    pub signal_code: AtomicU32,
    pub address: AtomicU64,
    pub instruction: AtomicU64,
}

const _: () = assert!(size_of::<Control>() <= super::INLET as usize);

/// What the host asks for in the cell's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Request {
    /// To call the function at `entry`.
    Call = 1,
    /// To go on in the sim, with `answer`, and with the inlet and the outlet as new: the cell reads
    /// players and events from the inlet's beginning.
    Answer = 2,
}

/// Why the cell hands the turn to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Turn {
    /// The barriers stand; no instruction of the sim has been run.
    Ready = 1,
    /// A barrier that a cell can't do without can't be raised: the outlet says which, and why.
    Failed = 2,
    /// The outlet is full.
    Flush = 3,
    /// The sim has pulled all events of the inlet, and there are more.
    Events = 4,
    /// The sim calls a host function that only the host can answer.
    Ask = 5,
    /// The call has ended.
    Returned = 6,
}

impl Request {
    pub fn of(number: u32) -> Option<Self> {
        [Self::Call, Self::Answer].into_iter().find(|request| *request as u32 == number)
    }
}

impl Turn {
    pub fn of(number: u32) -> Option<Self> {
        [Self::Ready, Self::Failed, Self::Flush, Self::Events, Self::Ask, Self::Returned]
            .into_iter()
            .find(|turn| *turn as u32 == number)
    }
}
