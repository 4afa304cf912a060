//! A game's way out: its rules, its place in line, and what it was refused.
//! Called on tick threads, so nothing here waits.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Instant,
};

use bytes::Bytes;
use lattice_policies::{Code, GameId, MatchId, egress::Rules};
use lattice_surface::{Fetch, Refused, SharedRules};
use tokio::sync::oneshot;

use super::{
    FetchRecord,
    fetcher::{Fetcher, Job},
    lane::Lane,
    refusals::Refusals,
};
use crate::lock::lock;

/// A fetch that the rules allowed in the call, and whom to tell what came of it.
pub struct FetchOrder {
    pub match_id: MatchId,
    /// In which it was asked for.
    pub tick: i64,
    pub fetch: Fetch,
    /// Called once, on a thread of the egress or before [`Gate::submit`] returns, and not at all
    /// if the handle is dropped first.
    pub reply: Box<dyn FnOnce(FetchOutcome) + Send>,
}

/// What the sim is told of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOutcome {
    /// HTTP's status, or a [`Code`]'s value.
    pub status: i32,
    /// Lines `name: value\n`, names in lower case; none without a response.
    pub headers: Bytes,
    pub body: Bytes,
}

impl FetchOutcome {
    pub(super) fn code(code: Code) -> Self {
        Self { status: code.value(), headers: Bytes::new(), body: Bytes::new() }
    }
}

/// Holds a fetch; dropping it cancels the fetch and closes its connection.
#[must_use = "dropping the handle cancels the fetch"]
pub struct FetchHandle(
    #[allow(dead_code, reason = "its drop is the message")] oneshot::Sender<Infallible>,
);

/// One game's way out.
pub struct Gate {
    game: GameId,
    rules: Arc<SharedRules>,
    /// Of the rules that hold; `None` before any were set.
    revision: Mutex<Option<i64>>,
    pub(super) lane: Arc<Lane>,
    refusals: Mutex<Refusals>,
    fetcher: Arc<Fetcher>,
}

impl Gate {
    pub(super) fn new(game: GameId, fetcher: Arc<Fetcher>) -> Self {
        Self {
            game,
            rules: Arc::default(),
            revision: Mutex::default(),
            lane: Arc::default(),
            refusals: Mutex::default(),
            fetcher,
        }
    }

    pub fn game(&self) -> &GameId {
        &self.game
    }

    /// The rules that hold now; nothing is allowed before any were set.
    pub fn rules(&self) -> &Arc<SharedRules> {
        &self.rules
    }

    /// Sends a fetch on its way, or answers it at once with `RATE_LIMITED` if the queue is full.
    /// Never waits.
    pub fn submit(self: &Arc<Self>, order: FetchOrder) -> FetchHandle {
        let (handle, dropped) = oneshot::channel();
        match self.lane.enter(self.rules.get().limits()) {
            Some(turn) => {
                let gate = Arc::clone(self);
                self.fetcher.begin(Job { gate, order, turn, dropped, asked: Instant::now() });
            }
            None => self.answer_busy(&order.match_id, order.tick, order.reply),
        }
        FetchHandle(handle)
    }

    /// Counts requests that were refused in a call of the guest's.
    pub fn refused(
        &self,
        match_id: &MatchId,
        tick: i64,
        refusals: impl IntoIterator<Item = Refused>,
    ) {
        let mut counts = lock(&self.refusals);
        for refused in refusals {
            self.fetcher.counters.refused(refused.count);
            counts.add(match_id, tick, refused);
        }
    }

    /// Takes rules over, unless newer ones hold.
    pub(super) fn set(&self, revision: i64, rules: Rules) {
        let mut holds = lock(&self.revision);
        if holds.is_none_or(|holds| holds <= revision) {
            *holds = Some(revision);
            self.lane.adapt(rules.limits());
            self.rules.set(rules);
        }
    }

    /// What was refused since the last time, if it is time for it; at the end it is.
    pub(super) fn take_refusals(&self, is_end: bool) -> Vec<FetchRecord> {
        lock(&self.refusals).take(&self.game, is_end)
    }

    /// Counts a fetch that never had its turn as refused, and says so to the sim.
    pub(super) fn answer_busy(
        &self,
        match_id: &MatchId,
        tick: i64,
        reply: Box<dyn FnOnce(FetchOutcome) + Send>,
    ) {
        let code = Code::HttpRateLimited;
        self.refused(match_id, tick, [Refused { code, refusal: None, count: 1 }]);
        reply(FetchOutcome::code(code));
    }
}
