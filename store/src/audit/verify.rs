//! The check of the chain: walks it in bounded memory and names the first broken row.

use lattice_policies::Sha256;
use thiserror::Error;

use super::AuditHead;
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
    #[error("it stood at row {from} before")]
    Reordered { from: i64 },
}

impl Store {
    /// Checks the whole chain.
    pub fn verify_audit(&self) -> Result<AuditCheck, AuditBroken> {
        self.verify_audit_from(None)
    }

    /// Checks the whole chain, and that it still holds a row that was noted down earlier: what
    /// finds a chain that somebody with the file rewrote from end to end.
    pub fn verify_audit_against(&self, noted: AuditHead) -> Result<AuditCheck, AuditBroken> {
        self.verify_audit_from(Some(noted))
    }

    fn verify_audit_from(&self, _noted: Option<AuditHead>) -> Result<AuditCheck, AuditBroken> {
        todo!()
    }
}
