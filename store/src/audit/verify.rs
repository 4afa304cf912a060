//! The check of the chain: walks it row by row, in bounded memory, as of one moment.

use lattice_policies::Sha256;
use rusqlite::{Connection, Row};
use thiserror::Error;

use super::{
    AuditHead, chain,
    diagnosis::{self, Trusted},
    head,
};
use crate::{Store, StoreError};

/// A chain that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditCheck {
    pub rows: u64,
    /// The hash of the last row.
    pub head: Sha256,
}

/// Why a chain is not whole, or could not be checked.
#[derive(Debug, Error)]
pub enum AuditBroken {
    /// The first row that is not as it was written, or not where.
    #[error("the audit chain is broken at row {row}: {why}")]
    Row { row: i64, why: Why },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Why {
    #[error("its contents were changed")]
    Changed,
    #[error("it was removed")]
    Removed,
    #[error("it was inserted")]
    Inserted,
    #[error("the row that stands there is row {from}, out of its order")]
    Reordered { from: i64 },
}

impl Store {
    /// Checks the whole chain. Who holds the file can write a whole new one; that shows in the
    /// hash of a row that was noted down elsewhere.
    pub fn verify_audit(&self) -> Result<AuditCheck, AuditBroken> {
        let last = self.read(|db| Ok(walk(db)))??;
        Ok(AuditCheck { rows: last.seq as u64, head: last.hash })
    }
}

/// The last row, if every one follows the one before.
fn walk(db: &Connection) -> Result<AuditHead, AuditBroken> {
    let mut trusted = Trusted::genesis();
    let mut query = prepare(db)?;
    for row in query.query_and_then([], Link::read).map_err(StoreError::from)? {
        let row = row?;
        if !row.follows(trusted.last) {
            return Err(diagnosis::of_row(db, trusted, &row)?);
        }
        trusted = trusted.then(AuditHead { seq: row.seq, hash: row.hash });
    }
    match diagnosis::of_end(trusted.last, head(db)?) {
        Some(broken) => Err(broken),
        None => Ok(trusted.last),
    }
}

fn prepare(db: &Connection) -> Result<rusqlite::Statement<'_>, StoreError> {
    let columns = chain::COLUMNS;
    Ok(db.prepare(&format!("SELECT {columns}, seq, previous, hash FROM audit_row ORDER BY seq"))?)
}

/// A row as it stands, whether it makes sense or not.
pub(super) struct Link {
    pub(super) seq: i64,
    columns: [Option<Vec<u8>>; chain::COLUMN_COUNT],
    pub(super) previous: Sha256,
    pub(super) hash: Sha256,
}

impl Link {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let mut columns = [const { None }; chain::COLUMN_COUNT];
        for (at, column) in columns.iter_mut().enumerate() {
            *column = row
                .get_ref(at)?
                .as_bytes_or_null()
                .map_err(rusqlite::Error::from)?
                .map(<[u8]>::to_vec);
        }
        Ok(Self {
            columns,
            seq: row.get("seq")?,
            previous: crate::columns::hash(row, "previous")?,
            hash: crate::columns::hash(row, "hash")?,
        })
    }

    /// The row of that number, if there is one.
    pub(super) fn at(db: &Connection, seq: i64) -> Result<Option<Self>, StoreError> {
        let columns = chain::COLUMNS;
        db.prepare(&format!("SELECT {columns}, seq, previous, hash FROM audit_row WHERE seq = ?1"))?
            .query_and_then([seq], Link::read)?
            .next()
            .transpose()
    }

    /// Whether it is as it was written, had it been given that number.
    pub(super) fn is_whole_as(&self, seq: i64) -> bool {
        let columns = self.columns.each_ref().map(Option::as_deref);
        chain::digest(seq, columns, self.previous) == self.hash
    }

    fn follows(&self, last: AuditHead) -> bool {
        self.seq == last.seq + 1 && self.previous == last.hash && self.is_whole_as(self.seq)
    }
}
