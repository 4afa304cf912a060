//! The end of a match on its way into the store: as the store keeps it, and with its receipt.

use lattice_host::{Fault, Outcome};
use lattice_policies::{MatchId, Sha256, escape::guest_text};
use lattice_store::{EndProof, MatchEnd, MatchFacts, MatchState, Store, StoreError};
use serde_json::{Value, json};

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

/// A match's end as the store keeps it.
pub(super) fn stored(end: lattice_host::MatchEnd) -> MatchEnd {
    let figures = json!({
        "Fuel": end.fuel,
        "DroppedPeriods": end.dropped_periods,
        "DroppedLogLines": end.dropped_log_lines,
    });
    let (state, fault) = match &end.outcome {
        Outcome::Finished => (MatchState::Finished, None),
        Outcome::Stopped | Outcome::Lost { .. } => (MatchState::Stopped, None),
        Outcome::Faulted(fault) => (MatchState::Faulted, Some(fault_json(fault))),
    };
    let (ticks, result) = (end.ticks, end.result);
    let proof = end.proof.map(|proof| EndProof {
        transcript: proof.transcript,
        state: proof.state,
        runs: proof.runs,
        fingerprint: proof.fingerprint,
    });
    let (figures, isolation) = (Some(figures), end.isolation);
    MatchEnd { state, ticks, fault, result, figures, isolation, proof }
}

/// A fault as answers and the audit show it.
fn fault_json(fault: &Fault) -> Value {
    let frames = fault.frames.iter().map(|frame| match frame.offset {
        Some(offset) => json!({ "Function": frame.function, "Offset": offset }),
        None => json!({ "Function": frame.function }),
    });
    let detail = guest_text(fault.detail.as_bytes(), 512);
    json!({
        "Kind": fault.kind.as_str(),
        "Entry": fault.entry,
        "Tick": fault.tick,
        "Detail": detail,
        "Frames": frames.collect::<Vec<_>>(),
    })
}
