//! Native sims, each in a process of its own: what they say is what the same sim says as a module, and
//! they are kept, run again and ended like any other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(unreachable_pub, reason = "modules of a test share what they need")]

mod alone;
mod builds;
#[path = "../support/built.rs"]
mod built;
mod course;
mod faults;
mod same;
#[path = "../support/mod.rs"]
mod support;
mod tier;
