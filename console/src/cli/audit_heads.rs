//! Signed ends of the audit's chain, held against the chain. Never checks the chain itself.

use std::{fs, path::PathBuf};

use lattice_policies::Sha256;
use lattice_store::{AuditHead, Page, SignedHead, Store};

use super::CliError;
use crate::receipt::{self, Predicate, PublicKey, Statement};

/// Checks every head that the store keeps, and those of the files, against the chain; gives the
/// last row that one of them names.
pub(super) fn check(
    store: &Store,
    keys: &[PublicKey],
    files: &[PathBuf],
) -> Result<Option<i64>, CliError> {
    let mut last = kept(store, keys)?;
    for path in files {
        let envelope = fs::read(path).map_err(CliError::unreadable(path))?;
        let head = read(&envelope, keys, &path.display().to_string())?;
        in_chain(store, head)?;
        last = last.max(Some(head.seq));
    }
    Ok(last)
}

fn kept(store: &Store, keys: &[PublicKey]) -> Result<Option<i64>, CliError> {
    let mut page = Page::first(Page::MOST);
    let mut last = None;
    loop {
        let heads = store.audit_heads(&page).map_err(CliError::failed)?;
        let Some(oldest) = heads.last() else { return Ok(last) };
        page.after = Some(oldest.head.seq.to_string());
        heads.iter().try_for_each(|signed| check_kept(store, keys, signed))?;
        last = last.max(heads.first().map(|signed| signed.head.seq));
    }
}

fn check_kept(store: &Store, keys: &[PublicKey], signed: &SignedHead) -> Result<(), CliError> {
    let name = format!("the signed head of row {}", signed.head.seq);
    let head = read(signed.envelope.as_bytes(), keys, &name)?;
    if head != signed.head {
        return Err(CliError::Failed(format!("{name} was signed of row {}", head.seq)));
    }
    in_chain(store, head)
}

fn read(envelope: &[u8], keys: &[PublicKey], name: &str) -> Result<AuditHead, CliError> {
    let bad = |error| {
        CliError::Failed(format!(
            "{name}: {error}; the keys are those of the data folder's keys/*.pub"
        ))
    };
    let Statement { subject, predicate } = receipt::verify(envelope, keys).map_err(bad)?;
    match predicate {
        Predicate::AuditHead(head) => Ok(AuditHead { seq: head.seq, hash: subject.sha256 }),
        _ => Err(CliError::Failed(format!("{name} is a receipt, but not of the audit's end"))),
    }
}

fn in_chain(store: &Store, head: AuditHead) -> Result<(), CliError> {
    let AuditHead { seq, hash } = head;
    let broken = |why: String| Err(CliError::Failed(format!("the audit chain {why}")));
    match store.audit_hash(seq).map_err(CliError::failed)? {
        Some(found) if found == hash => Ok(()),
        Some(found) => broken(rewritten(seq, found, hash)),
        None => broken(format!("was cut off: row {seq} was signed, and is not there any more")),
    }
}

fn rewritten(seq: i64, found: Sha256, signed: Sha256) -> String {
    format!("was rewritten: row {seq} has the hash {found}, and {signed} was signed")
}
