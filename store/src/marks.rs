//! Marks: through which tick a match is run again when it is taken up, though nothing came in.
//! Written for all matches every second; never audited, and never back.

use lattice_policies::MatchId;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use crate::{
    Actor, Store, StoreError,
    matches::{self, audit_match},
};

impl Store {
    /// Moves the marks of any matches on, in one transaction. What would move one back changes
    /// nothing, nor does a mark of a match that has ended.
    pub fn put_marks(&self, marks: &[(MatchId, i64)]) -> Result<(), StoreError> {
        self.write(|tx| {
            let mut put = tx.prepare_cached(
                "INSERT INTO match_mark (match_id, tick)
                 SELECT ?1, ?2
                 WHERE EXISTS (SELECT 1 FROM match_run WHERE id = ?1 AND ended_at IS NULL)
                    AND NOT EXISTS (SELECT 1 FROM match_mark WHERE match_id = ?1 AND tick >= ?2)
                 ON CONFLICT DO UPDATE SET tick = excluded.tick, rests_at = NULL",
            )?;
            for (match_id, tick) in marks {
                put.execute(params![match_id.as_str(), tick])?;
            }
            Ok(())
        })
    }

    /// Writes down that the match stands still before tick `at` since an orderly stop: no later tick
    /// was run, though the mark may be ahead.
    pub fn rest(&self, match_id: &MatchId, at: i64) -> Result<(), StoreError> {
        self.write(|tx| {
            let run = matches::require_unended(tx, match_id)?;
            tx.prepare_cached(
                "INSERT INTO match_mark (match_id, tick, rests_at) VALUES (?1, ?2 - 1, ?2)
                 ON CONFLICT DO UPDATE SET tick = max(tick, excluded.tick), rests_at = ?2",
            )?
            .execute(params![match_id.as_str(), at])?;
            let detail = json!({ "Tick": at });
            audit_match(tx, &Actor::system(), "match.rest", (match_id, &run.game), "ok", detail)
        })
    }

    /// The tick that runs next when the match is taken up: all before it were run, or may have been.
    /// `None` if nobody knows of any.
    pub fn next_tick(&self, match_id: &MatchId) -> Result<Option<i64>, StoreError> {
        self.read(|db| {
            db.prepare_cached(
                "SELECT ifnull(rests_at, tick + 1) FROM match_mark WHERE match_id = ?1",
            )?
            .query_row([match_id.as_str()], |row| row.get(0))
            .optional()
            .map_err(StoreError::from)
        })
    }

    /// The match's mark, if it has one.
    pub fn mark(&self, match_id: &MatchId) -> Result<Option<i64>, StoreError> {
        self.read(|db| {
            db.prepare_cached("SELECT tick FROM match_mark WHERE match_id = ?1")?
                .query_row([match_id.as_str()], |row| row.get(0))
                .optional()
                .map_err(StoreError::from)
        })
    }
}

/// The match is taken up again.
pub(crate) fn take_up(tx: &Connection, match_id: &MatchId) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE match_mark SET rests_at = NULL WHERE match_id = ?1")?
        .execute([match_id.as_str()])?;
    Ok(())
}
