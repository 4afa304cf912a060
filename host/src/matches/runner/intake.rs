//! What a runner's match is given between two ticks: what came in from outside, as events in their
//! order. Never runs a tick.

use std::time::{Duration, Instant};

use lattice_policies::PlayerId;
use lattice_surface::Event;

use super::{
    super::{CloseReason, MatchState, inbox::Input},
    Runner,
};

impl Runner {
    /// Turns what came in since the last tick into events, in order.
    pub(super) fn take_inputs(&mut self, now: Instant) {
        let grace = Duration::from_millis(self.limits.reconnect_grace_ms.into());
        for player in self.seats.take_gone(grace, now) {
            self.leave(player, 0);
        }
        let mut inputs = std::mem::take(&mut self.inputs);
        self.ending.live.inbox().take(&mut inputs);
        for input in inputs.drain(..) {
            self.take_input(input, now);
        }
        self.inputs = inputs;
    }

    fn take_input(&mut self, input: Input, now: Instant) {
        match input {
            Input::Connect { player, name, queue } => {
                if self.ending.live.inbox().is_barred(player) {
                    queue.close(CloseReason::Kicked(0));
                } else if self.seats.connect(player, queue) {
                    self.push(Event::Join { player, about: name });
                }
            }
            Input::Disconnect { player, link } => self.seats.disconnect(player, link, now),
            Input::Message { player, link, bytes } => {
                if self.seats.is_link(player, link) {
                    self.push(Event::Message { player, bytes });
                }
            }
            Input::Response { id, status, payload } => {
                self.fetches.ended(id);
                self.push(Event::Response { id, status, payload });
            }
            Input::Stop => self.ask_to_stop(),
            Input::HandOver(to) => self.asked_for.push_back(to),
        }
    }

    fn ask_to_stop(&mut self) {
        if self.moment.ends_at.is_some() {
            return;
        }
        let ticks = u64::from(self.limits.stop_grace_ms) * u64::from(self.tick_hz) / 1_000;
        let ticks_left = i32::try_from(ticks).unwrap_or(i32::MAX).max(1);
        self.moment.ends_at = Some(self.moment.tick + i64::from(ticks_left));
        self.push(Event::Stop { ticks_left });
        self.show(MatchState::Stopping);
    }

    fn push(&mut self, event: Event) {
        match self.guest.surface().push(event.clone()) {
            Ok(()) => self.recorder.event(event),
            Err(_) => self.ending.live.edit().dropped_messages += 1,
        }
    }

    fn leave(&mut self, player: PlayerId, reason: i32) {
        self.ending.live.inbox().bar(player);
        self.push(Event::Leave { player, reason });
    }
}
