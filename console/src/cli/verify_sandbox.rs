//! A sim in the sandbox, or in a cell, for `lattice verify` and `lattice receipt verify`: compiled and called in this
//! process, in a fleet of one slot whose folder is temporary. Nothing that it asks for leaves.

use std::{ops::ControlFlow, path::Path, sync::Arc};

use lattice_host::{
    EnclosureKind, Fault, Fleet, Guest, HostSettings, Image, InputChunk, LogLine, MatchEnd,
    Program, Reports, Snapshot,
    egress::{EgressSettings, SystemNetwork},
    replay::{ReplayError, Replayed, Stretch},
};
use lattice_policies::{
    MatchId, Policy, Sha256,
    admission::{self, Packaging},
    isolation::Isolation,
};
use lattice_surface::{LogPart, Surface};
use lattice_twin::{Course, Sim};
use tokio::sync::mpsc;

use super::CliError;
use crate::{config::ServerConfig, tier};

/// Why a module can't be run here.
pub(super) enum NoSandbox {
    /// It is native, and this machine has no native tier; why.
    Tier(String),
    Failed(CliError),
}

impl From<CliError> for NoSandbox {
    fn from(error: CliError) -> Self {
        Self::Failed(error)
    }
}

impl From<NoSandbox> for CliError {
    fn from(none: NoSandbox) -> Self {
        match none {
            NoSandbox::Tier(why) => Self::failed(why),
            NoSandbox::Failed(error) => error,
        }
    }
}

/// A module that is ready to run under a policy.
pub(super) struct Sandbox {
    program: Program,
    /// Its clock is what ends a call at its deadline.
    fleet: Fleet,
}

impl Sandbox {
    /// A native module runs in a cell, which takes a machine that can raise its barriers.
    pub(super) fn new(bytes: Vec<u8>, policy: &Policy, folder: &Path) -> Result<Self, NoSandbox> {
        let packaging = Packaging::of(&bytes);
        let admitted = admission::scan(packaging, bytes, policy)
            .map_err(|_| CliError::failed("the module is refused; `lattice scan` says why"))?;
        let egress = EgressSettings {
            policy: policy.egress.clone(),
            roots: Vec::new(),
            records: mpsc::channel(1).0,
            network: Arc::new(SystemNetwork),
        };
        let cache_dir = folder.join("code");
        let mut policy = policy.clone();
        policy.native.enabled = packaging == Packaging::Native;
        let cells = tier::cells(&ServerConfig::default());
        let enclosure = EnclosureKind::Cell;
        let settings =
            HostSettings { policy, workers: 1, slots: 1, cache_dir, egress, enclosure, cells };
        let fleet = Fleet::start(settings, Arc::new(NoMatches)).map_err(CliError::failed)?;
        tier::require(fleet.native_tier(), packaging).map_err(NoSandbox::Tier)?;
        let program = fleet.compile(&admitted).map_err(CliError::failed)?;
        Ok(Self { program, fleet })
    }

    pub(super) fn module(&self) -> Sha256 {
        self.program.sha256()
    }

    pub(super) fn fingerprint(&self) -> Sha256 {
        self.program.fingerprint()
    }

    /// What is compiled of the module.
    pub(super) fn runs(&self) -> Sha256 {
        self.program.runs()
    }

    /// Runs a part of a match again that began with `init`, as far as it goes.
    pub(super) fn replay(&self, part: LogPart<'_>) -> Result<Replayed, ReplayError> {
        let stretch = Stretch { part, from: None };
        self.fleet.replay(&self.program, stretch, None, |_| ControlFlow::Continue(()))
    }

    /// A sim that has not been started.
    pub(super) fn sim(&self, config: Arc<[u8]>) -> Result<ModuleSim, CliError> {
        Guest::new(&self.program, config, Arc::default()).map(ModuleSim).map_err(CliError::failed)
    }
}

/// An instance of the module.
pub(super) struct ModuleSim(Guest);

impl ModuleSim {
    /// Its memory and globals between two calls; `None` if the module does what no snapshot holds.
    pub(super) fn image(&mut self) -> Option<Image> {
        self.0.image()
    }
}

impl Sim for ModuleSim {
    fn init(&mut self, seed: u64, tick_hz: u16) -> Course {
        self.0.init(seed, tick_hz).map_or_else(faulted, |()| Course::GoesOn)
    }

    fn tick(&mut self, tick: i64, hash: bool) -> Course {
        let course = |is_over| if is_over { Course::Finished } else { Course::GoesOn };
        self.0.tick(tick, hash).map_or_else(faulted, course)
    }

    fn shutdown(&mut self) -> Course {
        self.0.shutdown().map_or_else(faulted, |()| Course::GoesOn)
    }

    fn surface<T>(&mut self, look: impl FnOnce(&mut Surface) -> T) -> T {
        look(self.0.surface())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_or_else hands over")]
fn faulted(fault: Fault) -> Course {
    Course::Faulted(fault.kind.as_str().to_owned())
}

/// The fleet has no matches to report of.
struct NoMatches;

impl Reports for NoMatches {
    fn started(&self, _: &MatchId, _: Option<&Isolation>) {}
    fn logs(&self, _: &MatchId, _: Vec<LogLine>) {}
    fn inputs(&self, _: &MatchId, _: InputChunk) {}
    fn resumed(&self, _: &MatchId, _: i64, _: Option<&Isolation>) {}
    fn snapshot(&self, _: &MatchId, _: &Arc<Snapshot>) -> bool {
        false
    }
    fn rested(&self, _: &MatchId, _: i64) {}
    fn ended(&self, _: &MatchId, _: MatchEnd) {}
}
