//! Matches: what runs, of which build, with which seed, and where it stands in its life.

use std::str::FromStr;

use jiff::Timestamp;
use lattice_policies::{GameId, MatchId, Sha256, admission::Packaging, isolation::Isolation};
use rusqlite::{Connection, OptionalExtension, Row, params};
use semver::Version;
use serde_json::{Value, json};

use crate::{
    Actor, AuditEntry, LogExtent, ModuleBuild, NewSegment, Page, SegmentWhy, Store, StoreError,
    audit, builds,
    columns::{hash, maybe_hash, maybe_parsed, now, parsed},
    inputs, isolation, players, segments,
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
    /// Where it comes from, if it does not begin with `init`.
    pub fork: Option<Fork>,
}

/// Where a fork comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// A match of the same game.
    pub of: MatchId,
    /// The tick that runs next in the state that the fork begins with.
    pub at: i64,
}

/// One running sim with its players, or what is left of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    pub id: MatchId,
    pub game: GameId,
    pub version: Version,
    pub sha256: Sha256,
    /// What runs it now, or ran it last: of the latest segment, or what it was started with.
    pub runs: (Version, Sha256),
    /// Of what runs it.
    pub packaging: Packaging,
    /// What stands around its process since it started, or was last taken up again; `None` before
    /// that, and for wasm.
    pub isolation: Option<Isolation>,
    /// The match that it came from, and the tick that ran next in the state that it began with.
    pub forked_from: Option<(MatchId, i64)>,
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

impl Store {
    /// Keeps a match that is about to start, a fork with its first segment. Its build must be
    /// schedulable at this moment: [`StoreError::NoSuchBuild`], [`StoreError::OtherModule`],
    /// [`StoreError::NotSchedulable`]; what it is a fork of must be there, in the same game:
    /// [`StoreError::NoSuchMatch`].
    pub fn insert_match(&self, actor: &Actor, new: &NewMatch) -> Result<Match, StoreError> {
        self.write(|tx| {
            let build = builds::must_find(tx, &new.game, &new.version)?;
            builds::require_module(&build, new.sha256)?;
            require_startable(&build)?;
            insert(tx, actor, new)?;
            let fork = new.fork.as_ref();
            let detail = json!({
                "Version": new.version.to_string(),
                "Sha256": new.sha256.to_string(),
                "TickHz": new.tick_hz,
                "Seed": new.seed.to_string(),
                "ConfigSha256": Sha256::of(&new.config).to_string(),
                "Fork": fork.map(|fork| json!({ "Of": fork.of.as_str(), "At": fork.at })),
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
            db.prepare_cached(&select("WHERE game = ?1 AND n < ?2 ORDER BY n DESC LIMIT ?3"))?
                .query_and_then(params![game.as_str(), before, page.bounded()], match_run)?
                .collect()
        })
    }

    /// Starting becomes running, within these barriers if it is native; `false` if the match was
    /// not starting. Of one that was asked to stop meanwhile, only the barriers are kept.
    pub fn match_running(
        &self,
        id: &MatchId,
        isolation: Option<&Isolation>,
    ) -> Result<bool, StoreError> {
        self.write(|tx| {
            let game = tx
                .prepare_cached(
                    "UPDATE match_run SET isolation = ?2,
                        state = CASE state WHEN 'starting' THEN 'running' ELSE state END
                     WHERE id = ?1 AND (state = 'starting'
                        OR state = 'stopping' AND isolation IS NOT ?2) RETURNING game",
                )?
                .query_and_then(params![id.as_str(), isolation.map(isolation::text)], |row| {
                    parsed(row, "game")
                })?
                .next()
                .transpose()?;
            let detail = isolation::told(json!({}), isolation);
            audit_change(tx, &Actor::system(), "match.run", (id, game), "ok", detail)
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
}

pub(crate) fn require_startable(build: &ModuleBuild) -> Result<(), StoreError> {
    match build.obstacle() {
        None => Ok(()),
        Some(why) => Err(StoreError::NotSchedulable { version: build.version.clone(), why }),
    }
}

/// The match, if it is there and has not ended.
pub(crate) fn require_unended(tx: &Connection, id: &MatchId) -> Result<Match, StoreError> {
    let found = must_find(tx, id)?;
    if found.state.has_ended() {
        return Err(StoreError::MatchEnded(id.clone()));
    }
    Ok(found)
}

fn insert(tx: &Connection, actor: &Actor, new: &NewMatch) -> Result<(), StoreError> {
    let players_before = new.fork.as_ref().map_or(Ok(0), |fork| players_of(tx, new, fork))?;
    tx.prepare_cached(
        "INSERT INTO match_run (id, game, version, sha256, tick_hz, seed, config, state,
            created_by, created_at, forked_from, forked_at, players_before)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'starting', ?8, ?9, ?10, ?11, ?12)",
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
        new.fork.as_ref().map(|fork| fork.of.as_str()),
        new.fork.as_ref().map(|fork| fork.at),
        players_before,
    ])?;
    new.fork.as_ref().map_or(Ok(()), |fork| insert_first_segment(tx, new, fork))
}

/// The highest player's number where the fork comes from.
fn players_of(tx: &Connection, new: &NewMatch, fork: &Fork) -> Result<u32, StoreError> {
    let origin = must_find(tx, &fork.of)?;
    if origin.game != new.game {
        return Err(StoreError::NoSuchMatch(origin.id));
    }
    Ok(players::numbers(tx, &origin.id)?.last)
}

fn insert_first_segment(tx: &Connection, new: &NewMatch, fork: &Fork) -> Result<(), StoreError> {
    let first = NewSegment {
        match_id: new.id.clone(),
        tick: fork.at,
        version: new.version.clone(),
        sha256: new.sha256,
        why: SegmentWhy::Fork,
    };
    segments::insert(tx, &new.game, &first)
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

pub(crate) fn audit_match(
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
    db.prepare_cached(&select("WHERE id = ?1"))?
        .query_and_then([id.as_str()], match_run)?
        .next()
        .transpose()
}

/// A query of matches with these clauses.
pub(crate) fn select(clauses: &str) -> String {
    let latest = "FROM match_segment WHERE match_id = id ORDER BY match_segment.n DESC LIMIT 1";
    format!(
        "SELECT *, (SELECT cut FROM input_log WHERE match_id = id) AS log_cut,
            (SELECT packaging FROM module_build AS build WHERE build.game = match_run.game
                AND build.version = ifnull((SELECT version {latest}), match_run.version)
            ) AS packaging,
            (SELECT version {latest}) AS runs_version, (SELECT sha256 {latest}) AS runs_sha256
         FROM match_run {clauses}"
    )
}

/// Where a match stands in the list of all.
fn place(db: &Connection, id: &str) -> Result<i64, StoreError> {
    db.prepare_cached("SELECT n FROM match_run WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::BadCursor(id.to_owned()))
}

pub(crate) fn match_run(row: &Row<'_>) -> Result<Match, StoreError> {
    let (version, sha256) = (parsed(row, "version")?, hash(row, "sha256")?);
    let runs = maybe_parsed(row, "runs_version")?.zip(maybe_hash(row, "runs_sha256")?);
    Ok(Match {
        id: parsed(row, "id")?,
        game: parsed(row, "game")?,
        packaging: parsed(row, "packaging")?,
        isolation: isolation::of_row(row)?,
        runs: runs.unwrap_or_else(|| (Version::clone(&version), sha256)),
        version,
        sha256,
        forked_from: maybe_parsed(row, "forked_from")?.zip(row.get("forked_at")?),
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
