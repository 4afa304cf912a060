//! What the fetcher counts.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::failure::Ending;

/// A look at all fetches of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EgressFigures {
    /// Fetches that hold a place of their game's. Of these, no more than the host has places for
    /// are under way.
    pub in_flight: u64,
    /// Fetches in their games' queues.
    pub waiting: u64,
    /// Fetches that ended so, in the order of [`Ending::NAMES`].
    pub ended: [u64; Ending::NAMES.len()],
    /// Requests that were refused before they were fetches, by a full queue too.
    pub refused: u64,
}

impl EgressFigures {
    /// How many fetches ended in each way.
    pub fn endings(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Ending::NAMES.into_iter().zip(self.ended)
    }
}

#[derive(Default)]
pub(super) struct Counters {
    ended: [AtomicU64; Ending::NAMES.len()],
    refused: AtomicU64,
}

impl Counters {
    pub(super) fn ended(&self, ending: Ending) {
        self.ended[ending as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, count: u64) {
        self.refused.fetch_add(count, Ordering::Relaxed);
    }

    /// The figures of a host whose games have so many fetches.
    pub(super) fn read(&self, in_flight: u64, waiting: u64) -> EgressFigures {
        EgressFigures {
            in_flight,
            waiting,
            ended: std::array::from_fn(|at| self.ended[at].load(Ordering::Relaxed)),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

/// How many are in it now.
#[derive(Default)]
pub(super) struct Gauge(Arc<AtomicU64>);

impl Gauge {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts one more, until what it answers is dropped.
    pub(super) fn enter(&self) -> Counted {
        self.0.fetch_add(1, Ordering::SeqCst);
        Counted(Arc::clone(&self.0))
    }
}

pub(super) struct Counted(Arc<AtomicU64>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
