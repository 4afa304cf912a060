//! Which matches are wanted here. The director plans from that, the fleet carries the plan out.
//! Decides nothing about a single match, and writes nothing.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lattice_host::{
    ApplyError, Fleet, MatchSpec, Origin,
    director::{Wanted, plan},
};
use lattice_policies::{GameId, MatchId};

use crate::share::Place;

/// The matches that are wanted, and the places that they hold.
#[derive(Default)]
pub(crate) struct Schedule {
    wanted: Mutex<BTreeMap<MatchId, Wanted>>,
    places: Mutex<BTreeMap<MatchId, Place<GameId>>>,
}

impl Schedule {
    /// Wants a match to run. When the fleet can't start it, it is no longer wanted.
    pub(crate) fn run(
        &self,
        fleet: &Fleet,
        place: Place<GameId>,
        spec: MatchSpec,
    ) -> Result<(), ApplyError> {
        let id = spec.id.clone();
        lock(&self.places).insert(id.clone(), place);
        let mut wanted = lock(&self.wanted);
        wanted.insert(id.clone(), Wanted::Running(Box::new(spec)));
        let done = carry_out(fleet, &wanted);
        match (&done, wanted.get_mut(&id)) {
            // What it goes on from is used up, and may hold a whole log in memory.
            (Ok(()), Some(Wanted::Running(spec))) => spec.origin = Origin::Init,
            (Ok(()), _) => {}
            (Err(_), _) => {
                wanted.remove(&id);
                lock(&self.places).remove(&id);
            }
        }
        done
    }

    /// Wants a match to stop. Of one that does not run, nothing is wanted.
    pub(crate) fn stop(&self, fleet: &Fleet, id: &MatchId) -> Result<(), ApplyError> {
        let mut wanted = lock(&self.wanted);
        if let Some(entry) = wanted.get_mut(id) {
            *entry = Wanted::Stopped;
        }
        carry_out(fleet, &wanted)
    }

    /// A match has ended: it is not wanted back, and its place is free.
    pub(crate) fn ended(&self, id: &MatchId) {
        lock(&self.wanted).remove(id);
        lock(&self.places).remove(id);
    }
}

fn carry_out(fleet: &Fleet, wanted: &BTreeMap<MatchId, Wanted>) -> Result<(), ApplyError> {
    for action in plan(wanted, &fleet.running()) {
        fleet.apply(action)?;
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
