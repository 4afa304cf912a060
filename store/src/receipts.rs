//! Receipts: signed statements of what stands in the store, kept with it. Says what may be stated;
//! never signs, and never looks into an envelope.

use jiff::Timestamp;
use lattice_policies::{GameId, MatchId, Sha256, admission::Packaging};
use rusqlite::{Connection, OptionalExtension, Params, params};
use semver::Version;

use crate::{AuditHead, Match, MatchEnd, ModuleBuild, Store, StoreError};

/// What a receipt of a build states.
#[derive(Debug, Clone, Copy)]
pub struct BuildFacts<'a> {
    pub game: &'a GameId,
    pub version: &'a Version,
    pub packaging: Packaging,
    pub sha256: Sha256,
    /// In bytes.
    pub size: u64,
    /// The host functions it imports, in order of appearance.
    pub imports: &'a [String],
    /// The fingerprint of the policy that admitted it.
    pub policy: Sha256,
    /// The version of the scanner that admitted it.
    pub scanner: u32,
    /// The audit's row of the upload.
    pub audit: AuditHead,
    pub created_at: Timestamp,
}

/// What a receipt of a match states.
#[derive(Debug, Clone, Copy)]
pub struct MatchFacts<'a> {
    /// As it stands now that it has ended.
    pub run: &'a Match,
    pub end: &'a MatchEnd,
    /// `None` for one that keeps no log.
    pub log: Option<LogFacts>,
    /// The audit's row of the end.
    pub audit: AuditHead,
}

/// What is stated of an input log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogFacts {
    /// Of the log, not compressed.
    pub bytes: u64,
    /// Of its last chunk, to which all others are chained.
    pub hash: Sha256,
    /// Whether it ends before its match does.
    pub cut: bool,
}

/// Makes the envelope of a build's receipt.
pub type SignBuild<'a> = &'a dyn Fn(&BuildFacts<'_>) -> String;
/// Makes the envelope of a match's receipt.
pub type SignMatch<'a> = &'a dyn Fn(&MatchFacts<'_>) -> String;

impl Store {
    /// The receipt of a build; one of an older platform has none.
    pub fn build_receipt(
        &self,
        game: &GameId,
        version: &Version,
    ) -> Result<Option<String>, StoreError> {
        let version = version.to_string();
        let sql = "SELECT envelope FROM receipt WHERE game = ?1 AND version = ?2";
        self.read(|db| envelope(db, sql, [game.as_str(), &version]))
    }

    /// The receipt of a match, if it has ended and was not lost.
    pub fn match_receipt(&self, id: &MatchId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT envelope FROM receipt WHERE match_id = ?1";
        self.read(|db| envelope(db, sql, [id.as_str()]))
    }
}

fn envelope(db: &Connection, sql: &str, of: impl Params) -> Result<Option<String>, StoreError> {
    Ok(db.prepare_cached(sql)?.query_row(of, |row| row.get(0)).optional()?)
}

/// Keeps the receipt of a build whose upload is the audit's last row.
pub(crate) fn keep_build(
    tx: &Connection,
    build: &ModuleBuild,
    audit: AuditHead,
    sign: SignBuild<'_>,
) -> Result<(), StoreError> {
    let facts = BuildFacts {
        game: &build.game,
        version: &build.version,
        packaging: build.packaging,
        sha256: build.sha256,
        size: build.size,
        imports: &build.imports,
        policy: build.policy,
        scanner: build.scanner,
        audit,
        created_at: build.created_at,
    };
    tx.prepare_cached(
        "INSERT INTO receipt (kind, game, version, row, envelope)
         VALUES ('build', ?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        build.game.as_str(),
        build.version.to_string(),
        audit.seq,
        sign(&facts)
    ])?;
    Ok(())
}

/// Keeps the receipt of a match whose end is the audit's last row.
pub(crate) fn keep_match(
    tx: &Connection,
    facts: &MatchFacts<'_>,
    sign: SignMatch<'_>,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO receipt (kind, match_id, row, envelope) VALUES ('match', ?1, ?2, ?3)",
    )?
    .execute(params![facts.run.id.as_str(), facts.audit.seq, sign(facts)])?;
    Ok(())
}
