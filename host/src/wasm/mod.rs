//! The wasm kind of sims: a module compiled by wasmtime, and its instances. Knows nothing of the
//! order in which a sim's exports are called.

mod artifacts;
mod calls;
mod epoch;
mod instance;
mod memory;
mod memory_limit;
mod module;
mod rewrite;
mod traps;

pub(crate) use artifacts::Artifacts;
pub(crate) use epoch::EpochClock;
pub(crate) use instance::Instance;
pub(crate) use module::Compiled;
pub(crate) use rewrite::REWRITER;
