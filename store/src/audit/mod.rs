//! The audit: what was asked, by whom, with what outcome, each row chained to the one before.
//!
//! Owns the rows' shape and how they are added and read. Never holds a body or a secret.

mod verify;

use jiff::Timestamp;
use lattice_policies::{GameId, Sha256, TokenId};
use serde_json::Value;

pub use verify::{AuditBroken, AuditCheck, Why};

use crate::{Page, Store, StoreError};

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub subject: String,
    pub token: Option<TokenId>,
    /// From where it was asked.
    pub address: Option<String>,
    /// The request's id.
    pub request: Option<String>,
}

impl Actor {
    /// The platform itself.
    pub fn system() -> Self {
        Self { subject: "system".into(), token: None, address: None, request: None }
    }
}

/// What is to be kept of an act that changes nothing else in the store, such as a denial.
#[derive(Debug, Clone)]
pub struct AuditEntry<'a> {
    /// What was asked, as `noun.verb`.
    pub action: &'a str,
    /// The game that it is about.
    pub game: Option<&'a GameId>,
    /// The thing that it is about.
    pub target: &'a str,
    /// `ok`, `denied`, `rejected`, ...
    pub outcome: &'a str,
    /// An object; kept with its keys sorted.
    pub detail: Value,
}

/// One row of the audit.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// Its number, from 1 without gaps.
    pub seq: i64,
    pub at: Timestamp,
    pub actor: Actor,
    pub action: String,
    pub game: Option<GameId>,
    pub target: String,
    pub outcome: String,
    pub detail: Value,
    /// The hash of the row before.
    pub previous: Sha256,
    pub hash: Sha256,
}

/// The chain's end: the number and the hash of its last row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditHead {
    /// 0 for an empty chain.
    pub seq: i64,
    pub hash: Sha256,
}

/// Which rows are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of one game; `None` for all rows.
    pub game: Option<GameId>,
}

impl Store {
    /// Keeps an act that changes nothing else.
    pub fn record(&self, actor: &Actor, entry: &AuditEntry<'_>) -> Result<(), StoreError> {
        todo!()
    }

    /// The audit's rows, newest first.
    pub fn audit(&self, filter: &AuditFilter, page: &Page) -> Result<Vec<AuditRow>, StoreError> {
        todo!()
    }

    /// The chain's end, to be noted down elsewhere.
    pub fn audit_head(&self) -> Result<AuditHead, StoreError> {
        todo!()
    }
}
