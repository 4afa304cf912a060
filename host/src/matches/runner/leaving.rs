//! How a runner's match ends, or stands still until the next start. Never decides when.

use std::time::Instant;

use lattice_surface::LoggedCall;

use super::{
    super::{CloseReason, recorder},
    COPIED_HERE, Next, Runner,
};
use crate::{
    fault::{Fault, FaultKind},
    reports::Outcome,
};

impl Runner {
    /// The host goes down. A match that its log can bring back stands still here; any other ends,
    /// without asking the sim.
    pub(crate) fn leave_off(self: Box<Self>) {
        match self.ending.registry.stopping() {
            Some(stopping) if stopping.rests && self.recorder.is_on() => self.rest(stopping.until),
            _ => self.end_here(Outcome::Stopped, LoggedCall::Tick),
        }
    }

    pub(super) fn shut_down(mut self: Box<Self>) -> Next {
        let result = self.guest.shutdown();
        self.moment.fuel += self.guest.fuel_used();
        self.ending.report_log(&mut self.guest, self.moment.tick);
        self.hand_on();
        self.ending.live.edit().record_fuel(self.guest.fuel_used());
        let tick = Some(self.moment.tick);
        let outcome =
            result.map_or_else(|fault| Outcome::Faulted(fault.at(tick)), |()| Outcome::Stopped);
        self.end(outcome, LoggedCall::Shutdown)
    }

    /// Ends the match after that call, aside if its last state takes long to copy.
    pub(super) fn end(mut self: Box<Self>, outcome: Outcome, call: LoggedCall) -> Next {
        let has_state = self.recorder.is_on() && !matches!(outcome, Outcome::Faulted(_));
        if has_state && self.guest.memory_bytes() > COPIED_HERE {
            self.ended = Some((outcome, call));
            return Next::Aside(self);
        }
        self.end_here(outcome, call);
        Next::Ended
    }

    /// Ends the match: its log is closed, its slot given back, its players are told, then
    /// everybody else.
    pub(super) fn end_here(mut self: Box<Self>, outcome: Outcome, call: LoggedCall) {
        let Self { guest, seats, ending, recorder, moment, .. } = &mut *self;
        recorder.end(moment.tick, recorder::ending(&outcome, call), guest.surface());
        recorder.flush(moment.tick, &ending.live, &*ending.registry.reports);
        let has_state = recorder.is_on() && !matches!(outcome, Outcome::Faulted(_));
        let last = has_state.then(|| guest.copy(*moment)).flatten();
        let bytes = guest.memory_bytes();
        let result = guest.surface().result().map(<[u8]>::to_vec);
        ending.transcript = Some(guest.surface().transcript());
        seats.close(ending.registry.close_reason(&outcome));
        seats.hand_on(moment.tick - 1);
        ending.outcome = Some((outcome, result));
        let Self { guest, ending, .. } = *self;
        drop(guest);
        ending.tell(last, bytes);
    }

    /// Stands still until the next start: what came in is handed on, and the match as it is.
    fn rest(mut self: Box<Self>, until: Instant) {
        let copy = self.copy();
        self.flush();
        self.seats.close(CloseReason::HostStopping);
        self.seats.hand_on(self.moment.tick - 1);
        let Self { guest, ending, moment, .. } = *self;
        drop(guest);
        ending.rest(copy, moment.tick, until);
    }
}

/// The end of a match that waits for its log, where that was cut.
pub(super) fn log_lost(tick: i64) -> Fault {
    let why = "the match's input log is cut, and policy lets nothing leave that is not in it";
    Fault::new(FaultKind::Host, "log", why).at(Some(tick))
}
