//! Ends of the chain that were signed. Only added; never signs, and never looks into an envelope.

use jiff::Timestamp;
use lattice_policies::Sha256;
use rusqlite::{OptionalExtension, Row, params};

use super::{AuditHead, head, place};
use crate::{
    Page, Store, StoreError,
    columns::{hash, now, parsed},
};

/// An end of the chain, as it was when it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    pub head: AuditHead,
    pub at: Timestamp,
    pub envelope: String,
}

impl Store {
    /// Has the chain's end signed and keeps it; gives it. `None` when it is signed already, or
    /// the chain is empty.
    pub fn put_audit_head(
        &self,
        envelope: &dyn Fn(&AuditHead) -> String,
    ) -> Result<Option<AuditHead>, StoreError> {
        self.write(|tx| {
            let end = head(tx)?;
            let mut signed = tx.prepare_cached("SELECT 1 FROM signed_head WHERE seq = ?1")?;
            if end.seq == 0 || signed.exists([end.seq])? {
                return Ok(None);
            }
            tx.prepare_cached("INSERT INTO signed_head VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![end.seq, end.hash.0, now(), envelope(&end)])?;
            Ok(Some(end))
        })
    }

    /// The signed heads, newest first.
    pub fn audit_heads(&self, page: &Page) -> Result<Vec<SignedHead>, StoreError> {
        let before = page.after.as_deref().map_or(Ok(i64::MAX), place)?;
        self.read(|db| {
            db.prepare_cached(
                "SELECT * FROM signed_head WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
            )?
            .query_and_then([before, page.bounded().into()], signed_head)?
            .collect()
        })
    }

    /// The newest of them.
    pub fn last_audit_head(&self) -> Result<Option<SignedHead>, StoreError> {
        Ok(self.audit_heads(&Page::first(1))?.pop())
    }

    /// The hash of the chain's row of that number, if there is one: what a head that was signed,
    /// or noted down elsewhere, is compared with.
    pub fn audit_hash(&self, seq: i64) -> Result<Option<Sha256>, StoreError> {
        self.read(|db| {
            let mut query = db.prepare_cached("SELECT hash FROM audit_row WHERE seq = ?1")?;
            Ok(query.query_row([seq], |row| row.get(0)).optional()?.map(Sha256))
        })
    }
}

fn signed_head(row: &Row<'_>) -> Result<SignedHead, StoreError> {
    Ok(SignedHead {
        head: AuditHead { seq: row.get("seq")?, hash: hash(row, "hash")? },
        at: parsed(row, "at")?,
        envelope: row.get("envelope")?,
    })
}
