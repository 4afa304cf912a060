//! A recording: a match as it was just played, as an input log whose hashes are those of what was
//! played. Where it is replayed on the other twin, the first tick that differs is found.
//!
//! Has an entry for each tick into which something came or in which the sim said something, so that
//! a difference is found in its tick. Never plays, and never writes a file.

use std::collections::BTreeMap;

use lattice_policies::Sha256;
use lattice_surface::{LoggedCall, LoggedEnd, LoggedEnding, MatchHeader, Record, TickInputs};

use crate::{Called, Course};

/// What was heard of a match that is being played.
#[derive(Debug)]
pub struct Recording {
    header: MatchHeader,
    /// The chain after `init`, and after each later call in which something was said.
    chain: Vec<(i64, Sha256)>,
    last: Option<(i64, Course)>,
}

impl Recording {
    pub fn new(header: MatchHeader) -> Self {
        Self { header, chain: Vec::new(), last: None }
    }

    /// Takes down a call that has just been made.
    pub fn note(&mut self, called: &Called<'_>) {
        if self.chain.last().is_none_or(|(_, before)| *before != called.transcript) {
            self.chain.push((called.tick, called.transcript));
        }
        self.last = Some((called.tick, called.course.clone()));
    }

    /// The input log, of what came into the match as far as it was played. Without the end, it is
    /// one that is cut off.
    pub fn encode(&self, inputs: &[TickInputs], end: Option<&LoggedEnd>) -> Vec<u8> {
        let mut log = Vec::new();
        Record::Header(self.header.clone()).encode(&mut log);
        for entry in self.entries(inputs, end).into_values() {
            Record::Inputs(entry).encode(&mut log);
        }
        if let Some(end) = end {
            let transcript = self.after(end.ticks);
            Record::End(LoggedEnd { transcript, ..end.clone() }).encode(&mut log);
        }
        log
    }

    /// Whether the last call was the last of a match that ended so.
    pub fn ended_as(&self, end: &LoggedEnd) -> bool {
        let Some((tick, course)) = &self.last else { return false };
        let (last, faults) = match &end.ending {
            LoggedEnding::Finished => return self.last == Some((end.ticks - 1, Course::Finished)),
            LoggedEnding::Stopped => (end.ticks - 1, None),
            LoggedEnding::ShutDown => (end.ticks, None),
            LoggedEnding::Faulted { call: LoggedCall::Init, kind } => (-1, Some(kind)),
            LoggedEnding::Faulted { kind, .. } => (end.ticks, Some(kind)),
            LoggedEnding::Cut { .. } => return false,
        };
        let fault = match course {
            Course::Faulted(kind) => Some(kind),
            Course::GoesOn | Course::Finished => None,
        };
        *tick == last && fault == faults
    }

    /// An entry for each tick that was played and in which anything came in or was said.
    fn entries(&self, inputs: &[TickInputs], end: Option<&LoggedEnd>) -> BTreeMap<i64, TickInputs> {
        let last = self.last.as_ref().map_or(i64::MIN, |(tick, _)| *tick);
        // What was said behind the last tick stands in the end.
        let ticks = end.map_or(i64::MAX, |end| end.ticks);
        let said =
            self.chain.iter().filter(|(tick, _)| *tick < ticks).map(|&(tick, transcript)| {
                (tick, TickInputs { tick, events: Vec::new(), codes: Vec::new(), transcript })
            });
        let came = inputs.iter().filter(|inputs| inputs.tick <= last).map(|inputs| {
            let transcript = self.after(inputs.tick);
            (inputs.tick, TickInputs { transcript, ..inputs.clone() })
        });
        said.chain(came).collect()
    }

    /// The chain after that tick.
    fn after(&self, tick: i64) -> Sha256 {
        let behind = self.chain.partition_point(|(said, _)| *said <= tick);
        behind.checked_sub(1).map_or(Sha256([0; 32]), |at| self.chain[at].1)
    }
}
