//! The audit: what was asked, by whom, with what outcome, each row chained to the one before.
//!
//! Owns the rows' shape and how they are added and read. Never holds a body or a secret.

mod chain;
mod diagnosis;
mod heads;
mod verify;

use jiff::Timestamp;
use lattice_policies::{GameId, Sha256, TokenId};
use rusqlite::{Connection, Row, params};
use serde_json::Value;

pub use heads::SignedHead;
pub use verify::{AuditBroken, AuditCheck, Why};

use crate::{
    Page, Store, StoreError,
    columns::{hash, json, maybe_parsed, now, parsed},
};

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
    /// The platform itself: no token, no address.
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
        self.record_all(actor, std::slice::from_ref(entry))
    }

    /// Keeps several such acts in their order: all, or none.
    pub fn record_all(&self, actor: &Actor, entries: &[AuditEntry<'_>]) -> Result<(), StoreError> {
        self.write(|tx| entries.iter().try_for_each(|entry| append(tx, actor, entry)))
    }

    /// The audit's rows, newest first.
    pub fn audit(&self, filter: &AuditFilter, page: &Page) -> Result<Vec<AuditRow>, StoreError> {
        let before = page.after.as_deref().map_or(Ok(i64::MAX), place)?;
        let limit = page.bounded();
        self.read(|db| match &filter.game {
            Some(game) => db
                .prepare_cached(
                    "SELECT * FROM audit_row WHERE seq < ?1 AND game = ?3
                     ORDER BY seq DESC LIMIT ?2",
                )?
                .query_and_then(params![before, limit, game.as_str()], audit_row)?
                .collect(),
            None => db
                .prepare_cached(
                    "SELECT * FROM audit_row WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
                )?
                .query_and_then([before, limit.into()], audit_row)?
                .collect(),
        })
    }

    /// The chain's end, to be noted down elsewhere.
    pub fn audit_head(&self) -> Result<AuditHead, StoreError> {
        self.read(head)
    }
}

/// Adds a row to the chain's end, inside the transaction of the change that it tells of.
pub(crate) fn append(
    tx: &Connection,
    actor: &Actor,
    entry: &AuditEntry<'_>,
) -> Result<(), StoreError> {
    let last = head(tx)?;
    let seq = last.seq + 1;
    let (at, detail) = (now(), json(&entry.detail));
    let columns: [Option<&str>; chain::COLUMN_COUNT] = [
        Some(&at),
        Some(&actor.subject),
        actor.token.as_ref().map(TokenId::as_str),
        actor.address.as_deref(),
        actor.request.as_deref(),
        Some(entry.action),
        entry.game.map(GameId::as_str),
        Some(entry.target),
        Some(entry.outcome),
        Some(&detail),
    ];
    let hash = chain::digest(seq, columns.map(|text| text.map(str::as_bytes)), last.hash);
    let [at, subject, token, address, request, action, game, target, outcome, detail] = columns;
    tx.prepare_cached(
        "INSERT INTO audit_row VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?
    .execute(params![
        seq,
        at,
        subject,
        token,
        address,
        request,
        action,
        game,
        target,
        outcome,
        detail,
        last.hash.0,
        hash.0
    ])?;
    Ok(())
}

pub(crate) fn head(db: &Connection) -> Result<AuditHead, StoreError> {
    db.prepare_cached("SELECT seq, hash FROM audit_head")?
        .query_and_then([], |row| Ok(AuditHead { seq: row.get("seq")?, hash: hash(row, "hash")? }))?
        .next()
        .ok_or_else(|| StoreError::Corrupt("the audit's head is missing".into()))?
}

/// Where a row stands in the list.
fn place(seq: &str) -> Result<i64, StoreError> {
    seq.parse().map_err(|_| StoreError::BadCursor(seq.to_owned()))
}

fn audit_row(row: &Row<'_>) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        seq: row.get("seq")?,
        at: parsed(row, "at")?,
        actor: Actor {
            subject: row.get("subject")?,
            token: maybe_parsed(row, "token")?,
            address: row.get("address")?,
            request: row.get("request")?,
        },
        action: row.get("action")?,
        game: maybe_parsed(row, "game")?,
        target: row.get("target")?,
        outcome: row.get("outcome")?,
        detail: parsed(row, "detail")?,
        previous: hash(row, "previous")?,
        hash: hash(row, "hash")?,
    })
}
