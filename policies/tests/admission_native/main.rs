//! The scan of native modules through its public door: shared objects in, verdicts out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod dynamic;
mod elf;
mod exports;
mod header;
mod invariants;
mod mutations;
mod relocations;
mod segments;
mod symbols;
mod toolchain;
mod verdict;
