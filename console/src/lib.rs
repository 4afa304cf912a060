//! Wires policies, store and host together and talks to the world: the HTTP API, the players'
//! WebSockets, the game pages, the metrics, the configuration and the command line.
//!
//! Decides nothing that `policies` decides, says no SQL, and never touches a guest's memory.

pub mod answers;
pub mod cli;
pub mod config;
pub mod secrets;
pub mod serve;

pub use config::{ConfigError, ServeFlags, ServeSettings};
