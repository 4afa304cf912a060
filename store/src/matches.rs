//! Matches: what ran, of which build, with which seed, and how it ended.

use std::str::FromStr;

use jiff::Timestamp;
use lattice_policies::{GameId, MatchId, Sha256};
use rusqlite::{Connection, OptionalExtension, Row, params};
use semver::Version;
use serde_json::{Value, json};

use crate::{
    Actor, AuditEntry, LogExtent, ModuleBuild, Page, Store, StoreError, audit, builds,
    columns::{hash, json as canonical, maybe_parsed, now, parsed},
    inputs,
};

/// Where a match stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchState {
    /// Asked for; its sim is being made.
    Starting,
    Running,
    /// Asked to stop, and not done with it.
    Stopping,
    /// The sim said that it is over.
    Finished,
    /// Ended because it was asked to.
    Stopped,
    /// Ended against its will.
    Faulted,
    /// The process ended under it.
    Lost,
}

impl MatchState {
    pub const ALL: [MatchState; 7] = [
        MatchState::Starting,
        MatchState::Running,
        MatchState::Stopping,
        MatchState::Finished,
        MatchState::Stopped,
        MatchState::Faulted,
        MatchState::Lost,
    ];

    /// The state as it stands in the store and in its views.
    pub const fn text(self) -> &'static str {
        match self {
            MatchState::Starting => "starting",
            MatchState::Running => "running",
            MatchState::Stopping => "stopping",
            MatchState::Finished => "finished",
            MatchState::Stopped => "stopped",
            MatchState::Faulted => "faulted",
            MatchState::Lost => "lost",
        }
    }

    /// Whether the match is over.
    pub const fn has_ended(self) -> bool {
        !matches!(self, MatchState::Starting | MatchState::Running | MatchState::Stopping)
    }
}

impl FromStr for MatchState {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        MatchState::ALL.into_iter().find(|state| state.text() == text).ok_or(())
    }
}

/// A match to be started.
#[derive(Debug, Clone)]
pub struct NewMatch {
    pub id: MatchId,
    pub game: GameId,
    pub version: Version,
    pub sha256: Sha256,
    pub tick_hz: u16,
    pub seed: u64,
    pub config: Vec<u8>,
}

/// One running sim with its players, or what is left of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    pub id: MatchId,
    pub game: GameId,
    pub version: Version,
    pub sha256: Sha256,
    pub tick_hz: u16,
    pub seed: u64,
    pub state: MatchState,
    /// Ticks that were run, once it has ended.
    pub ticks: Option<i64>,
    pub fault: Option<Value>,
    pub result: Option<Vec<u8>>,
    /// What the host counted over its life.
    pub figures: Option<Value>,
    /// Of its input log; `None` where none is kept, or nothing of it is written yet.
    pub log: Option<LogExtent>,
    /// The subject that started it.
    pub created_by: String,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// How a match ended.
#[derive(Debug, Clone)]
pub struct MatchEnd {
    /// `Finished`, `Stopped` or `Faulted`.
    pub state: MatchState,
    /// Ticks that were run.
    pub ticks: i64,
    pub fault: Option<Value>,
    pub result: Option<Vec<u8>>,
    pub figures: Option<Value>,
}

impl Store {
    /// Keeps a match that is about to start. Its build must be schedulable at this moment:
    /// [`StoreError::NoSuchBuild`], [`StoreError::NotSchedulable`].
    pub fn insert_match(&self, actor: &Actor, new: &NewMatch) -> Result<Match, StoreError> {
        self.write(|tx| {
            require_startable(&builds::must_find(tx, &new.game, &new.version)?, new.sha256)?;
            insert(tx, actor, new)?;
            let detail = json!({
                "Version": new.version.to_string(),
                "Sha256": new.sha256.to_string(),
                "TickHz": new.tick_hz,
                "Seed": new.seed.to_string(),
                "ConfigSha256": Sha256::of(&new.config).to_string(),
            });
            audit_match(tx, actor, "match.start", (&new.id, &new.game), "ok", detail)?;
            must_find(tx, &new.id)
        })
    }

    /// The match of that id, if there is one.
    pub fn match_by_id(&self, id: &MatchId) -> Result<Option<Match>, StoreError> {
        self.read(|db| find(db, id))
    }

    /// The config blob that a match was started with.
    pub fn match_config(&self, id: &MatchId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|db| {
            let mut query = db.prepare_cached("SELECT config FROM match_run WHERE id = ?1")?;
            Ok(query.query_row([id.as_str()], |row| row.get(0)).optional()?)
        })
    }

    /// A game's matches, newest first.
    pub fn matches(&self, game: &GameId, page: &Page) -> Result<Vec<Match>, StoreError> {
        self.read(|db| {
            let before = page.after.as_deref().map_or(Ok(i64::MAX), |id| place(db, id))?;
            db.prepare_cached(
                "SELECT *, (SELECT cut FROM input_log WHERE match_id = id) AS log_cut
                 FROM match_run WHERE game = ?1 AND n < ?2 ORDER BY n DESC LIMIT ?3",
            )?
            .query_and_then(params![game.as_str(), before, page.bounded()], match_run)?
            .collect()
        })
    }

    /// Starting becomes running; `false` if the match was not starting.
    pub fn match_running(&self, id: &MatchId) -> Result<bool, StoreError> {
        self.write(|tx| {
            let game = tx
                .prepare_cached(
                    "UPDATE match_run SET state = 'running'
                     WHERE id = ?1 AND state = 'starting' RETURNING game",
                )?
                .query_and_then([id.as_str()], |row| parsed(row, "game"))?
                .next()
                .transpose()?;
            audit_change(tx, &Actor::system(), "match.run", (id, game), "ok", json!({}))
        })
    }

    /// Starting or running becomes stopping; `false` if the match was neither.
    pub fn match_stopping(&self, actor: &Actor, id: &MatchId) -> Result<bool, StoreError> {
        self.write(|tx| {
            let game = tx
                .prepare_cached(
                    "UPDATE match_run SET state = 'stopping'
                     WHERE id = ?1 AND state IN ('starting', 'running') RETURNING game",
                )?
                .query_and_then([id.as_str()], |row| parsed(row, "game"))?
                .next()
                .transpose()?;
            audit_change(tx, actor, "match.stop", (id, game), "ok", json!({}))
        })
    }

    /// Keeps how a match ended; `false` if it had ended before.
    pub fn end_match(&self, id: &MatchId, end: &MatchEnd) -> Result<bool, StoreError> {
        self.write(|tx| {
            let game = tx
                .prepare_cached(
                    "UPDATE match_run SET state = ?2, ticks = ?3, fault = ?4, result = ?5,
                        figures = ?6, ended_at = ?7
                     WHERE id = ?1 AND ended_at IS NULL RETURNING game",
                )?
                .query_and_then(
                    params![
                        id.as_str(),
                        end.state.text(),
                        end.ticks,
                        end.fault.as_ref().map(canonical),
                        end.result,
                        end.figures.as_ref().map(canonical),
                        now(),
                    ],
                    |row| parsed(row, "game"),
                )?
                .next()
                .transpose()?;
            let detail = json!({
                "Ticks": end.ticks,
                "Fault": end.fault,
                "Figures": end.figures,
                "ResultSha256": end.result.as_deref().map(|bytes| Sha256::of(bytes).to_string()),
                "InputLog": inputs::summary(tx, id)?,
            });
            let outcome = end.state.text();
            audit_change(tx, &Actor::system(), "match.end", (id, game), outcome, detail)
        })
    }

    /// Marks as lost what a process before this one left unended.
    pub fn mark_lost(&self) -> Result<Vec<MatchId>, StoreError> {
        self.write(|tx| {
            let lost = tx
                .prepare_cached(
                    "UPDATE match_run SET state = 'lost', ended_at = ?1
                     WHERE ended_at IS NULL RETURNING id, game",
                )?
                .query_and_then([now()], |row| Ok((parsed(row, "id")?, parsed(row, "game")?)))?
                .collect::<Result<Vec<(MatchId, GameId)>, StoreError>>()?;
            for (id, game) in &lost {
                audit_match(tx, &Actor::system(), "match.end", (id, game), "lost", json!({}))?;
            }
            Ok(lost.into_iter().map(|(id, _)| id).collect())
        })
    }
}

fn require_startable(build: &ModuleBuild, sha256: Sha256) -> Result<(), StoreError> {
    let version = build.version.clone();
    if build.sha256 != sha256 {
        return Err(StoreError::OtherModule { expected: build.sha256, found: sha256 });
    }
    match (&build.refused, build.retired_at) {
        (Some(why), _) => {
            Err(StoreError::NotSchedulable { version, why: format!("refused: {why}") })
        }
        (None, Some(_)) => Err(StoreError::NotSchedulable { version, why: "retired".into() }),
        (None, None) => Ok(()),
    }
}

fn insert(tx: &Connection, actor: &Actor, new: &NewMatch) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO match_run
            (id, game, version, sha256, tick_hz, seed, config, state, created_by, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'starting', ?8, ?9)",
    )?
    .execute(params![
        new.id.as_str(),
        new.game.as_str(),
        new.version.to_string(),
        new.sha256.0,
        new.tick_hz,
        new.seed.to_string(),
        new.config,
        actor.subject,
        now(),
    ])?;
    Ok(())
}

/// Audits a change of a match of that game; a match without one was not in a state for the change.
fn audit_change(
    tx: &Connection,
    actor: &Actor,
    action: &str,
    (id, game): (&MatchId, Option<GameId>),
    outcome: &str,
    detail: Value,
) -> Result<bool, StoreError> {
    let Some(game) = game else { return Ok(false) };
    audit_match(tx, actor, action, (id, &game), outcome, detail)?;
    Ok(true)
}

fn audit_match(
    tx: &Connection,
    actor: &Actor,
    action: &str,
    (id, game): (&MatchId, &GameId),
    outcome: &str,
    detail: Value,
) -> Result<(), StoreError> {
    let target = id.as_str();
    audit::append(tx, actor, &AuditEntry { action, game: Some(game), target, outcome, detail })
}

pub(crate) fn must_find(db: &Connection, id: &MatchId) -> Result<Match, StoreError> {
    find(db, id)?.ok_or_else(|| StoreError::NoSuchMatch(id.clone()))
}

fn find(db: &Connection, id: &MatchId) -> Result<Option<Match>, StoreError> {
    db.prepare_cached(
        "SELECT *, (SELECT cut FROM input_log WHERE match_id = id) AS log_cut
         FROM match_run WHERE id = ?1",
    )?
    .query_and_then([id.as_str()], match_run)?
    .next()
    .transpose()
}

/// Where a match stands in the list of all.
fn place(db: &Connection, id: &str) -> Result<i64, StoreError> {
    db.prepare_cached("SELECT n FROM match_run WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::BadCursor(id.to_owned()))
}

fn match_run(row: &Row<'_>) -> Result<Match, StoreError> {
    Ok(Match {
        id: parsed(row, "id")?,
        game: parsed(row, "game")?,
        version: parsed(row, "version")?,
        sha256: hash(row, "sha256")?,
        tick_hz: row.get("tick_hz")?,
        seed: parsed(row, "seed")?,
        state: parsed(row, "state")?,
        ticks: row.get("ticks")?,
        fault: maybe_parsed(row, "fault")?,
        result: row.get("result")?,
        figures: maybe_parsed(row, "figures")?,
        log: inputs::extent(row)?,
        created_by: row.get("created_by")?,
        created_at: parsed(row, "created_at")?,
        ended_at: maybe_parsed(row, "ended_at")?,
    })
}
