//! Marks: through which tick a match is run again when it is taken up, though nothing came in.
//! Written for all matches every second; never audited, and never back.

use lattice_policies::MatchId;
use rusqlite::{OptionalExtension, params};

use crate::{Store, StoreError};

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
                 ON CONFLICT DO UPDATE SET tick = excluded.tick",
            )?;
            for (match_id, tick) in marks {
                put.execute(params![match_id.as_str(), tick])?;
            }
            Ok(())
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
