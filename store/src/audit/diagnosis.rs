//! What was done to a chain, told from its first row that does not follow the one before.
//! Never heals it.

use rusqlite::Connection;

use super::{
    AuditHead, chain, head,
    verify::{AuditBroken, Link, Why},
};
use crate::StoreError;

/// The last two rows that follow each other, so that the last one can be told from a row that was
/// put in before its time.
#[derive(Clone, Copy)]
pub(super) struct Trusted {
    before: AuditHead,
    pub(super) last: AuditHead,
}

impl Trusted {
    /// Before the first row.
    pub(super) fn genesis() -> Self {
        let genesis = AuditHead { seq: 0, hash: chain::genesis() };
        Self { before: genesis, last: genesis }
    }

    /// One row further.
    pub(super) fn then(self, next: AuditHead) -> Self {
        Self { before: self.last, last: next }
    }
}

/// What was done, when `row` is the first that does not follow.
pub(super) fn of_row(
    db: &Connection,
    trusted: Trusted,
    row: &Link,
) -> Result<AuditBroken, StoreError> {
    let next = trusted.last.seq + 1;
    if row.seq > next {
        return Ok(broken(next, Why::Removed));
    }
    if row.seq < next {
        return Ok(broken(row.seq, Why::Inserted)); // below 1, where no row ever stood
    }
    match original_place(db, row)? {
        Some(seq) if seq == next => relinked(db, trusted, row),
        Some(seq) => moved(db, trusted, row, seq),
        None => altered(db, trusted, row),
    }
}

/// What was done at the end, when every row follows the one before.
pub(super) fn of_end(last: AuditHead, head: AuditHead) -> Option<AuditBroken> {
    if head.seq > last.seq {
        return Some(broken(last.seq + 1, Why::Removed));
    }
    if head.seq < last.seq {
        return Some(broken(head.seq + 1, Why::Inserted));
    }
    (head != last).then(|| broken(last.seq, Why::Changed))
}

/// The row is whole, but names another row before it: one of the two was replaced. The rest of
/// the chain tells which, since it still builds on the one that was not.
fn relinked(db: &Connection, trusted: Trusted, row: &Link) -> Result<AuditBroken, StoreError> {
    let builds_on = match Link::at(db, row.seq + 1)? {
        Some(after) => after.previous,
        None => head(db)?.hash,
    };
    let replaced =
        if builds_on == row.hash && trusted.last.seq > 0 { trusted.last.seq } else { row.seq };
    Ok(broken(replaced, Why::Changed))
}

/// The row was written as number `from`, and stands elsewhere now.
fn moved(
    db: &Connection,
    trusted: Trusted,
    row: &Link,
    from: i64,
) -> Result<AuditBroken, StoreError> {
    let last = trusted.last;
    if from == last.seq && row.previous == trusted.before.hash {
        return Ok(broken(last.seq, Why::Inserted)); // and what stood there moved down
    }
    if from < row.seq {
        return Ok(broken(row.seq, Why::Inserted)); // a copy of an earlier row
    }
    let displaced = db
        .prepare("SELECT 1 FROM audit_row WHERE previous = ?1 AND seq > ?2")?
        .exists(rusqlite::params![last.hash.0, row.seq])?;
    let why = if displaced { Why::Reordered { from } } else { Why::Removed };
    Ok(broken(row.seq, why))
}

/// The row's contents are not what its hash was made of.
fn altered(db: &Connection, trusted: Trusted, row: &Link) -> Result<AuditBroken, StoreError> {
    let pushed_down = Link::at(db, row.seq + 1)?
        .is_some_and(|after| after.previous == trusted.last.hash && after.is_whole_as(row.seq));
    let why = if pushed_down { Why::Inserted } else { Why::Changed };
    Ok(broken(row.seq, why))
}

/// The number under which the row's hash was made, if it was made of these contents at all.
fn original_place(db: &Connection, row: &Link) -> Result<Option<i64>, StoreError> {
    let rows: i64 = db.query_row("SELECT max(seq) FROM audit_row", [], |row| row.get(0))?;
    let most = rows.max(head(db)?.seq);
    Ok((1..=most).find(|seq| row.is_whole_as(*seq)))
}

fn broken(row: i64, why: Why) -> AuditBroken {
    AuditBroken::Row { row, why }
}
