//! Snapshots: matches between two ticks, their pages kept once a match and compressed.
//! Never looks into a snapshot's head, nor where its pages stand in memory; to the store it is bytes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use lattice_policies::{MatchId, Sha256};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    Store, StoreError,
    blocks::{self, Packed},
    columns::{hash, now, parsed},
    matches,
};

/// Pages that are written in one transaction, so that other writes need not wait for all of them.
const PAGES_AT_ONCE: usize = 16;

/// A snapshot to be kept.
#[derive(Clone, Copy)]
pub struct NewSnapshot<'a> {
    pub match_id: &'a MatchId,
    /// The tick that runs next.
    pub tick: i64,
    /// The SHA-256 that names it.
    pub state: Sha256,
    /// All of it but the bytes of its pages.
    pub head: &'a [u8],
    /// Its pages by number, and the SHA-256 of what each holds.
    pub pages: &'a [(u32, Sha256)],
    /// What the page of that number holds; asked for those that are not kept yet.
    pub bytes: &'a dyn Fn(u32) -> &'a [u8],
    /// Whether a segment begins with it: it is kept for good.
    pub base: bool,
    /// How many snapshots of the match are kept that are no base, this one among them.
    pub keep: usize,
}

/// A snapshot as it was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// The tick that runs next.
    pub tick: i64,
    pub state: Sha256,
    pub head: Vec<u8>,
    /// The pages that it needs, each once, by the SHA-256 that they were checked against.
    pub pages: BTreeMap<Sha256, Vec<u8>>,
}

/// What a list of snapshots tells of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRow {
    pub tick: i64,
    pub state: Sha256,
    pub base: bool,
    /// In the database; a page that it shares with another counts for both.
    pub bytes: u64,
    pub at: Timestamp,
}

impl Store {
    /// Keeps a snapshot of a match, and lets go what it outdates: those beyond the newest `keep`
    /// that are no base, those of later ticks, which the match went back behind, and pages that
    /// nothing uses. [`StoreError::NoSuchMatch`], [`StoreError::MatchEnded`].
    ///
    /// The pages come first, in transactions of their own; nobody sees them before their snapshot.
    pub fn put_snapshot(&self, new: &NewSnapshot<'_>) -> Result<(), StoreError> {
        for pages in self.pages_to_add(new)?.chunks(PAGES_AT_ONCE) {
            let packed: Vec<_> =
                pages.iter().map(|(page, hash)| (*hash, Packed::new((new.bytes)(*page)))).collect();
            self.write(|tx| {
                matches::require_unended(tx, new.match_id)?;
                packed.iter().try_for_each(|(hash, page)| add_page(tx, new.match_id, *hash, page))
            })?;
        }
        self.write(|tx| {
            matches::require_unended(tx, new.match_id)?;
            add(tx, new)?;
            forget_outdated(tx, new)?;
            forget_unused_pages(tx, new.match_id)
        })
    }

    /// The match's newest snapshot that is not after that tick. One that is not as it was put is
    /// [`StoreError::Corrupt`]; an older one may still be whole.
    pub fn snapshot(
        &self,
        match_id: &MatchId,
        at_or_before: i64,
    ) -> Result<Option<StoredSnapshot>, StoreError> {
        self.read(|db| {
            db.prepare_cached(
                "SELECT * FROM snapshot WHERE match_id = ?1 AND tick <= ?2
                 ORDER BY tick DESC, n DESC LIMIT 1",
            )?
            .query_and_then(params![match_id.as_str(), at_or_before], |row| {
                stored(db, match_id, row)
            })?
            .next()
            .transpose()
        })
    }

    /// The match's snapshots, oldest first.
    pub fn snapshots(&self, match_id: &MatchId) -> Result<Vec<SnapshotRow>, StoreError> {
        self.read(|db| {
            db.prepare_cached(
                "SELECT tick, state, base, at, length(head) + (
                    SELECT ifnull(sum(length(bytes)), 0)
                    FROM snapshot_uses JOIN snapshot_page ON snapshot_page.n = page
                    WHERE snapshot = snapshot.n
                 ) AS bytes
                 FROM snapshot WHERE match_id = ?1 ORDER BY tick, n",
            )?
            .query_and_then([match_id.as_str()], snapshot_row)?
            .collect()
        })
    }

    /// Each page once that the match does not have yet.
    fn pages_to_add(&self, new: &NewSnapshot<'_>) -> Result<Vec<(u32, Sha256)>, StoreError> {
        self.read(|db| {
            let mut seen = BTreeSet::new();
            let mut missing = Vec::new();
            for (page, hash) in new.pages {
                if seen.insert(hash) && find_page(db, new.match_id, *hash)?.is_none() {
                    missing.push((*page, *hash));
                }
            }
            Ok(missing)
        })
    }
}

fn find_page(db: &Connection, match_id: &MatchId, hash: Sha256) -> Result<Option<i64>, StoreError> {
    Ok(db
        .prepare_cached("SELECT n FROM snapshot_page WHERE match_id = ?1 AND hash = ?2")?
        .query_row(params![match_id.as_str(), hash.0], |row| row.get(0))
        .optional()?)
}

fn add_page(
    tx: &Connection,
    match_id: &MatchId,
    hash: Sha256,
    page: &Packed<'_>,
) -> Result<(), StoreError> {
    if find_page(tx, match_id, hash)?.is_some() {
        return Ok(());
    }
    tx.prepare_cached(
        "INSERT INTO snapshot_page (match_id, hash, bytes, length) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![match_id.as_str(), hash.0, page.block, page.length()])?;
    Ok(())
}

/// Adds the snapshot with what it uses; one that is there already may become a base.
fn add(tx: &Connection, new: &NewSnapshot<'_>) -> Result<(), StoreError> {
    let (id, state) = (new.match_id.as_str(), new.state.0);
    let known = tx
        .prepare_cached(
            "SELECT base FROM snapshot WHERE match_id = ?1 AND tick = ?2 AND state = ?3",
        )?
        .query_row(params![id, new.tick, state], |row| row.get(0))
        .optional()?;
    match known {
        None => insert(tx, new),
        Some(false) if new.base => {
            tx.prepare_cached(
                "UPDATE snapshot SET base = 1 WHERE match_id = ?1 AND tick = ?2 AND state = ?3",
            )?
            .execute(params![id, new.tick, state])?;
            Ok(())
        }
        Some(_) => Ok(()),
    }
}

fn insert(tx: &Connection, new: &NewSnapshot<'_>) -> Result<(), StoreError> {
    let id = new.match_id.as_str();
    tx.prepare_cached(
        "INSERT INTO snapshot (match_id, tick, state, head, pages, base, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![id, new.tick, new.state.0, new.head, distinct(new), new.base, now()])?;
    let snapshot = tx.last_insert_rowid();
    let mut uses = tx.prepare_cached("INSERT OR IGNORE INTO snapshot_uses VALUES (?1, ?2)")?;
    for (page, hash) in new.pages {
        uses.execute([snapshot, page_to_use(tx, new, *page, *hash)?])?;
    }
    Ok(())
}

fn distinct(new: &NewSnapshot<'_>) -> i64 {
    new.pages.iter().map(|(_, hash)| hash).collect::<BTreeSet<_>>().len() as i64
}

/// A page that another snapshot's end has let go since it was added, or was found, is added again.
fn page_to_use(
    tx: &Connection,
    new: &NewSnapshot<'_>,
    page: u32,
    hash: Sha256,
) -> Result<i64, StoreError> {
    if let Some(found) = find_page(tx, new.match_id, hash)? {
        return Ok(found);
    }
    add_page(tx, new.match_id, hash, &Packed::new((new.bytes)(page)))?;
    Ok(tx.last_insert_rowid())
}

fn forget_outdated(tx: &Connection, new: &NewSnapshot<'_>) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM snapshot WHERE match_id = ?1 AND NOT base AND (tick > ?2 OR n NOT IN (
            SELECT n FROM snapshot WHERE match_id = ?1 AND NOT base AND tick <= ?2
            ORDER BY tick DESC, n DESC LIMIT ?3
         ))",
    )?
    .execute(params![
        new.match_id.as_str(),
        new.tick,
        u32::try_from(new.keep).unwrap_or(u32::MAX)
    ])?;
    Ok(())
}

/// Also those whose snapshot never came.
pub(crate) fn forget_unused_pages(tx: &Connection, match_id: &MatchId) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM snapshot_page WHERE match_id = ?1
            AND NOT EXISTS (SELECT 1 FROM snapshot_uses WHERE page = snapshot_page.n)",
    )?
    .execute([match_id.as_str()])?;
    Ok(())
}

fn stored(
    db: &Connection,
    match_id: &MatchId,
    row: &Row<'_>,
) -> Result<StoredSnapshot, StoreError> {
    let snapshot = StoredSnapshot {
        tick: row.get("tick")?,
        state: hash(row, "state")?,
        head: row.get("head")?,
        pages: pages(db, row)?,
    };
    if snapshot.pages.len() as i64 == row.get::<_, i64>("pages")? {
        return Ok(snapshot);
    }
    Err(StoreError::Corrupt(format!(
        "the snapshot of match {match_id} at tick {}: not all of its pages are as they were written",
        snapshot.tick
    )))
}

/// Those pages of a row of `snapshot` that are what their hashes say.
fn pages(db: &Connection, snapshot: &Row<'_>) -> Result<BTreeMap<Sha256, Vec<u8>>, StoreError> {
    let mut pages = BTreeMap::new();
    let mut query = db.prepare_cached(
        "SELECT hash, bytes, length FROM snapshot_uses JOIN snapshot_page ON n = page
         WHERE snapshot = ?1",
    )?;
    let mut rows = query.query([snapshot.get::<_, i64>("n")?])?;
    while let Some(row) = rows.next()? {
        pages.extend(page(row)?);
    }
    Ok(pages)
}

fn page(row: &Row<'_>) -> Result<Option<(Sha256, Vec<u8>)>, StoreError> {
    let (block, made): (Vec<u8>, _) = (row.get("bytes")?, hash(row, "hash")?);
    let bytes = blocks::unpack(&block, row.get("length")?);
    Ok(bytes.filter(|bytes| Sha256::of(bytes) == made).map(|bytes| (made, bytes)))
}

fn snapshot_row(row: &Row<'_>) -> Result<SnapshotRow, StoreError> {
    Ok(SnapshotRow {
        tick: row.get("tick")?,
        state: hash(row, "state")?,
        base: row.get("base")?,
        bytes: row.get::<_, i64>("bytes")? as u64,
        at: parsed(row, "at")?,
    })
}
