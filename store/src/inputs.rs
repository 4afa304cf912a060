//! Input logs: what came into the ticks of matches, in compressed chunks that are only ever added.
//! Never looks into the records; to the store a log is bytes.

use lattice_policies::{MatchId, Sha256};
use rusqlite::{Connection, Row, params};
use serde_json::json;

use crate::{
    Actor, AuditEntry, Store, StoreError, audit,
    blocks::{self, Packed},
    columns::{hash, parsed},
    matches,
    receipts::LogFacts,
};

/// What an empty log's hash is: the SHA-256 of this text.
const BEGINNING: &[u8] = b"lattice input log 1";

/// Goes behind what there is of a match's input log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputAppend {
    /// Whole records.
    Records { match_id: MatchId, bytes: Vec<u8> },
    /// Records got lost on their way here, so that nothing may follow: the log is cut.
    Lost { match_id: MatchId },
}

/// How much of a match its input log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogExtent {
    /// All of it, as far as it has been written.
    Whole,
    /// It ends before the match does.
    Cut,
}

/// The end of a log.
struct Head {
    chunks: i64,
    bytes: i64,
    hash: Sha256,
    cut: bool,
}

impl Store {
    /// Adds to the input logs of any matches, in their order, in one transaction. A log that
    /// would get longer than `most` bytes is cut before it does, which the audit keeps, and takes
    /// nothing more. Gives the matches whose logs were cut now.
    pub fn append_inputs<'a>(
        &self,
        appends: impl IntoIterator<Item = &'a InputAppend>,
        most: u64,
    ) -> Result<Vec<MatchId>, StoreError> {
        let packed: Vec<_> = appends.into_iter().map(pack).collect();
        self.write(|tx| {
            let mut cut = Vec::new();
            for (match_id, chunk) in &packed {
                if append(tx, match_id, chunk.as_ref(), most)? {
                    cut.push((*match_id).clone());
                }
            }
            Ok(cut)
        })
    }

    /// The input log of a match, as far as it is written; `None` for one that keeps none. One that
    /// is not as it was written is [`StoreError::Corrupt`].
    pub fn inputs(&self, match_id: &MatchId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|db| {
            let Some(head) = head(db, match_id)? else { return Ok(None) };
            let mut log = Vec::new();
            let mut last = (0, Sha256::of(BEGINNING));
            let mut query = db.prepare_cached(
                "SELECT seq, bytes, length, hash FROM input_chunk WHERE match_id = ?1 ORDER BY seq",
            )?;
            let mut rows = query.query([match_id.as_str()])?;
            while let Some(row) = rows.next()? {
                let records = unpack(row, match_id)?;
                last = follow(row, last, &records, match_id)?;
                log.extend_from_slice(&records);
            }
            if last != (head.chunks, head.hash) {
                return Err(damaged(match_id, "its last chunks are missing"));
            }
            Ok(Some(log))
        })
    }

    /// The last chunk of a match's input log, which holds its last record.
    pub fn last_inputs(&self, match_id: &MatchId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|db| {
            db.prepare_cached(
                "SELECT seq, bytes, length FROM input_chunk WHERE match_id = ?1
                 ORDER BY seq DESC LIMIT 1",
            )?
            .query_and_then([match_id.as_str()], |row| unpack(row, match_id))?
            .next()
            .transpose()
        })
    }
}

fn pack(append: &InputAppend) -> (&MatchId, Option<Packed<'_>>) {
    match append {
        InputAppend::Records { match_id, bytes } => (match_id, Some(Packed::new(bytes))),
        InputAppend::Lost { match_id } => (match_id, None),
    }
}

/// Adds a chunk, or cuts the log where there is none or no room; gives whether it was cut now.
fn append(
    tx: &Connection,
    match_id: &MatchId,
    chunk: Option<&Packed<'_>>,
    most: u64,
) -> Result<bool, StoreError> {
    let head = open(tx, match_id)?;
    let fits = |chunk: &&Packed<'_>| (head.bytes + chunk.length()) as u64 <= most;
    match chunk.filter(fits) {
        _ if head.cut => Ok(false),
        Some(chunk) => add(tx, match_id, &head, chunk).map(|()| false),
        None => cut(tx, match_id, &head, chunk.is_none()).map(|()| true),
    }
}

/// The end of a match's log, which is begun if it is not there.
fn open(tx: &Connection, match_id: &MatchId) -> Result<Head, StoreError> {
    tx.prepare_cached("INSERT INTO input_log VALUES (?1, 0, 0, 0, ?2, 0) ON CONFLICT DO NOTHING")?
        .execute(params![match_id.as_str(), Sha256::of(BEGINNING).0])?;
    head(tx, match_id)?.ok_or_else(|| StoreError::NoSuchMatch(match_id.clone()))
}

fn head(db: &Connection, match_id: &MatchId) -> Result<Option<Head>, StoreError> {
    db.prepare_cached("SELECT * FROM input_log WHERE match_id = ?1")?
        .query_and_then([match_id.as_str()], |row| {
            let (chunks, bytes) = (row.get("chunks")?, row.get("bytes")?);
            Ok(Head { chunks, bytes, hash: hash(row, "hash")?, cut: row.get("cut")? })
        })?
        .next()
        .transpose()
}

fn add(
    tx: &Connection,
    match_id: &MatchId,
    head: &Head,
    chunk: &Packed<'_>,
) -> Result<(), StoreError> {
    let hash = Sha256::of_parts(&[&head.hash.0, chunk.bytes]);
    let (id, length) = (match_id.as_str(), chunk.length());
    tx.prepare_cached(
        "UPDATE input_log SET chunks = chunks + 1, bytes = bytes + ?2, stored = stored + ?3,
            hash = ?4 WHERE match_id = ?1",
    )?
    .execute(params![id, length, chunk.block.len() as i64, hash.0])?;
    tx.prepare_cached(
        "INSERT INTO input_chunk (match_id, seq, bytes, length, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![id, head.chunks + 1, chunk.block, length, hash.0])?;
    Ok(())
}

fn cut(tx: &Connection, match_id: &MatchId, head: &Head, lost: bool) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE input_log SET cut = 1 WHERE match_id = ?1")?
        .execute([match_id.as_str()])?;
    let game = matches::must_find(tx, match_id)?.game;
    let why = if lost { "records could not be written in time" } else { "it is too long" };
    let entry = AuditEntry {
        action: "match.log",
        game: Some(&game),
        target: match_id.as_str(),
        outcome: "cut",
        detail: json!({ "Bytes": head.bytes, "Why": why }),
    };
    audit::append(tx, &Actor::system(), &entry)
}

/// What a chunk's block holds.
fn unpack(row: &Row<'_>, match_id: &MatchId) -> Result<Vec<u8>, StoreError> {
    let (seq, bytes): (i64, Vec<u8>) = (row.get("seq")?, row.get("bytes")?);
    blocks::unpack(&bytes, row.get("length")?)
        .ok_or_else(|| damaged(match_id, &format!("chunk {seq} is not as it was written")))
}

/// The place and hash of a chunk that must follow the last one.
fn follow(
    row: &Row<'_>,
    (before, chain): (i64, Sha256),
    records: &[u8],
    match_id: &MatchId,
) -> Result<(i64, Sha256), StoreError> {
    let seq: i64 = row.get("seq")?;
    if seq != before + 1 {
        return Err(damaged(match_id, &format!("chunk {} is missing", before + 1)));
    }
    let made = Sha256::of_parts(&[&chain.0, records]);
    if made != hash(row, "hash")? {
        return Err(damaged(match_id, &format!("chunk {seq} is not as it was written")));
    }
    Ok((seq, made))
}

fn damaged(match_id: &MatchId, why: &str) -> StoreError {
    StoreError::Corrupt(format!("the input log of match {match_id}: {why}"))
}

/// What is stated of a match's log when the match ends.
pub(crate) fn facts(db: &Connection, id: &MatchId) -> Result<Option<LogFacts>, StoreError> {
    let facts = |head: Head| LogFacts { bytes: head.bytes as u64, hash: head.hash, cut: head.cut };
    Ok(head(db, id)?.map(facts))
}

/// How much of a match its log holds, for a row of a match with the column `log_cut`. Of one whose
/// process ended under it, at least the end is missing.
pub(crate) fn extent(row: &Row<'_>) -> Result<Option<LogExtent>, StoreError> {
    let cut: Option<bool> = row.get("log_cut")?;
    let lost = parsed::<matches::MatchState>(row, "state")? == matches::MatchState::Lost;
    let extent = |cut| if cut || lost { LogExtent::Cut } else { LogExtent::Whole };
    Ok(cut.map(extent))
}
