//! The fetcher against real sockets: a network whose resolver says what a test wants, and peers
//! on loopback that count their connections and misbehave in every way that a peer can.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(unreachable_pub, reason = "the modules share what they have")]

mod cancelling;
mod cases;
mod certificates;
mod crowd;
mod endings;
mod h2;
mod h2_frames;
mod lookups;
mod network;
mod peer;
mod records;
mod responses;
mod system;
mod table;
mod tls;
mod turns;
mod world;
