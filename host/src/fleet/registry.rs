//! What a fleet shares with the threads that run its matches: which matches there are, whom to tell of
//! them, and how the host goes down.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use lattice_policies::{MatchId, admission::Packaging};

use super::ApplyError;
use crate::{
    aside::Aside,
    egress::Egress,
    lock::lock,
    matches::{CloseReason, LiveMatch},
    program::Program,
    reports::{Outcome, Reports},
};

/// How many matches can run at once, and how many native ones among them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slots {
    pub(super) all: u32,
    pub(super) native: u32,
}

/// The matches that run, and whom to tell of them.
pub(crate) struct Registry {
    live: Mutex<BTreeMap<MatchId, LiveMatch>>,
    pub(crate) reports: Arc<dyn Reports>,
    pub(crate) egress: Egress,
    /// Where large memories are copied, and where copies are hashed.
    pub(crate) copies: Arc<Aside>,
    pub(crate) seals: Aside,
    pub(super) stopping: OnceLock<Stopping>,
}

/// The host goes down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopping {
    /// Its matches go on at a next start.
    pub(crate) rests: bool,
    /// When it has to be down.
    pub(crate) until: Instant,
}

impl Registry {
    pub(super) fn new(reports: Arc<dyn Reports>, egress: Egress) -> io::Result<Self> {
        Ok(Self {
            live: Mutex::default(),
            reports,
            egress,
            copies: Arc::new(Aside::start("copies")?),
            seals: Aside::start("seals")?,
            stopping: OnceLock::new(),
        })
    }

    /// Adds a match if a slot is free; one that runs already is not started again.
    pub(super) fn add(&self, live: &LiveMatch, slots: Slots) -> Result<(), ApplyError> {
        let mut all = self.lock();
        if all.len() >= slots.all as usize || all.contains_key(live.id()) {
            return Err(ApplyError::Full { slots: slots.all });
        }
        if live.is_native() && native(&all, live.id()) >= slots.native as usize {
            return Err(ApplyError::Full { slots: slots.native });
        }
        all.insert(live.id().clone(), live.clone());
        Ok(())
    }

    /// Whether a match that runs can go on as that program.
    pub(super) fn has_place(&self, id: &MatchId, program: &Program, slots: Slots) -> bool {
        let is_native = program.packaging() == Packaging::Native;
        !is_native || native(&self.lock(), id) < slots.native as usize
    }

    /// How the host is going down, if it is.
    pub(crate) fn stopping(&self) -> Option<Stopping> {
        self.stopping.get().copied()
    }

    pub(crate) fn remove(&self, id: &MatchId) {
        self.lock().remove(id);
    }

    /// What the players of a match that ended so are told.
    pub(crate) fn close_reason(&self, outcome: &Outcome) -> CloseReason {
        match outcome {
            Outcome::Finished => CloseReason::Ended,
            Outcome::Faulted(_) | Outcome::Lost { .. } => CloseReason::Faulted,
            Outcome::Stopped if self.stopping().is_some() => CloseReason::HostStopping,
            Outcome::Stopped => CloseReason::Stopped,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<MatchId, LiveMatch>> {
        lock(&self.live)
    }
}

/// How many native matches run beside that one.
fn native(all: &BTreeMap<MatchId, LiveMatch>, beside: &MatchId) -> usize {
    all.values().filter(|live| live.is_native() && live.id() != beside).count()
}

/// A place of a few, until it is dropped.
pub(crate) struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    /// A place, or how many are taken if that is all.
    pub(super) fn take(count: &'a AtomicUsize, most: usize) -> Result<Self, usize> {
        let taken = count.fetch_add(1, Ordering::SeqCst);
        let place = Self(count);
        if taken < most { Ok(place) } else { Err(taken) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
