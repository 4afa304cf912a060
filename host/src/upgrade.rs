//! The upgrade of a running match to another module, through the state that one saves and the other
//! loads: first in the shadow, on a copy, then for real between two ticks. Whatever fails, the match
//! goes on as it was.

use std::sync::Arc;

use lattice_policies::MatchId;
use lattice_surface::{Phase, SharedRules};
use thiserror::Error;

use crate::{
    fault::Fault,
    fleet::Fleet,
    guest::{Guest, Moment, RestoreError},
    matches::{MatchSpec, Runner, segment},
    program::Program,
    snapshot::Snapshot,
};

/// Why a match was not upgraded. It goes on as it was.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UpgradeError {
    #[error("the match does not run, or ended meanwhile")]
    NotRunning,
    #[error("the match runs that module already")]
    SameModule,
    #[error("the state of the {which} module can't be taken out: it does what no snapshot holds")]
    NotKept { which: &'static str },
    #[error("the {which} module has no `{export}`")]
    NoExport { which: &'static str, export: &'static str },
    #[error("as many replays and upgrades run already as may at once; try again in a moment")]
    Busy,
    #[error("the running module can't save its state: {0}")]
    Save(Fault),
    #[error("the new module can't begin: {0}")]
    Init(Fault),
    #[error("the new module can't load the state: {0}")]
    Load(Fault),
    #[error("the new module fails in the shadow: {0}")]
    Shadow(Fault),
    #[error("the new state can't be kept: {0}")]
    Keep(String),
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error("the host has no room for the upgrade: {0}")]
    Host(Fault),
}

/// A match that was upgraded.
#[derive(Debug, Clone)]
pub struct Upgraded {
    /// The new module's first state; its `tick` is the first that the new module runs.
    pub snapshot: Snapshot,
}

impl Fleet {
    /// Takes a running match over to the program of `spec`, which says how the match was started.
    /// Blocks. `keep` gets the state that the log's new segment begins with, before any tick of
    /// it, and when all that came in before was reported; where that fails, so does the upgrade.
    pub fn upgrade(
        &self,
        spec: &MatchSpec,
        keep: impl FnOnce(&Snapshot) -> Result<(), String>,
    ) -> Result<Upgraded, UpgradeError> {
        let _place = self.replay_place().ok_or(UpgradeError::Busy)?;
        let copy = self.with_match(&spec.id, Running::copy)?;
        // In the shadow, while the match goes on.
        let ticks = spec.program.engine().limits().upgrade_shadow_ticks;
        copy.successor(spec)?.run(ticks.into()).map_err(UpgradeError::Shadow)?;
        self.with_match(&spec.id, |runner| {
            let mut next = Running::copy(runner)?.successor(spec)?;
            let snapshot = next.snapshot()?;
            runner.flush();
            keep(&snapshot).map_err(UpgradeError::Keep)?;
            let segment = segment(&mut next.guest, &snapshot);
            runner.switch(next.guest, segment);
            Ok(Upgraded { snapshot })
        })
    }

    /// Takes the match from its worker, and puts it back.
    fn with_match<T>(
        &self,
        id: &MatchId,
        work: impl FnOnce(&mut Runner) -> Result<T, UpgradeError>,
    ) -> Result<T, UpgradeError> {
        let live = self.live(id).ok_or(UpgradeError::NotRunning)?;
        let runner = live.take().ok_or(UpgradeError::NotRunning)?;
        let mut taken = Taken { fleet: self, runner: Some(runner) };
        taken.runner.as_deref_mut().map_or(Err(UpgradeError::NotRunning), work)
    }
}

/// A match between two ticks that was taken from its worker, and goes back whatever happens.
struct Taken<'a> {
    fleet: &'a Fleet,
    runner: Option<Box<Runner>>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.runner.take().into_iter().for_each(|runner| self.fleet.put_back(runner));
    }
}

/// A copy of a match that runs.
struct Running {
    program: Program,
    egress: Arc<SharedRules>,
    snapshot: Snapshot,
}

impl Running {
    fn copy(runner: &mut Runner) -> Result<Self, UpgradeError> {
        let copy = runner.copy().ok_or(UpgradeError::NotKept { which: "running" })?;
        let (program, egress) = (runner.program().clone(), runner.rules());
        Ok(Self { program, egress, snapshot: copy.seal() })
    }

    /// The new module where this one stands.
    fn successor(self, spec: &MatchSpec) -> Result<Successor, UpgradeError> {
        if self.program.sha256() == spec.program.sha256() {
            return Err(UpgradeError::SameModule);
        }
        if !spec.program.can_snapshot() {
            return Err(UpgradeError::NotKept { which: "new" });
        }
        let state = save(&self.program, &self.snapshot, spec)?;
        let guest = load(&self.snapshot, state, spec, self.egress)?;
        Ok(Successor { guest, at: self.snapshot.moment() })
    }
}

/// The new module where the running one stands.
struct Successor {
    guest: Guest,
    at: Moment,
}

impl Successor {
    fn snapshot(&mut self) -> Result<Snapshot, UpgradeError> {
        self.guest.snapshot(self.at).ok_or(UpgradeError::NotKept { which: "new" })
    }

    fn run(&mut self, ticks: i64) -> Result<(), Fault> {
        for tick in self.at.tick..self.at.tick + ticks {
            let surface = self.guest.surface();
            // As in a replay, whatever it asks for is not sent.
            surface.replay_codes(&[]);
            surface.begin(Phase::Tick);
            let has_finished = self.guest.tick(tick, false)?;
            self.guest.surface().log().drain();
            if has_finished {
                break;
            }
        }
        Ok(())
    }
}

/// The state as the running module saves it, on a copy: the match itself notices nothing.
fn save(running: &Program, at: &Snapshot, spec: &MatchSpec) -> Result<Vec<u8>, UpgradeError> {
    let config = Arc::clone(&spec.config);
    let mut copy = Guest::restore(running, at, config, Arc::default())?;
    match copy.save_state() {
        Some(state) => state.map_err(UpgradeError::Save),
        None => Err(UpgradeError::NoExport { which: "running", export: "lattice_sim_save" }),
    }
}

/// The new module, begun as for a new match, of which nothing counts, and with the state loaded.
fn load(
    at: &Snapshot,
    state: Vec<u8>,
    spec: &MatchSpec,
    egress: Arc<SharedRules>,
) -> Result<Guest, UpgradeError> {
    let config = || Arc::clone(&spec.config);
    let guest = Guest::new(&spec.program, config(), Arc::default());
    let mut guest = guest.map_err(UpgradeError::Host)?;
    guest.init(spec.seed, spec.tick_hz).map_err(UpgradeError::Init)?;
    guest.take_over(at, config(), egress).map_err(RestoreError::from)?;
    match guest.load_state(state) {
        Some(loaded) => loaded.map(|()| guest).map_err(UpgradeError::Load),
        None => Err(UpgradeError::NoExport { which: "new", export: "lattice_sim_load" }),
    }
}
