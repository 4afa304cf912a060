//! The recorder of one match: what came into its ticks, as the records of its input log, handed on
//! in chunks. Never waits for the disk, and never decides what came in.

use std::time::{Duration, Instant};

use lattice_surface::{
    Event, LoggedCall, LoggedEnd, LoggedEnding, Record, Segment, Surface, TickInputs,
};

use super::LiveMatch;
use crate::{
    fault::{Fault, FaultKind},
    reports::{InputChunk, Outcome, Reports},
};

/// A chunk is handed on when it has so many bytes, or is as old as policy allows.
const CHUNK_BYTES: usize = 64 << 10;

/// The records that are not handed on yet.
pub(super) struct Recorder {
    /// `None` if nothing is recorded.
    patience: Option<Duration>,
    /// Given to the tick at hand.
    events: Vec<Event>,
    bytes: Vec<u8>,
    /// What was handed on last, and when.
    marked: i64,
    flushed: Instant,
}

impl Recorder {
    /// A recorder that hands on a record after `patience` at the latest; `None` records nothing.
    /// It begins with those records, of a match whose last tick was `marked`.
    pub(super) fn new(patience: Option<Duration>, records: &[Record], marked: i64) -> Self {
        let (events, bytes) = Default::default();
        let mut recorder = Self { patience, events, bytes, marked, flushed: Instant::now() };
        for record in records {
            recorder.put(record);
        }
        recorder
    }

    pub(super) fn is_on(&self) -> bool {
        self.patience.is_some()
    }

    /// An event that the sim was given for the tick at hand.
    pub(super) fn event(&mut self, event: Event) {
        if self.patience.is_some() {
            self.events.push(event);
        }
    }

    /// The tick has ended, well or not. One into which nothing came leaves no record.
    pub(super) fn tick(&mut self, tick: i64, surface: &Surface) {
        let codes = surface.codes();
        if self.patience.is_none() || self.events.is_empty() && codes.is_empty() {
            return;
        }
        let events = std::mem::take(&mut self.events);
        let (codes, transcript) = (codes.to_vec(), surface.transcript());
        self.put(&Record::Inputs(TickInputs { tick, events, codes, transcript }));
    }

    /// The match has ended after so many ticks that count.
    pub(super) fn end(&mut self, ticks: i64, ending: LoggedEnding, surface: &Surface) {
        let transcript = surface.transcript();
        self.put(&Record::End(LoggedEnd { ticks, ending, transcript }));
    }

    /// The match goes on as another module, or under another engine.
    pub(super) fn segment(&mut self, segment: Segment) {
        self.put(&Record::Segment(segment));
    }

    /// Hands on what is due now, before tick `next`.
    pub(super) fn flush_due(
        &mut self,
        next: i64,
        now: Instant,
        live: &LiveMatch,
        reports: &dyn Reports,
    ) {
        let waited = now.saturating_duration_since(self.flushed);
        let is_due = self.patience.is_some_and(|patience| waited >= patience);
        if is_due || self.bytes.len() >= CHUNK_BYTES {
            self.flush(next, live, reports);
            self.flushed = now;
        }
    }

    /// Hands on all that there is, and that every tick before `next` was run.
    pub(super) fn flush(&mut self, next: i64, live: &LiveMatch, reports: &dyn Reports) {
        let mark = next - 1;
        if self.is_on() && (mark > self.marked || !self.bytes.is_empty()) {
            self.marked = mark;
            let bytes = std::mem::take(&mut self.bytes);
            reports.inputs(live.id(), InputChunk { bytes, mark });
        }
    }

    fn put(&mut self, record: &Record) {
        if self.is_on() {
            record.encode(&mut self.bytes);
        }
    }
}

/// How an outcome stands in the log. `call` is the last into the guest.
pub(super) fn ending(outcome: &Outcome, call: LoggedCall) -> LoggedEnding {
    match outcome {
        Outcome::Finished => LoggedEnding::Finished,
        Outcome::Stopped if call == LoggedCall::Shutdown => LoggedEnding::ShutDown,
        Outcome::Stopped | Outcome::Lost { .. } => LoggedEnding::Stopped,
        Outcome::Faulted(fault) => fault_ending(fault, call),
    }
}

/// What the machine had a part in can't be met again.
pub(super) fn fault_ending(fault: &Fault, call: LoggedCall) -> LoggedEnding {
    let kind = fault.kind.as_str().to_owned();
    match fault.kind {
        FaultKind::Deadline | FaultKind::Memory | FaultKind::Host => LoggedEnding::Cut { kind },
        FaultKind::Trap | FaultKind::Fuel | FaultKind::Stack | FaultKind::Sim => {
            LoggedEnding::Faulted { call, kind }
        }
    }
}
