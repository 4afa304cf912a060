//! The upgrade of a running match to another module, through the state that one saves and the other
//! loads: first in the shadow, on a copy, then for real between two ticks. Whatever fails, the match
//! goes on as it was.

use std::sync::Arc;

use lattice_policies::{MatchId, Sha256, isolation::Isolation};
use lattice_surface::{Phase, SharedRules};
use thiserror::Error;

use crate::{
    aside,
    fault::Fault,
    fleet::Fleet,
    guest::{Copy, Guest, RestoreError},
    matches::{MatchSpec, Runner, segment},
    program::Program,
    reports::LogLine,
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
    #[error("another upgrade of the match came first")]
    Overtaken,
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
    /// The barriers around the new module, if it is native.
    pub isolation: Option<Isolation>,
}

impl Fleet {
    /// Takes a running match over to the program of `spec`, which says how the match was started.
    /// Blocks, and works on a thread that yields to the ticks. `keep` gets the state that the log's
    /// new segment begins with, before any tick of it, and when all that came in before was
    /// reported; where that fails, so does the upgrade.
    pub fn upgrade(
        &self,
        spec: &MatchSpec,
        keep: impl FnOnce(&Snapshot) -> Result<(), String> + Send,
    ) -> Result<Upgraded, UpgradeError> {
        let _place = self.replay_place().ok_or(UpgradeError::Busy)?;
        aside::run("upgrade", || {
            let before = self.try_out(spec)?;
            self.switch(spec, before, keep)
        })
        .unwrap_or_else(|fault| Err(UpgradeError::Host(fault)))
    }

    /// Upgrades a copy and runs it on, while the match goes on. Gives the module that runs.
    fn try_out(&self, spec: &MatchSpec) -> Result<Sha256, UpgradeError> {
        let (program, copy) = self.with_match(&spec.id, |runner| {
            let copy = runner.copy().ok_or(UpgradeError::NotKept { which: "running" })?;
            Ok((runner.program().clone(), copy))
        })?;
        if program.sha256() == spec.program.sha256() {
            return Err(UpgradeError::SameModule);
        }
        self.check_place(&spec.id, &spec.program).map_err(UpgradeError::Host)?;
        let mut lines = Lines::default();
        let ran = shadow(spec, &program, copy, &mut lines);
        ran.inspect_err(|_| self.tell(&spec.id, lines))?;
        Ok(program.sha256())
    }

    /// Upgrades the match itself, which stands still meanwhile; the new module has begun by then.
    fn switch(
        &self,
        spec: &MatchSpec,
        before: Sha256,
        keep: impl FnOnce(&Snapshot) -> Result<(), String>,
    ) -> Result<Upgraded, UpgradeError> {
        let mut lines = Lines::default();
        let begun = begin(spec, &mut lines);
        let new = begun.inspect_err(|_| self.tell(&spec.id, std::mem::take(&mut lines)))?;
        self.with_match(&spec.id, |runner| {
            if runner.program().sha256() != before {
                return Err(UpgradeError::Overtaken);
            }
            let next = follow(runner, new, spec, &mut lines);
            self.tell(&spec.id, lines);
            let Successor { mut guest, snapshot } = next?;
            runner.flush();
            keep(&snapshot).map_err(UpgradeError::Keep)?;
            let segment = segment(&mut guest, &snapshot);
            let isolation = guest.isolation().cloned();
            runner.switch(guest, segment);
            Ok(Upgraded { snapshot, isolation })
        })
    }

    /// Reports what the modules logged, with the tick that the match has come to.
    fn tell(&self, id: &MatchId, lines: Lines) {
        let tick = self.live(id).map_or(0, |live| live.status().ticks);
        let line =
            |line: lattice_surface::LogLine| LogLine { tick, level: line.level, text: line.text };
        let lines: Vec<_> = lines.into_iter().map(line).collect();
        if !lines.is_empty() {
            self.reports().logs(id, lines);
        }
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

/// What the two modules logged while the one began and took over from the other.
type Lines = Vec<lattice_surface::LogLine>;

/// The new module where the running one stands.
struct Successor {
    guest: Guest,
    snapshot: Snapshot,
}

impl Successor {
    fn run(mut self, ticks: i64) -> Result<(), Fault> {
        let from = self.snapshot.tick;
        for tick in from..from + ticks {
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

/// Takes a copy over, and runs some ticks of it.
fn shadow(
    spec: &MatchSpec,
    running: &Program,
    copy: Copy,
    lines: &mut Lines,
) -> Result<(), UpgradeError> {
    let new = begin(spec, lines)?;
    let shadow = take_over(new, running, copy, spec, Arc::default(), lines)?;
    let ticks = spec.program.engine().limits().upgrade_shadow_ticks;
    shadow.run(ticks.into()).map_err(UpgradeError::Shadow)
}

fn follow(
    runner: &mut Runner,
    new: Guest,
    spec: &MatchSpec,
    lines: &mut Lines,
) -> Result<Successor, UpgradeError> {
    let copy = runner.copy().ok_or(UpgradeError::NotKept { which: "running" })?;
    take_over(new, runner.program(), copy, spec, runner.rules(), lines)
}

/// The new module, begun as for a new match, of which nothing counts but what is in its memory.
fn begin(spec: &MatchSpec, lines: &mut Lines) -> Result<Guest, UpgradeError> {
    if !spec.program.can_snapshot() {
        return Err(UpgradeError::NotKept { which: "new" });
    }
    let guest = Guest::new(&spec.program, Arc::clone(&spec.config), Arc::default());
    let mut guest = guest.map_err(UpgradeError::Host)?;
    match guest.init(spec.seed, spec.tick_hz) {
        Ok(()) => Ok(guest),
        Err(fault) => {
            lines.extend(guest.surface().log().drain());
            Err(UpgradeError::Init(fault))
        }
    }
}

/// Takes the new module to where the running one stands in its copy.
fn take_over(
    mut new: Guest,
    running: &Program,
    copy: Copy,
    spec: &MatchSpec,
    egress: Arc<SharedRules>,
    lines: &mut Lines,
) -> Result<Successor, UpgradeError> {
    let before = copy.seal();
    let state = save(running, &before, spec, lines)?;
    let config = Arc::clone(&spec.config);
    new.take_over(&before, config, egress).map_err(RestoreError::from)?;
    let loaded = new.load_state(state);
    lines.extend(new.surface().log().drain());
    let none = UpgradeError::NoExport { which: "new", export: "lattice_sim_load" };
    loaded.ok_or(none)?.map_err(UpgradeError::Load)?;
    let snapshot = new.snapshot(before.moment());
    let snapshot = snapshot.ok_or(UpgradeError::NotKept { which: "new" })?;
    Ok(Successor { guest: new, snapshot })
}

/// The state as the running module saves it, on a copy: the match itself notices nothing.
fn save(
    running: &Program,
    at: &Snapshot,
    spec: &MatchSpec,
    lines: &mut Lines,
) -> Result<Vec<u8>, UpgradeError> {
    let mut copy = Guest::restore(running, at, Arc::clone(&spec.config), Arc::default())?;
    let saved = copy.save_state();
    lines.extend(copy.surface().log().drain());
    let none = UpgradeError::NoExport { which: "running", export: "lattice_sim_save" };
    saved.ok_or(none)?.map_err(UpgradeError::Save)
}
