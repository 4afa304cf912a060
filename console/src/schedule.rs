//! Which matches are wanted here. The director plans from that, the fleet carries the plan out.
//! Decides nothing about a single match, and writes nothing.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lattice_host::{
    ApplyError, Fleet, MatchSpec,
    director::{Wanted, plan},
};
use lattice_policies::{GameId, MatchId};

/// The matches that are wanted, each with the game that it is of.
#[derive(Default)]
pub(crate) struct Schedule {
    wanted: Mutex<BTreeMap<MatchId, Wanted>>,
    games: Mutex<BTreeMap<MatchId, GameId>>,
}

impl Schedule {
    /// Wants a match to run. When the fleet can't start it, it is no longer wanted.
    pub(crate) fn run(
        &self,
        fleet: &Fleet,
        game: GameId,
        spec: MatchSpec,
    ) -> Result<(), ApplyError> {
        let id = spec.id.clone();
        lock(&self.games).insert(id.clone(), game);
        let mut wanted = lock(&self.wanted);
        wanted.insert(id.clone(), Wanted::Running(spec));
        let started = carry_out(fleet, &wanted);
        if started.is_err() {
            wanted.remove(&id);
            lock(&self.games).remove(&id);
        }
        started
    }

    /// Wants a match to stop. Of one that does not run, nothing is wanted.
    pub(crate) fn stop(&self, fleet: &Fleet, id: &MatchId) -> Result<(), ApplyError> {
        let mut wanted = lock(&self.wanted);
        if let Some(entry) = wanted.get_mut(id) {
            *entry = Wanted::Stopped;
        }
        carry_out(fleet, &wanted)
    }

    /// A match has ended, and is not wanted back.
    pub(crate) fn ended(&self, id: &MatchId) {
        lock(&self.wanted).remove(id);
        lock(&self.games).remove(id);
    }

    /// How many of a game's matches are wanted or still stopping.
    pub(crate) fn of_game(&self, game: &GameId) -> usize {
        lock(&self.games).values().filter(|of| *of == game).count()
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
