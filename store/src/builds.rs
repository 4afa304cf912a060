//! Builds: immutable admitted uploads, their bytes, and what became of each upload.
//! Never scans; it takes an `Admitted`, which only the scan makes.

use jiff::Timestamp;
use lattice_policies::{
    GameId, Sha256,
    admission::{Admitted, Packaging, Rejection, SCANNER},
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use semver::Version;
use serde_json::{Value, json};

use crate::{
    Actor, AuditEntry, Page, Store, StoreError, audit,
    columns::{hash, maybe_parsed, now, parsed},
    precedence::{ABOVE_ALL, precedence},
    receipts::{self, SignBuild},
};

/// An immutable admitted upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleBuild {
    pub game: GameId,
    pub version: Version,
    pub packaging: Packaging,
    pub sha256: Sha256,
    /// In bytes.
    pub size: u64,
    /// The host functions it imports, in order of appearance.
    pub imports: Vec<String>,
    /// What it does that no snapshot holds; empty if snapshots of its matches are taken.
    pub replay_only: Vec<String>,
    /// Neither retired, nor refused, nor waiting at its game's gate: new matches may run it.
    pub schedulable: bool,
    /// Whether its game demands that it is verified against a native transcript, and it is not.
    pub awaits_transcript: bool,
    /// The fingerprint of the policy that admitted it.
    pub policy: Sha256,
    /// The version of the scanner that admitted it.
    pub scanner: u32,
    /// The uploader's subject.
    pub uploaded_by: String,
    pub created_at: Timestamp,
    /// Since when its owner keeps it from new matches.
    pub retired_at: Option<Timestamp>,
    /// Why a later check refused it.
    pub refused: Option<String>,
}

impl ModuleBuild {
    /// What keeps new matches from running it, such as `retired`; `None` if it is schedulable.
    pub fn obstacle(&self) -> Option<String> {
        match (&self.refused, self.retired_at) {
            (Some(why), _) => Some(format!("refused: {why}")),
            (None, Some(_)) => Some("retired".into()),
            (None, None) => self.awaits_transcript.then(|| {
                "not yet verified against a native transcript, which its game demands".into()
            }),
        }
    }
}

/// What became of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    New(ModuleBuild),
    /// The version stood there already, with the same bytes.
    Same(ModuleBuild),
    /// The version stands for other bytes, and goes on doing so.
    Taken(ModuleBuild),
}

impl Store {
    /// Keeps an admitted module under a version, with the fingerprint of the policy that said yes,
    /// and a new build's receipt if one is to be made.
    pub fn insert_build(
        &self,
        actor: &Actor,
        game: &GameId,
        version: &Version,
        admitted: &Admitted,
        policy: Sha256,
        receipt: Option<SignBuild<'_>>,
    ) -> Result<Inserted, StoreError> {
        self.write(|tx| {
            let mut detail = upload(version, admitted.sha256(), admitted.bytes().len());
            let (outcome, inserted) = match find(tx, game, version)? {
                Some(build) if build.sha256 == admitted.sha256() => {
                    ("unchanged", Inserted::Same(build))
                }
                Some(build) => ("conflict", Inserted::Taken(build)),
                None => {
                    detail["Policy"] = policy.to_string().into();
                    detail["Scanner"] = SCANNER.into();
                    detail["Imports"] = admitted.imports().into();
                    let build = insert(tx, actor, game, version, admitted, policy)?;
                    ("ok", Inserted::New(build))
                }
            };
            audit_build(tx, actor, "module.upload", (game, version), outcome, detail)?;
            if let (Inserted::New(build), Some(sign)) = (&inserted, receipt) {
                receipts::keep_build(tx, build, audit::head(tx)?, sign)?;
            }
            Ok(inserted)
        })
    }

    /// Keeps one audit row of a refused upload: who, when, which hash, why. Nothing else.
    pub fn record_rejection(
        &self,
        actor: &Actor,
        game: &GameId,
        version: &Version,
        rejection: &Rejection,
    ) -> Result<(), StoreError> {
        let mut detail = upload(version, rejection.sha256, rejection.size);
        detail["Scanner"] = SCANNER.into();
        detail["Reasons"] = reasons(rejection);
        detail["ReasonsTotal"] = rejection.total.into();
        self.record_refused_upload(actor, game, version, detail)
    }

    /// The same for a module that the scan admits and the compiler does not. `why` is escaped and
    /// cut, as a reason's detail is.
    pub fn record_uncompilable(
        &self,
        actor: &Actor,
        game: &GameId,
        version: &Version,
        admitted: &Admitted,
        why: &str,
    ) -> Result<(), StoreError> {
        let mut detail = upload(version, admitted.sha256(), admitted.bytes().len());
        detail["Reasons"] = json!([{"Code": "UNCOMPILABLE", "Detail": why}]);
        detail["ReasonsTotal"] = 1.into();
        self.record_refused_upload(actor, game, version, detail)
    }

    fn record_refused_upload(
        &self,
        actor: &Actor,
        game: &GameId,
        version: &Version,
        detail: Value,
    ) -> Result<(), StoreError> {
        self.write(|tx| {
            audit_build(tx, actor, "module.upload", (game, version), "rejected", detail)
        })
    }

    /// The game's build of that version, if there is one.
    pub fn build(
        &self,
        game: &GameId,
        version: &Version,
    ) -> Result<Option<ModuleBuild>, StoreError> {
        self.read(|db| find(db, game, version))
    }

    /// A game's builds, highest version first.
    pub fn builds(&self, game: &GameId, page: &Page) -> Result<Vec<ModuleBuild>, StoreError> {
        let below = page.after.as_deref().map_or(Ok(ABOVE_ALL.to_vec()), place)?;
        self.read(|db| {
            db.prepare_cached(&select(
                "WHERE game = ?1 AND precedence < ?2 ORDER BY precedence DESC LIMIT ?3",
            ))?
            .query_and_then(params![game.as_str(), below, page.bounded()], build)?
            .collect()
        })
    }

    /// The highest schedulable version that is no pre-release.
    pub fn latest_schedulable(&self, game: &GameId) -> Result<Option<ModuleBuild>, StoreError> {
        self.read(|db| {
            db.prepare_cached(&select(
                "WHERE game = ?1 AND retired_at IS NULL AND refused IS NULL AND prerelease = 0
                    AND NOT awaits_transcript
                 ORDER BY precedence DESC LIMIT 1",
            ))?
            .query_and_then([game.as_str()], build)?
            .next()
            .transpose()
        })
    }

    /// The stored bytes of that hash.
    pub fn module(&self, sha256: Sha256) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|db| {
            let mut query = db.prepare_cached("SELECT bytes FROM blob WHERE sha256 = ?1")?;
            Ok(query.query_row([sha256.0], |row| row.get(0)).optional()?)
        })
    }
}

fn insert(
    tx: &Connection,
    actor: &Actor,
    game: &GameId,
    version: &Version,
    admitted: &Admitted,
    policy: Sha256,
) -> Result<ModuleBuild, StoreError> {
    require_game(tx, game)?;
    keep_blob(tx, admitted)?;
    tx.prepare_cached(
        "INSERT INTO module_build (game, version, precedence, prerelease, packaging, sha256,
            imports, policy, scanner, uploaded_by, created_at, replay_only)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        game.as_str(),
        version.to_string(),
        precedence(version),
        !version.pre.is_empty(),
        admitted.packaging().text(),
        admitted.sha256().0,
        Value::from(admitted.imports()).to_string(),
        policy.0,
        SCANNER,
        actor.subject,
        now(),
        Value::from(admitted.facts().replay_only.as_slice()).to_string(),
    ])?;
    must_find(tx, game, version)
}

/// The foreign key would say no as well, but not of what.
fn require_game(tx: &Connection, game: &GameId) -> Result<(), StoreError> {
    let mut query = tx.prepare_cached("SELECT 1 FROM game WHERE id = ?1")?;
    if query.exists([game.as_str()])? {
        return Ok(());
    }
    Err(StoreError::NoSuchGame(game.clone()))
}

/// Bytes that are there already are compared, so that a damaged module is not taken for whole.
fn keep_blob(tx: &Connection, admitted: &Admitted) -> Result<(), StoreError> {
    let (sha256, bytes) = (admitted.sha256(), &**admitted.bytes());
    let same: Option<bool> = tx
        .prepare_cached("SELECT bytes = ?2 FROM blob WHERE sha256 = ?1")?
        .query_row(params![sha256.0, bytes], |row| row.get(0))
        .optional()?;
    match same {
        Some(true) => Ok(()),
        Some(false) => Err(StoreError::BlobAltered(sha256)),
        None => {
            tx.prepare_cached("INSERT INTO blob (sha256, bytes) VALUES (?1, ?2)")?
                .execute(params![sha256.0, bytes])?;
            Ok(())
        }
    }
}

/// What the audit keeps of every upload.
fn upload(version: &Version, sha256: Sha256, size: usize) -> Value {
    json!({"Version": version.to_string(), "Sha256": sha256.to_string(), "Size": size})
}

/// The reasons as they stand in the answer to an upload.
pub(crate) fn reasons(rejection: &Rejection) -> Value {
    rejection.reasons.iter().map(|reason| json!(reason)).collect()
}

pub(crate) fn audit_build(
    tx: &Connection,
    actor: &Actor,
    action: &str,
    (game, version): (&GameId, &Version),
    outcome: &str,
    detail: Value,
) -> Result<(), StoreError> {
    let target = &version.to_string();
    audit::append(tx, actor, &AuditEntry { action, game: Some(game), target, outcome, detail })
}

/// A query of builds with these clauses.
pub(crate) fn select(clauses: &str) -> String {
    format!(
        "SELECT *, (SELECT length(bytes) FROM blob WHERE blob.sha256 = module_build.sha256) AS size,
            verified_at IS NULL AND (SELECT native_gate FROM game WHERE id = module_build.game)
                AS awaits_transcript
         FROM module_build {clauses}"
    )
}

pub(crate) fn find(
    db: &Connection,
    game: &GameId,
    version: &Version,
) -> Result<Option<ModuleBuild>, StoreError> {
    db.prepare_cached(&select("WHERE game = ?1 AND version = ?2"))?
        .query_and_then([game.as_str(), &version.to_string()], build)?
        .next()
        .transpose()
}

pub(crate) fn must_find(
    db: &Connection,
    game: &GameId,
    version: &Version,
) -> Result<ModuleBuild, StoreError> {
    find(db, game, version)?
        .ok_or_else(|| StoreError::NoSuchBuild { game: game.clone(), version: version.clone() })
}

/// Whoever names a build names its module as well.
pub(crate) fn require_module(build: &ModuleBuild, found: Sha256) -> Result<(), StoreError> {
    if build.sha256 == found {
        return Ok(());
    }
    Err(StoreError::OtherModule { expected: build.sha256, found })
}

/// Where a version stands in the list of builds.
fn place(version: &str) -> Result<Vec<u8>, StoreError> {
    let version = version.parse().map_err(|_| StoreError::BadCursor(version.to_owned()))?;
    Ok(precedence(&version))
}

pub(crate) fn build(row: &Row<'_>) -> Result<ModuleBuild, StoreError> {
    let (imports, replay_only) = (names(row, "imports")?, names(row, "replay_only")?);
    let retired_at = maybe_parsed(row, "retired_at")?;
    let refused: Option<String> = row.get("refused")?;
    let awaits_transcript: bool = row.get("awaits_transcript")?;
    Ok(ModuleBuild {
        game: parsed(row, "game")?,
        version: parsed(row, "version")?,
        packaging: parsed(row, "packaging")?,
        sha256: hash(row, "sha256")?,
        size: row.get::<_, i64>("size")? as u64,
        imports,
        replay_only,
        schedulable: retired_at.is_none() && refused.is_none() && !awaits_transcript,
        awaits_transcript,
        policy: hash(row, "policy")?,
        scanner: row.get("scanner")?,
        uploaded_by: row.get("uploaded_by")?,
        created_at: parsed(row, "created_at")?,
        retired_at,
        refused,
    })
}

/// A column with a list of names.
fn names(row: &Row<'_>, column: &str) -> Result<Vec<String>, StoreError> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|_| StoreError::Corrupt(format!("a build's {column} are no list of names")))
}
