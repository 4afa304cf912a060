//! Players of the arena example: WebSocket clients that play by a seeded plan and check every byte
//! that they are sent. The demo and the system tests run them; a person may, to have opponents.

pub mod client;
pub mod decode;
pub mod geometry;
pub mod pilot;
pub mod protocol;
pub mod referee;
pub mod tally;
