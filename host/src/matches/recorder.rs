//! The recorder of one match: what came into its ticks, as the records of its input log, handed on
//! in chunks. Never waits for the disk, and never decides what came in.

use std::time::{Duration, Instant};

use lattice_policies::policy::{LogMode, MatchLimits};
use lattice_surface::{
    Event, LoggedCall, LoggedEnd, LoggedEnding, Record, Segment, Surface, TickInputs,
};

use super::{
    LiveMatch,
    held::{Held, Pass},
};
use crate::{
    fault::{Fault, FaultKind},
    reports::{InputChunk, Outcome, Reports},
};

/// A chunk is handed on when it has so many bytes, or is as old as policy allows.
const CHUNK_BYTES: usize = 64 << 10;

/// The records that are not handed on yet.
pub(super) struct Recorder {
    mode: Mode,
    /// Given to the tick at hand.
    events: Vec<Event>,
    bytes: Vec<u8>,
    /// What was handed on last, and when.
    marked: i64,
    flushed: Instant,
}

/// When records are handed on.
enum Mode {
    /// None is made.
    Off,
    /// After so long at the latest.
    Relaxed(Duration),
    /// After each tick that has some. The mark is kept so many ticks ahead: what leaves waits for it.
    Strict { held: Held, ahead: i64 },
}

impl Mode {
    fn new(limits: &MatchLimits, tick_hz: u16, marked: i64) -> Self {
        match limits.log {
            LogMode::Off => Self::Off,
            LogMode::Relaxed => Self::Relaxed(Duration::from_millis(limits.log_delay_ms.into())),
            LogMode::Strict => {
                let ahead = ticks_in(limits.log_ahead_ms, tick_hz);
                Self::Strict { held: Held::new(marked), ahead }
            }
        }
    }
}

impl Recorder {
    /// A recorder that begins with those records, of a match whose last tick was `marked`.
    pub(super) fn new(limits: &MatchLimits, tick_hz: u16, records: &[Record], marked: i64) -> Self {
        let (mode, flushed) = (Mode::new(limits, tick_hz, marked), Instant::now());
        let (events, bytes) = Default::default();
        let mut recorder = Self { mode, events, bytes, marked, flushed };
        for record in records {
            recorder.put(record);
        }
        recorder
    }

    pub(super) fn is_on(&self) -> bool {
        !matches!(self.mode, Mode::Off)
    }

    /// What waits for the log, if anything has to.
    pub(super) fn held(&self) -> Option<&Held> {
        match &self.mode {
            Mode::Strict { held, .. } => Some(held),
            Mode::Off | Mode::Relaxed(_) => None,
        }
    }

    /// Whether the log lets `tick` run while so many bytes may wait for it.
    pub(super) fn pass(&self, tick: i64, most_bytes: u32) -> Pass {
        match &self.mode {
            Mode::Strict { held, ahead } => held.pass(tick, most_bytes as usize, *ahead),
            Mode::Off | Mode::Relaxed(_) => Pass::Free,
        }
    }

    /// An event that the sim was given for the tick at hand.
    pub(super) fn event(&mut self, event: Event) {
        if self.is_on() {
            self.events.push(event);
        }
    }

    /// The tick has ended, well or not. One into which nothing came leaves no record.
    pub(super) fn tick(&mut self, tick: i64, surface: &Surface) {
        let codes = surface.codes();
        if !self.is_on() || self.events.is_empty() && codes.is_empty() {
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
        let (waited, last) = (now.saturating_duration_since(self.flushed), next - 1);
        let mark = match &self.mode {
            Mode::Relaxed(patience) if waited >= *patience => last,
            Mode::Relaxed(_) if self.bytes.len() >= CHUNK_BYTES => last,
            // The next mark is asked for when half of what is left of this one is used up.
            Mode::Strict { ahead, .. }
                if !self.bytes.is_empty() || self.marked - last <= ahead / 2 =>
            {
                last + ahead
            }
            Mode::Off | Mode::Relaxed(_) | Mode::Strict { .. } => return,
        };
        self.hand_on(mark, live, reports);
        self.flushed = now;
    }

    /// Hands on all that there is, and that every tick before `next` was run.
    pub(super) fn flush(&mut self, next: i64, live: &LiveMatch, reports: &dyn Reports) {
        self.hand_on(next - 1, live, reports);
    }

    fn hand_on(&mut self, mark: i64, live: &LiveMatch, reports: &dyn Reports) {
        let mark = mark.max(self.marked);
        if self.is_on() && (mark > self.marked || !self.bytes.is_empty()) {
            self.marked = mark;
            let bytes = std::mem::take(&mut self.bytes);
            let written = self.held().map(|held| held.hand_on(mark));
            reports.inputs(live.id(), InputChunk { bytes, mark, written });
        }
    }

    fn put(&mut self, record: &Record) {
        if self.is_on() {
            record.encode(&mut self.bytes);
        }
    }
}

/// The whole ticks in that time, at least one; none in no time.
pub(super) fn ticks_in(ms: u32, tick_hz: u16) -> i64 {
    let ticks = i64::from(ms) * i64::from(tick_hz) / 1_000;
    ticks.max(i64::from(ms > 0))
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
        FaultKind::Deadline
        | FaultKind::Ring
        | FaultKind::Killed
        | FaultKind::Memory
        | FaultKind::Host => LoggedEnding::Cut { kind },
        FaultKind::Trap
        | FaultKind::Fuel
        | FaultKind::Stack
        | FaultKind::SystemCall
        | FaultKind::Sim => LoggedEnding::Faulted { call, kind },
    }
}
