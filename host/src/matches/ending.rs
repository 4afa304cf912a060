//! The end of a match, however it comes: told exactly once, after all that came before it.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use lattice_policies::{Sha256, isolation::Isolation};

use super::{CloseReason, LiveMatch, MatchState};
use crate::{
    fault::{Fault, FaultKind},
    fleet::{Registry, Stopping},
    guest::{Copy, Guest, Moment},
    program::Program,
    replay::Replayed,
    reports::{EndProof, LogLine, MatchEnd, Outcome},
};

/// Tells the end of a match when it is dropped, so that no way out of a runner, not even a
/// panic, leaves a match that nobody ends.
pub(super) struct Ending {
    pub(super) live: LiveMatch,
    pub(super) registry: Arc<Registry>,
    pub(super) outcome: Option<(Outcome, Option<Vec<u8>>)>,
    /// The transcript's chain at the end.
    pub(super) transcript: Option<Sha256>,
    state: Option<Sha256>,
    /// Around a native sim of whose start nobody was told.
    pub(super) isolation: Option<Isolation>,
    program: Program,
    /// The match has not ended: it goes on at the next start.
    rests: bool,
}

impl Ending {
    pub(super) fn new(live: LiveMatch, registry: Arc<Registry>, program: &Program) -> Self {
        let (outcome, transcript, state, isolation) = Default::default();
        let program = program.clone();
        Self { live, registry, outcome, transcript, state, isolation, program, rests: false }
    }

    /// The match goes on as another program.
    pub(super) fn runs(&mut self, program: &Program) {
        self.program = program.clone();
        self.live.runs(program);
    }

    pub(super) fn fault<T>(mut self, fault: Fault) -> Option<T> {
        self.outcome = Some((Outcome::Faulted(fault), None));
        None
    }

    /// The match could not go on where its host had left it.
    pub(super) fn lost<T>(mut self, why: String) -> Option<T> {
        self.outcome = Some((Outcome::Lost { why }, None));
        None
    }

    /// The match stays as a host before this one has left it.
    pub(super) fn left<T>(mut self) -> Option<T> {
        self.rests = true;
        None
    }

    /// The host goes down before the match has begun, or gone on.
    pub(super) fn not_begun(mut self, stopping: Stopping) {
        self.rests = stopping.rests;
        self.outcome = Some((Outcome::Stopped, None));
    }

    /// The match had ended after so many ticks, as its log says; a replay of it, where one is
    /// possible, says the rest.
    pub(super) fn had_ended(mut self, outcome: Outcome, ticks: i64, replayed: Option<Replayed>) {
        let fuel = replayed.as_ref().map_or(0, |replayed| replayed.fuel);
        self.live.edit().resume(&Moment { tick: ticks, ends_at: None, fuel });
        self.transcript = replayed.as_ref().map(|replayed| replayed.transcript);
        let has_state = !matches!(outcome, Outcome::Faulted(_));
        self.state = replayed.as_ref().filter(|_| has_state).and_then(|replayed| replayed.state);
        self.outcome = Some((outcome, replayed.and_then(|replayed| replayed.result)));
    }

    /// Tells the end, with the hash of the last state: aside, behind the match's snapshots.
    pub(super) fn tell(self, last: Option<Copy>, bytes: usize) {
        let registry = Arc::clone(&self.registry);
        registry.seals.run(if last.is_some() { bytes } else { 0 }, move || {
            let mut ending = self;
            ending.state = last.map(|last| last.seal().state());
        });
    }

    /// Leaves the match as it stands before that tick. Waits for room for the snapshot: nothing
    /// else is to be done any more, and without one the next start has to run the whole log again.
    pub(super) fn rest(mut self, copy: Option<Copy>, tick: i64, until: Instant) {
        const PAUSE: Duration = Duration::from_millis(5);
        let reports = Arc::clone(&self.registry.reports);
        // Nothing follows what is told here, so the snapshots before it are told first.
        self.registry.seals.settle();
        if let Some(snapshot) = copy.map(|copy| Arc::new(copy.seal())) {
            while !reports.snapshot(self.live.id(), &snapshot) && Instant::now() < until {
                thread::sleep(PAUSE);
            }
        }
        reports.rested(self.live.id(), tick);
        self.rests = true;
    }

    pub(super) fn report_log(&self, guest: &mut Guest, tick: i64) {
        let log = guest.surface().log();
        if log.is_empty() && log.dropped() == 0 {
            return;
        }
        self.live.edit().dropped_log_lines = log.dropped();
        let line =
            |line: lattice_surface::LogLine| LogLine { tick, level: line.level, text: line.text };
        let lines: Vec<_> = log.drain().into_iter().map(line).collect();
        if !lines.is_empty() {
            self.registry.reports.logs(self.live.id(), lines);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.rests {
            self.live.inbox().end(CloseReason::HostStopping);
            return self.registry.remove(self.live.id());
        }
        let panicked = || {
            let fault = Fault::new(FaultKind::Host, "host", "the host failed in this match's tick");
            (Outcome::Faulted(fault), None)
        };
        let (outcome, result) = self.outcome.take().unwrap_or_else(panicked);
        let reason = self.registry.close_reason(&outcome);
        let status = {
            let mut status = self.live.edit();
            status.state = MatchState::Ended;
            status.clone()
        };
        self.live.inbox().end(reason);
        let end = MatchEnd {
            outcome,
            ticks: status.ticks,
            result,
            fuel: status.fuel_total,
            dropped_periods: status.dropped_periods,
            dropped_log_lines: status.dropped_log_lines,
            isolation: self.isolation.take(),
            proof: self.transcript.map(|transcript| EndProof {
                transcript,
                state: self.state,
                runs: self.program.runs(),
                fingerprint: self.program.fingerprint(),
            }),
        };
        self.registry.reports.ended(self.live.id(), end);
        self.registry.remove(self.live.id());
    }
}
