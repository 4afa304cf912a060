//! Wires policies, store and host together and talks to the world: the HTTP API, the players'
//! WebSockets, the game pages, the metrics, the configuration and the command line.
//!
//! Decides nothing that `policies` decides, says no SQL, and never touches a guest's memory.

pub mod answers;
pub mod cli;
pub mod config;
mod drain;
pub mod secrets;
pub mod serve;
pub mod symbols;

mod app;
mod audit_heads;
mod egress;
mod egress_audit;
mod feed;
mod fork;
mod gate;
mod history;
mod http;
mod inspect;
mod launch;
mod listener;
mod metrics;
mod network;
mod packaging;
mod past;
mod rate;
mod receipt;
mod recheck;
mod replay;
mod reports;
mod resume;
mod schedule;
mod server;
mod share;
mod socket;
mod tier;
mod upgrade;
mod upload;

pub use config::{ConfigError, ServeFlags, ServeSettings};
