//! Signed ends of the audit's chain, held against the chain. Never checks the chain itself.

use std::{collections::BTreeSet, fs, path::PathBuf};

use lattice_store::{AuditHead, Page, SignedHead, Store};

use super::CliError;
use crate::receipt::{self, BadReceipt, Predicate, PublicKey, Statement};

/// What the signed heads came to; each of them is in the chain.
#[derive(Default)]
pub(super) struct Heads {
    /// The last row that one of them names.
    pub(super) last: Option<i64>,
    /// The keys that are named and not known, so that those signatures are not checked.
    pub(super) unknown: BTreeSet<String>,
}

/// Holds every head that the store keeps, and those of the files, against the chain. One of a file
/// must be signed by a known key.
pub(super) fn check(
    store: &Store,
    keys: &[PublicKey],
    files: &[PathBuf],
) -> Result<Heads, CliError> {
    let mut heads = Heads::default();
    let mut page = Page::first(Page::MOST);
    loop {
        let listed = store.audit_heads(&page).map_err(CliError::failed)?;
        let Some(oldest) = listed.last() else { break };
        page.after = Some(oldest.head.seq.to_string());
        listed.iter().try_for_each(|signed| heads.kept(store, keys, signed))?;
    }
    for path in files {
        let receipt = fs::read(path).map_err(CliError::unreadable(path))?;
        let name = path.display().to_string();
        let statement = receipt::verify(&receipt, keys).map_err(|error| bad(&name, &error))?;
        heads.add(store, head(statement, &name)?)?;
    }
    Ok(heads)
}

impl Heads {
    /// A head that the store keeps. A restored database comes without the keys that signed in it;
    /// what such a head says is held against the chain all the same.
    fn kept(
        &mut self,
        store: &Store,
        keys: &[PublicKey],
        signed: &SignedHead,
    ) -> Result<(), CliError> {
        let (receipt, name) =
            (signed.envelope.as_bytes(), format!("the signed row {}", signed.head.seq));
        let statement = match receipt::verify(receipt, keys) {
            Err(BadReceipt::UnknownKey(key)) => {
                self.unknown.insert(key);
                receipt::peek(receipt).map(|(statement, _)| statement)
            }
            verified => verified,
        };
        let head = head(statement.map_err(|error| bad(&name, &error))?, &name)?;
        if head == signed.head {
            return self.add(store, head);
        }
        Err(CliError::Failed(format!("{name}: what was signed is row {}", head.seq)))
    }

    fn add(&mut self, store: &Store, head: AuditHead) -> Result<(), CliError> {
        let AuditHead { seq, hash } = head;
        let broken = |why: String| Err(CliError::Failed(format!("the audit chain was {why}")));
        match store.audit_hash(seq).map_err(CliError::failed)? {
            Some(found) if found == hash => {
                self.last = self.last.max(Some(seq));
                Ok(())
            }
            Some(found) => {
                broken(format!("rewritten: row {seq} has the hash {found}, and {hash} was signed"))
            }
            None => broken(format!("cut off: row {seq} was signed, and is not there any more")),
        }
    }
}

fn head(statement: Statement, name: &str) -> Result<AuditHead, CliError> {
    match statement.predicate {
        Predicate::AuditHead(head) => {
            Ok(AuditHead { seq: head.seq, hash: statement.subject.sha256 })
        }
        _ => Err(CliError::Failed(format!("{name} is a receipt, but not of the audit's end"))),
    }
}

fn bad(name: &str, error: &BadReceipt) -> CliError {
    CliError::Failed(format!("{name}: {error} (the keys are keys/*.pub in the data folder)"))
}
