//! What sims log: lines kept per match, within a number of bytes; the oldest make room.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lattice_policies::MatchId;
use rusqlite::{Connection, Row, params};

use crate::{
    Page, Store, StoreError,
    columns::{now, parsed},
};

/// Bytes of log kept for one match: its lines' text, and 64 bytes for each line.
pub const LOG_BYTES_PER_MATCH: i64 = 4 << 20;
/// What a line counts beside its text, so that empty lines are not free.
const LINE_BYTES: i64 = 64;

/// A line that a sim logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub match_id: MatchId,
    pub tick: i64,
    /// 0 trace, 1 debug, 2 info, 3 warn, 4 error.
    pub level: u8,
    pub text: String,
}

/// A line as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLog {
    /// Its number in its match, from 1 without gaps; a first line above 1 says that older ones
    /// made room.
    pub seq: i64,
    pub tick: i64,
    pub level: u8,
    pub text: String,
    pub at: Timestamp,
}

impl Store {
    /// Keeps lines of any matches, in their order, in one transaction.
    pub fn append_logs(&self, lines: &[LogLine]) -> Result<(), StoreError> {
        self.write(|tx| {
            let at = now();
            let mut kept = BTreeMap::new();
            for line in lines {
                kept.insert(line.match_id.as_str(), append(tx, line, &at)?);
            }
            for (match_id, bytes) in kept {
                make_room(tx, match_id, bytes - LOG_BYTES_PER_MATCH)?;
            }
            Ok(())
        })
    }

    /// A match's lines behind the one numbered `after`, oldest first; at most `limit`, and never
    /// more than [`Page::MOST`].
    pub fn logs(
        &self,
        match_id: &MatchId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredLog>, StoreError> {
        let values = params![match_id.as_str(), after.unwrap_or(0), Page::first(limit).bounded()];
        self.read(|db| {
            db.prepare_cached(
                "SELECT * FROM match_log WHERE match_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
            )?
            .query_and_then(values, stored_log)?
            .collect()
        })
    }
}

/// Adds a line; gives what the match's lines count together.
fn append(tx: &Connection, line: &LogLine, at: &str) -> Result<i64, StoreError> {
    let (seq, bytes): (i64, i64) = tx
        .prepare_cached(
            "INSERT INTO match_log_head (match_id, seq, bytes) VALUES (?1, 1, ?2)
             ON CONFLICT DO UPDATE SET seq = seq + 1, bytes = bytes + excluded.bytes
             RETURNING seq, bytes",
        )?
        .query_row(params![line.match_id.as_str(), line.text.len() as i64 + LINE_BYTES], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    tx.prepare_cached(
        "INSERT INTO match_log (match_id, seq, tick, level, text, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![line.match_id.as_str(), seq, line.tick, line.level, line.text, at])?;
    Ok(bytes)
}

/// Deletes a match's oldest lines until they have freed that many bytes.
fn make_room(tx: &Connection, match_id: &str, excess: i64) -> Result<(), StoreError> {
    if excess <= 0 {
        return Ok(());
    }
    let (mut freed, mut last): (i64, i64) = (0, 0);
    let mut oldest = tx.prepare_cached(
        "SELECT seq, octet_length(text) FROM match_log WHERE match_id = ?1 ORDER BY seq",
    )?;
    let mut rows = oldest.query([match_id])?;
    while let (true, Some(row)) = (freed < excess, rows.next()?) {
        last = row.get(0)?;
        freed += row.get::<_, i64>(1)? + LINE_BYTES;
    }
    tx.prepare_cached("DELETE FROM match_log WHERE match_id = ?1 AND seq <= ?2")?
        .execute(params![match_id, last])?;
    tx.prepare_cached("UPDATE match_log_head SET bytes = bytes - ?2 WHERE match_id = ?1")?
        .execute(params![match_id, freed])?;
    Ok(())
}

fn stored_log(row: &Row<'_>) -> Result<StoredLog, StoreError> {
    Ok(StoredLog {
        seq: row.get("seq")?,
        tick: row.get("tick")?,
        level: row.get("level")?,
        text: row.get("text")?,
        at: parsed(row, "at")?,
    })
}
