//! What a native sim's process and its host have in common: the ring between them, and where a sim
//! lies in memory. Never starts a process, and never runs a sim.
//!
//! The host and the cell take turns. In its turn the host fills the inlet and sets [`Control`]'s
//! fields, adds 1 to `to_cell` and wakes who waits there; the cell then runs until it adds 1 to
//! `to_host`. What the cell writes is a stranger's: the host copies it out before it looks at it.

mod control;
pub mod places;
mod record;
mod setup;

pub use control::{Control, Request, Turn};
pub use record::{BadRecord, Record};
pub use setup::{Process, Range, Rights, Setup, in_image};

/// Raised whenever host and cell would not understand each other, or a sim would be laid out or
/// answered otherwise: a part of what names the engine of a native match.
pub const VERSION: u32 = 1;
/// Where a sim's image begins in the memory of its process; the same in each, so that pointers stay
/// good in a snapshot.
pub const IMAGE_BASE: u64 = 0x10_0000_0000;
/// The ring's first page holds its [`Control`]; the inlet follows, then the outlet.
pub const INLET: u64 = 4096;
/// The descriptors that a cell inherits.
pub const RING_FD: i32 = 3;
pub const IMAGE_FD: i32 = 4;
