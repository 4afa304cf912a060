//! How matches end, with all that is kept of it: the row, its audit, its receipt.

use lattice_policies::{GameId, MatchId, Sha256, isolation::Isolation};
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::{
    Actor, MatchState, Store, StoreError, audit,
    columns::{json as canonical, now, parsed},
    inputs, isolation,
    matches::{self, audit_match},
    receipts::{self, LogFacts, MatchFacts, SignMatch},
    snapshots,
};

/// How a match ended.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchEnd {
    /// `Finished`, `Stopped` or `Faulted`.
    pub state: MatchState,
    /// Ticks that were run.
    pub ticks: i64,
    pub fault: Option<Value>,
    pub result: Option<Vec<u8>>,
    pub figures: Option<Value>,
    /// The barriers that stood around a native sim, if they were not kept at its start.
    pub isolation: Option<Isolation>,
    /// `None` for one that never ran.
    pub proof: Option<EndProof>,
}

/// By what another run of the same match can be compared with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndProof {
    /// The end of the chain of all that the sim said.
    pub transcript: Sha256,
    /// Of the state after the last tick, where a snapshot of the module can be taken.
    pub state: Option<Sha256>,
    /// Of what was compiled of the module, in the last segment.
    pub runs: Sha256,
    /// Of the engine and the policy that ran the last segment.
    pub fingerprint: Sha256,
}

impl Store {
    /// Keeps how a match ended, and its receipt if one is to be made; `false` if it had ended
    /// before.
    pub fn end_match(
        &self,
        id: &MatchId,
        end: &MatchEnd,
        receipt: Option<SignMatch<'_>>,
    ) -> Result<bool, StoreError> {
        self.write(|tx| {
            let Some(game) = settle(tx, id, end)? else { return Ok(false) };
            snapshots::forget_unused_pages(tx, id)?;
            let log = inputs::facts(tx, id)?;
            let outcome = end.state.text();
            let detail = isolation::told(detail(end, log), end.isolation.as_ref());
            audit_match(tx, &Actor::system(), "match.end", (id, &game), outcome, detail)?;
            if let Some(sign) = receipt {
                let (run, audit) = (&matches::must_find(tx, id)?, audit::head(tx)?);
                receipts::keep_match(tx, &MatchFacts { run, end, log, audit }, sign)?;
            }
            Ok(true)
        })
    }

    /// Marks as lost a match that cannot be taken up again, and why; `false` if it has ended. It
    /// gets no receipt.
    pub fn lose(&self, id: &MatchId, why: &str) -> Result<bool, StoreError> {
        self.write(|tx| {
            let lost = tx
                .prepare_cached(
                    "UPDATE match_run SET state = 'lost', ended_at = ?2
                     WHERE id = ?1 AND ended_at IS NULL RETURNING game",
                )?
                .query_and_then([id.as_str(), &now()], |row| parsed(row, "game"))?
                .next()
                .transpose()?;
            let Some(game) = lost else { return Ok(false) };
            snapshots::forget_unused_pages(tx, id)?;
            let log = inputs::facts(tx, id)?.map(summary);
            let detail = json!({ "Why": why, "InputLog": log });
            audit_match(tx, &Actor::system(), "match.end", (id, &game), "lost", detail)?;
            Ok(true)
        })
    }
}

/// The game of the match that ends now.
fn settle(tx: &Connection, id: &MatchId, end: &MatchEnd) -> Result<Option<GameId>, StoreError> {
    let values = params![
        id.as_str(),
        end.state.text(),
        end.ticks,
        end.fault.as_ref().map(canonical),
        end.result,
        end.figures.as_ref().map(canonical),
        now(),
        end.isolation.as_ref().map(isolation::text),
    ];
    tx.prepare_cached(
        "UPDATE match_run SET state = ?2, ticks = ?3, fault = ?4, result = ?5, figures = ?6,
            ended_at = ?7, isolation = coalesce(isolation, ?8)
         WHERE id = ?1 AND ended_at IS NULL RETURNING game",
    )?
    .query_and_then(values, |row| parsed(row, "game"))?
    .next()
    .transpose()
}

/// What the audit keeps of an end.
fn detail(end: &MatchEnd, log: Option<LogFacts>) -> Value {
    json!({
        "Ticks": end.ticks,
        "Fault": end.fault,
        "Figures": end.figures,
        "ResultSha256": end.result.as_deref().map(|bytes| Sha256::of(bytes).to_string()),
        "InputLog": log.map(summary),
        "Proof": end.proof.map(proof),
    })
}

fn summary(log: LogFacts) -> Value {
    json!({ "Bytes": log.bytes, "Hash": log.hash.to_string(), "Cut": log.cut })
}

fn proof(proof: EndProof) -> Value {
    json!({
        "Transcript": proof.transcript.to_string(),
        "State": proof.state.map(|state| state.to_string()),
        "Runs": proof.runs.to_string(),
        "Fingerprint": proof.fingerprint.to_string(),
    })
}
