//! What the platform remembers, in one SQLite database: games, builds, tokens, matches, players,
//! match logs, input logs, snapshots, egress policies, receipts and the audit chain.
//!
//! Owns the schema and every line of SQL; each change and its audit row are one transaction.
//! Never decides who may do what, and never keeps a secret: only its SHA-256.

mod audit;
mod backup;
mod blocks;
mod builds;
mod columns;
mod database;
mod egress;
mod endings;
mod error;
mod games;
mod inputs;
mod isolation;
mod logs;
mod marks;
mod matches;
mod migrations;
mod open;
mod page;
mod players;
mod precedence;
mod receipts;
mod scheduling;
mod segments;
mod snapshots;
mod tokens;

pub use audit::{
    Actor, AuditBroken, AuditCheck, AuditEntry, AuditFilter, AuditHead, AuditRow, SignedHead, Why,
};
pub use backup::BackupError;
pub use builds::{Inserted, ModuleBuild};
pub use database::Store;
pub use egress::StoredEgress;
pub use endings::{EndProof, MatchEnd};
pub use error::StoreError;
pub use games::Game;
pub use inputs::{InputAppend, LogExtent};
pub use logs::{LOG_BYTES_PER_MATCH, LogLine, StoredLog};
pub use matches::{Fork, Match, MatchState, NewMatch};
pub use open::OpenError;
pub use page::Page;
pub use players::{NewPlayer, Player};
pub use receipts::{BuildFacts, LogFacts, MatchFacts, SignBuild, SignMatch};
pub use scheduling::Refusal;
pub use segments::{NewSegment, Segment, SegmentWhy};
pub use snapshots::{NewSnapshot, SnapshotRow, StoredSnapshot};
pub use tokens::{NewToken, Token};
