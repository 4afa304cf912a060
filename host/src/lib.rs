//! Runs sims: the sandbox, the matches in it, and the threads that tick them.
//!
//! Owns wasmtime, and is the only crate that names it. Never knows an HTTP route or SQL.
//! What happens in a match is told to the rest of the platform through [`Reports`].

mod aside;
mod capacity;
mod cell;
mod difference;
pub mod director;
pub mod egress;
mod engine;
mod fault;
mod fleet;
mod grid;
mod guest;
mod image;
mod lock;
mod matches;
#[cfg(all(feature = "microvm", target_arch = "x86_64"))]
mod microvm;
mod native;
mod program;
mod programs;
pub mod replay;
mod reports;
mod snapshot;
mod starter;
mod upgrade;
mod wasm;
mod worker;

pub use capacity::CapacityError;
pub use cell::CellSettings;
pub use difference::ImageDifference;
pub use engine::{Engine, EngineError, REPLAY_SLOTS};
pub use fault::{Fault, FaultKind, Frame};
pub use fleet::{Action, ApplyError, Fleet, FleetFigures, HostSettings, StartError};
pub use guest::{Fuel, Guest, RestoreError};
pub use image::Image;
pub use lattice_surface::Level;
pub use matches::{
    CloseReason, ConnectError, LiveMatch, MatchSpec, MatchState, MatchStatus, Origin, Outgoing,
    PlayerLink, Resume, SendError, Written,
};
pub use native::{EnclosureKind, NativeTier};
pub use program::{CompileError, Program};
pub use reports::{EndProof, InputChunk, LogLine, MatchEnd, Outcome, Reports};
pub use snapshot::{BadSnapshot, GlobalValue, MemoryImage, PAGE_BYTES, Page, Snapshot};
pub use upgrade::{UpgradeError, Upgraded};
