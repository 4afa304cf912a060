//! A player of the leaderboard example. `heard` reads what the sim says, `guesser` plays by it, and
//! `client` is the socket between them.

pub mod client;
pub mod guesser;
pub mod heard;
