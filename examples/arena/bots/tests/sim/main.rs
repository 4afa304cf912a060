//! The arena sim, compiled by the documented command and run under bare wasmtime: the rules hold,
//! the same match gives the same bytes, and nothing that a player sends does harm.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helpers fail the test"
)]

mod ending;
mod host;
mod input;
mod players;
mod rules;
mod state;
mod table;
