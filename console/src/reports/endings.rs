//! The end of a match on its way into the store, with its receipt.

use lattice_policies::{MatchId, Sha256};
use lattice_store::{EndProof, MatchEnd, MatchFacts, Store, StoreError};

use crate::receipt::{HostKey, Played, sign_match};

/// Keeps how a match ended. One that ran gets a receipt in the same transaction.
pub(super) fn write(
    store: &Store,
    key: &HostKey,
    id: &MatchId,
    end: &MatchEnd,
) -> Result<(), StoreError> {
    let Some(proof) = end.proof else { return store.end_match(id, end, None).map(drop) };
    let played = played(store, id, proof)?;
    let sign = |facts: &MatchFacts<'_>| sign_match(key, facts, &played);
    store.end_match(id, end, Some(&sign)).map(drop)
}

/// The inputs came before the end, so the log is whole by now.
fn played(store: &Store, id: &MatchId, proof: EndProof) -> Result<Played, StoreError> {
    let config = store.match_config(id)?.unwrap_or_default();
    let segments = store.segments(id)?;
    Ok(Played { proof, config: Sha256::of(&config), segments, log: log(store, id)? })
}

/// The digest of the log as it reads back. One that does not is not vouched for.
fn log(store: &Store, id: &MatchId) -> Result<Option<Sha256>, StoreError> {
    match store.inputs(id) {
        Err(StoreError::Corrupt(why)) => {
            tracing::error!(%id, why, "the match's receipt names no input log");
            Ok(None)
        }
        log => Ok(log?.map(|bytes| Sha256::of(&bytes))),
    }
}
