//! The fetches of one match that are on their way: handed to the game's gate after each tick, and
//! cancelled when the match is gone.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use lattice_surface::{Fetch, SharedRules, Surface, response_payload};

use super::{
    LiveMatch,
    held::{Due, Held},
};
use crate::egress::{FetchHandle, FetchOrder, FetchOutcome, Gate};

pub(super) struct OpenFetches {
    gate: Arc<Gate>,
    /// By the sim's number. Dropping a handle cancels its fetch.
    open: BTreeMap<u32, FetchHandle>,
    /// Those that wait for the log, with the ticks that asked for them.
    waiting: VecDeque<(Due, i64, Fetch)>,
}

impl OpenFetches {
    pub(super) fn new(gate: Arc<Gate>) -> Self {
        let (open, waiting) = Default::default();
        Self { gate, open, waiting }
    }

    /// What the sim may fetch, as of now.
    pub(super) fn rules(&self) -> Arc<SharedRules> {
        Arc::clone(self.gate.rules())
    }

    /// Hands on what the sim asked for in the call that has just ended, and counts it in the
    /// match's status. A response comes back through the match's inbox. Where the log is waited
    /// for, the call's record has to be handed on next.
    pub(super) fn hand_on(
        &mut self,
        surface: &mut Surface,
        live: &LiveMatch,
        tick: i64,
        held: Option<&Held>,
    ) {
        let refused = surface.take_refused();
        let fetches = surface.take_fetches();
        if refused.is_empty() && fetches.is_empty() {
            return;
        }
        {
            let mut status = live.edit();
            status.fetches_refused += refused.iter().map(|refused| refused.count).sum::<u64>();
            status.fetches_sent += fetches.len() as u64;
        }
        self.gate.refused(live.id(), tick, refused);
        for fetch in fetches {
            match held {
                None => self.submit(fetch, live, tick),
                Some(held) => {
                    self.waiting.push_back((held.due_with_next(tick), tick, fetch));
                }
            }
        }
    }

    /// Lets go the fetches whose records are durable.
    pub(super) fn release(&mut self, held: &Held, live: &LiveMatch) {
        let is_met = |(due, ..): &mut (Due, i64, Fetch)| held.is_met(*due);
        while let Some((_, tick, fetch)) = self.waiting.pop_front_if(is_met) {
            self.submit(fetch, live, tick);
        }
    }

    fn submit(&mut self, fetch: Fetch, live: &LiveMatch, tick: i64) {
        let (id, inbox) = (fetch.id, live.clone());
        // Put together on the egress's thread: a tick must not wait for a megabyte's copy.
        let reply = Box::new(move |outcome: FetchOutcome| {
            let payload = response_payload(&outcome.headers, &outcome.body);
            inbox.inbox().respond(id, outcome.status, payload);
        });
        let order = FetchOrder { match_id: live.id().clone(), tick, fetch, reply };
        self.open.insert(id, self.gate.submit(order));
    }

    /// A fetch's response has been taken out of the inbox.
    pub(super) fn ended(&mut self, id: u32) {
        self.open.remove(&id);
    }

    pub(super) fn in_flight(&self) -> u32 {
        (self.open.len() + self.waiting.len()) as u32
    }
}
