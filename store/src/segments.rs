//! Segments: what ran a match from a tick on, where that is not what it was started with; and the
//! matches that were taken up again.

use jiff::Timestamp;
use lattice_policies::{GameId, MatchId, Sha256, isolation::Isolation};
use rusqlite::{Connection, Row, params};
use semver::Version;
use serde_json::json;

use crate::{
    Actor, Match, Store, StoreError, builds,
    columns::{hash, now, parsed},
    isolation, marks,
    matches::{self, audit_match, require_startable},
};

/// Why a segment begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentWhy {
    /// The match is a fork; [`Store::insert_match`] makes this one.
    Fork,
    /// Another version of the module took over.
    Upgrade,
    /// The same module goes on under another engine or policy.
    Engine,
}

impl SegmentWhy {
    pub const ALL: [SegmentWhy; 3] = [SegmentWhy::Fork, SegmentWhy::Upgrade, SegmentWhy::Engine];

    /// The reason as it stands in the store and in its views.
    pub const fn text(self) -> &'static str {
        match self {
            SegmentWhy::Fork => "fork",
            SegmentWhy::Upgrade => "upgrade",
            SegmentWhy::Engine => "engine",
        }
    }
}

impl std::str::FromStr for SegmentWhy {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        SegmentWhy::ALL.into_iter().find(|why| why.text() == text).ok_or(())
    }
}

/// A segment to be added to a match.
#[derive(Debug, Clone)]
pub struct NewSegment {
    pub match_id: MatchId,
    /// Its first tick.
    pub tick: i64,
    pub version: Version,
    pub sha256: Sha256,
    pub why: SegmentWhy,
}

/// What ran a match from a tick on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its first tick.
    pub tick: i64,
    pub version: Version,
    pub sha256: Sha256,
    pub why: SegmentWhy,
    pub at: Timestamp,
}

impl Store {
    /// Adds a segment behind those that the match has, with its audit row: `match.upgrade` for
    /// another version, which must be schedulable, else `match.resume`. [`StoreError::NoSuchMatch`],
    /// [`StoreError::MatchEnded`], [`StoreError::NoSuchBuild`], [`StoreError::OtherModule`],
    /// [`StoreError::NotSchedulable`].
    pub fn add_segment(&self, actor: &Actor, new: &NewSegment) -> Result<(), StoreError> {
        self.write(|tx| {
            let run = matches::require_unended(tx, &new.match_id)?;
            let build = builds::must_find(tx, &run.game, &new.version)?;
            builds::require_module(&build, new.sha256)?;
            let action = match new.why {
                SegmentWhy::Upgrade => "match.upgrade",
                SegmentWhy::Fork | SegmentWhy::Engine => "match.resume",
            };
            if new.why == SegmentWhy::Upgrade {
                require_startable(&build)?;
            }
            insert(tx, &run.game, new)?;
            let detail = json!({
                "Tick": new.tick,
                "Why": new.why.text(),
                "Version": new.version.to_string(),
                "Sha256": new.sha256.to_string(),
                "VersionBefore": run.runs.0.to_string(),
                "Sha256Before": run.runs.1.to_string(),
            });
            audit_match(tx, actor, action, (&run.id, &run.game), "ok", detail)
        })
    }

    /// The match's segments, first to last; none for one that runs what it was started with.
    pub fn segments(&self, match_id: &MatchId) -> Result<Vec<Segment>, StoreError> {
        self.read(|db| {
            db.prepare_cached("SELECT * FROM match_segment WHERE match_id = ?1 ORDER BY n")?
                .query_and_then([match_id.as_str()], segment)?
                .collect()
        })
    }

    /// Every match that has not ended, oldest first: at a start, what the process before left.
    pub fn unended(&self) -> Result<Vec<Match>, StoreError> {
        self.read(|db| {
            db.prepare_cached(&matches::select("WHERE ended_at IS NULL ORDER BY n"))?
                .query_and_then([], matches::match_run)?
                .collect()
        })
    }

    /// Keeps that a match was taken up again and goes on with that tick, within these barriers if it
    /// is native. [`StoreError::NoSuchMatch`], [`StoreError::MatchEnded`].
    pub fn resumed(
        &self,
        id: &MatchId,
        tick: i64,
        isolation: Option<&Isolation>,
    ) -> Result<(), StoreError> {
        self.write(|tx| {
            let run = matches::require_unended(tx, id)?;
            marks::take_up(tx, id)?;
            isolation::set(tx, id, isolation)?;
            let detail = isolation::told(json!({ "Tick": tick }), isolation);
            audit_match(tx, &Actor::system(), "match.resume", (id, &run.game), "ok", detail)
        })
    }
}

pub(crate) fn insert(tx: &Connection, game: &GameId, new: &NewSegment) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO match_segment (match_id, n, tick, game, version, sha256, why, at)
         SELECT ?1, ifnull(max(n), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7
         FROM match_segment WHERE match_id = ?1",
    )?
    .execute(params![
        new.match_id.as_str(),
        new.tick,
        game.as_str(),
        new.version.to_string(),
        new.sha256.0,
        new.why.text(),
        now(),
    ])?;
    Ok(())
}

fn segment(row: &Row<'_>) -> Result<Segment, StoreError> {
    Ok(Segment {
        tick: row.get("tick")?,
        version: parsed(row, "version")?,
        sha256: hash(row, "sha256")?,
        why: parsed(row, "why")?,
        at: parsed(row, "at")?,
    })
}
