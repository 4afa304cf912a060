//! Cells around sims of a few bytes of machine code.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says where")]

mod attacks;
#[path = "../../tests/support/built.rs"]
pub(super) mod built;
mod code;
mod functions;
pub(super) mod image;
mod lives;
mod registers;
mod ring;
mod turns;
