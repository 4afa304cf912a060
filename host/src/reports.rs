//! What the host tells the rest of the platform about its matches.

use lattice_policies::MatchId;
use lattice_surface::Level;

use crate::fault::Fault;

/// Receives what happens in matches. Called on the threads that run them, between ticks, so it
/// must hand things on and return: whoever blocks here makes ticks late.
pub trait Reports: Send + Sync {
    /// The sim's `init` has ended well.
    fn started(&self, id: &MatchId);
    /// Lines that the sim logged in one call.
    fn logs(&self, id: &MatchId, lines: Vec<LogLine>);
    /// Records that came to a match's input log, behind those before.
    fn inputs(&self, id: &MatchId, chunk: InputChunk);
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

/// Whole records of a match's input log, as `lattice_surface::Records` reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputChunk {
    pub bytes: Vec<u8>,
}

/// How a match ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The sim said so.
    Finished,
    /// It was asked for.
    Stopped,
    Faulted(Fault),
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
}
