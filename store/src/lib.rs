//! What the platform remembers, in one SQLite database: games, builds, tokens, matches, players,
//! match logs, input logs, egress policies and the audit chain.
//!
//! Owns the schema and every line of SQL; each change and its audit row are one transaction.
//! Never decides who may do what, and never keeps a secret: only its SHA-256.

mod audit;
mod backup;
mod builds;
mod columns;
mod database;
mod egress;
mod error;
mod games;
mod inputs;
mod logs;
mod matches;
mod migrations;
mod open;
mod page;
mod players;
mod precedence;
mod scheduling;
mod tokens;

pub use audit::{
    Actor, AuditBroken, AuditCheck, AuditEntry, AuditFilter, AuditHead, AuditRow, Why,
};
pub use backup::BackupError;
pub use builds::{Inserted, ModuleBuild, Packaging};
pub use database::Store;
pub use egress::StoredEgress;
pub use error::StoreError;
pub use games::Game;
pub use inputs::{InputAppend, LogExtent};
pub use logs::{LOG_BYTES_PER_MATCH, LogLine, StoredLog};
pub use matches::{Match, MatchEnd, MatchState, NewMatch};
pub use open::OpenError;
pub use page::Page;
pub use players::{NewPlayer, Player};
pub use scheduling::Refusal;
pub use tokens::{NewToken, Token};
