//! What the host tells the rest of the platform about its matches.

use std::sync::Arc;

use lattice_policies::{MatchId, Sha256, isolation::Isolation};
use lattice_surface::Level;

use crate::{fault::Fault, matches::Written, snapshot::Snapshot};

/// Receives what happens in matches. Called on the threads that run them, between ticks, so it
/// must hand things on and return: whoever blocks here makes ticks late.
pub trait Reports: Send + Sync {
    /// The sim's `init` has ended well. Of a native sim, behind which barriers.
    fn started(&self, id: &MatchId, isolation: Option<&Isolation>);
    /// The match goes on before that tick, as it was left by a host that has ended; a native one behind
    /// these barriers.
    fn resumed(&self, id: &MatchId, tick: i64, isolation: Option<&Isolation>);
    /// Lines that the sim logged in one call.
    fn logs(&self, id: &MatchId, lines: Vec<LogLine>);
    /// What came to a match's input log, behind what came before.
    fn inputs(&self, id: &MatchId, chunk: InputChunk);
    /// The match as it stood between two ticks; all inputs before that were reported. `false` if
    /// there is no room for it now.
    fn snapshot(&self, id: &MatchId, snapshot: &Arc<Snapshot>) -> bool;
    /// The host is going down, and the match stands still before that tick; nothing follows.
    fn rested(&self, id: &MatchId, tick: i64);
    /// The match is over; nothing follows.
    fn ended(&self, id: &MatchId, end: MatchEnd);
}

/// A line of a sim's log. The text is the guest's and not escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The tick that wrote it; -1 before tick 0.
    pub tick: i64,
    pub level: Level,
    pub text: String,
}

/// What came to a match's input log.
#[derive(Debug)]
pub struct InputChunk {
    /// Whole records, as `lattice_surface::Records` reads them; none if nothing came in.
    pub bytes: Vec<u8>,
    /// The last tick that was run, or a later one under a strict log. Into those up to it, nothing
    /// that anybody noticed comes but what was reported.
    pub mark: i64,
    /// To be told when both are durable, under a strict log: what the match says waits for it.
    pub written: Option<Written>,
}

/// How a match ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The sim said so.
    Finished,
    /// It was asked for.
    Stopped,
    Faulted(Fault),
    /// It could not go on where a host before this one had left it.
    Lost {
        why: String,
    },
}

/// The last word on a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchEnd {
    pub outcome: Outcome,
    /// Ticks that ran and count.
    pub ticks: i64,
    pub result: Option<Vec<u8>>,
    /// Fuel used over the whole match, `init` included.
    pub fuel: u64,
    /// Periods in which no tick ran because the match was behind.
    pub dropped_periods: u64,
    /// Log lines that were over a quota.
    pub dropped_log_lines: u64,
    /// The barriers around a native sim whose `init` failed: its start was never told.
    pub isolation: Option<Isolation>,
    /// `None` if the host failed in it.
    pub proof: Option<EndProof>,
}

/// What a match came to, and what ran it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndProof {
    /// The chain of all that the sim said.
    pub transcript: Sha256,
    /// The last state, if the match's inputs are logged, its module's state can be taken out, and
    /// its last call did not fault.
    pub state: Option<Sha256>,
    /// What was compiled of the module.
    pub runs: Sha256,
    /// Names the engine, its settings and the policy.
    pub fingerprint: Sha256,
}
