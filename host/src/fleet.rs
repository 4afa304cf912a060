//! The fleet: makes what the director planned so, and is the way to everything that runs.

mod registry;

use std::{
    collections::BTreeSet,
    io,
    ops::ControlFlow,
    path::PathBuf,
    sync::{Arc, Mutex, atomic::AtomicUsize},
    thread,
    time::{Duration, Instant},
};

use lattice_policies::{
    MatchId, Policy, Sha256,
    admission::{Admitted, NativeModule, Packaging},
    policy::LogMode,
};
use thiserror::Error;

use self::registry::Slots;
pub(crate) use self::registry::{Place, Registry, Stopping};
use crate::{
    aside,
    cell::CellSettings,
    egress::{Egress, EgressError, EgressSettings},
    engine::{Engine, EngineError, REPLAY_SLOTS},
    fault::{Fault, FaultKind},
    lock::lock,
    matches::{LiveMatch, MatchSpec, MatchStatus, Origin, Runner},
    native::{EnclosureKind, NativeTier, Tier},
    program::{CompileError, Program},
    programs::Programs,
    replay::{self, ReplayError, Replayed, ReplayedTick, Stretch},
    reports::Reports,
    snapshot::Snapshot,
    starter::{self, Starter},
    wasm::{Artifacts, EpochClock},
    worker::{Lanes, Workers, yield_to_others},
};

/// Modules that may wait for the compiler.
const WAITING_COMPILES: usize = 16;
/// What the fetches that are cut off get at least, to hand their records over: each that left has
/// its place in the audit already.
const LAST_RECORDS: Duration = Duration::from_secs(2);
/// Between two looks at whether the last match is down.
const PAUSE: Duration = Duration::from_millis(5);
/// The compiler's stack: its recursion depth depends on the module.
const COMPILER_STACK_BYTES: usize = 16 << 20;

/// How a fleet is set up.
#[derive(Debug, Clone)]
pub struct HostSettings {
    pub policy: Policy,
    /// Worker threads a lane; one a core is best.
    pub workers: usize,
    /// Matches that can run at once.
    pub slots: u32,
    /// The folder of compiled code. It must belong to this user alone.
    pub cache_dir: PathBuf,
    pub egress: EgressSettings,
    /// What native sims run in, if the policy wants any, and what the cells are made of.
    pub enclosure: EnclosureKind,
    pub cells: CellSettings,
}

/// Why a fleet can't start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("web fetches: {0}")]
    Egress(#[from] EgressError),
    #[error("the folder for compiled code `{path}` can't be used: {error}")]
    Artifacts { path: PathBuf, error: io::Error },
    #[error("a thread can't be started: {0}")]
    Thread(io::Error),
}

/// One step from what runs to what is wanted.
#[derive(Clone)]
pub enum Action {
    Start(MatchSpec),
    Stop(MatchId),
}

/// Why an action can't be carried out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ApplyError {
    #[error("all {slots} match slots of this host are taken")]
    Full { slots: u32 },
    #[error("too many matches are starting; try again in a moment")]
    Busy,
    #[error("the host is going down")]
    HostStopping,
}

/// A look at the whole fleet.
#[derive(Debug, Clone, Default)]
pub struct FleetFigures {
    pub slots: u32,
    pub matches: Vec<(MatchId, MatchStatus)>,
    /// Of those, native ones.
    pub native: u32,
    /// Processes that native sims run in, those of replays and upgrades among them.
    pub cells: u32,
}

/// The running matches of a host. Cheap to clone.
#[derive(Clone)]
pub struct Fleet {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    native: Arc<Tier>,
    artifacts: Artifacts,
    registry: Arc<Registry>,
    programs: Mutex<Programs>,
    compiling: Mutex<()>,
    waiting_compiles: AtomicUsize,
    replays: AtomicUsize,
    lanes: Arc<Lanes>,
    /// Taken when the host goes down.
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    starter: Starter,
    /// For matches that their logs bring back.
    resumer: Starter,
    workers: Workers,
    _epoch: EpochClock,
}

impl Fleet {
    pub fn start(settings: HostSettings, reports: Arc<dyn Reports>) -> Result<Self, StartError> {
        let engine = Engine::new(&settings.policy, settings.slots)?;
        let path = settings.cache_dir;
        let artifacts = Artifacts::open(&path, &engine)
            .map_err(|error| StartError::Artifacts { path, error })?;
        let native = Arc::new(Tier::start(&settings.policy, settings.enclosure, settings.cells));
        let egress = Egress::start(settings.egress)?;
        let registry = Registry::new(reports, egress).map_err(StartError::Thread)?;
        let registry = Arc::new(registry);
        let threads = settings.workers.max(1);
        let workers = Workers::start(threads).map_err(StartError::Thread)?;
        // A log that takes long to be run again keeps nobody from starting anew.
        let starter =
            Starter::start("starter", 1, &registry, workers.lanes()).map_err(StartError::Thread)?;
        let resumer = Starter::start("resumer", threads, &registry, workers.lanes())
            .map_err(StartError::Thread)?;
        let epoch = EpochClock::start(engine.wasmtime().clone()).map_err(StartError::Thread)?;
        let lanes = Arc::clone(workers.lanes());
        let threads = Mutex::new(Some(Threads { starter, resumer, workers, _epoch: epoch }));
        let inner = Inner {
            engine,
            native,
            artifacts,
            registry,
            programs: Mutex::default(),
            compiling: Mutex::default(),
            waiting_compiles: AtomicUsize::new(0),
            replays: AtomicUsize::new(0),
            lanes,
            threads,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether native sims are run here.
    pub fn native_tier(&self) -> &NativeTier {
        self.inner.native.state()
    }

    /// Names what runs the sims of a packaging, its settings and the policy.
    pub fn fingerprint_of(&self, packaging: Packaging) -> Sha256 {
        match packaging {
            Packaging::Wasm => self.inner.engine.fingerprint(),
            Packaging::Native => self.inner.engine.native_fingerprint(),
        }
    }

    /// Names the engine of wasm modules, its settings and the policy.
    pub fn fingerprint(&self) -> Sha256 {
        self.inner.engine.fingerprint()
    }

    /// Compiles a module, or takes it ready from memory or disk. Blocks; one is compiled at a
    /// time, on a thread that yields to the ticks. A native one is laid out, which takes little.
    pub fn compile(&self, build: &Admitted) -> Result<Program, CompileError> {
        if let Some(module) = build.native() {
            return self.lay_out(build, module);
        }
        if let Some(program) = self.ready(build)? {
            return Ok(program);
        }
        let _waiting = Place::take(&self.inner.waiting_compiles, WAITING_COMPILES)
            .map_err(|waiting| CompileError::Busy { waiting })?;
        let _turn = lock(&self.inner.compiling);
        // Whoever had the turn before may have compiled the same module.
        if let Some(program) = self.ready(build)? {
            return Ok(program);
        }
        let program = self.compile_aside(build)?;
        lock(&self.inner.programs).keep(program.clone());
        Ok(program)
    }

    /// Runs a part of a match again from its input log, up to tick `to` or to the part's end, on a
    /// thread that yields to the ticks. Blocks. Takes one of a few places that no match takes.
    pub fn replay(
        &self,
        program: &Program,
        stretch: Stretch<'_>,
        to: Option<i64>,
        watch: impl FnMut(ReplayedTick<'_>) -> ControlFlow<()> + Send,
    ) -> Result<Replayed, ReplayError> {
        let mut watch = watch;
        self.replay_aside(|| replay::replay(program, &stretch, to, &mut watch))
    }

    /// The match as it stood before tick `at`, by running it again up to there, unless `watch`
    /// breaks that off: then [`ReplayError::Ended`] says where. Where the log has no end, whoever
    /// asks knows that the match has come so far.
    pub fn state_at(
        &self,
        program: &Program,
        stretch: Stretch<'_>,
        at: i64,
        watch: impl FnMut(ReplayedTick<'_>) -> ControlFlow<()> + Send,
    ) -> Result<Snapshot, ReplayError> {
        let mut watch = watch;
        self.replay_aside(|| replay::state_at(program, &stretch, at, &mut watch))
    }

    fn replay_aside<T: Send>(
        &self,
        replay: impl FnOnce() -> Result<T, ReplayError> + Send,
    ) -> Result<T, ReplayError> {
        let _place = self.replay_place().ok_or(ReplayError::Busy)?;
        aside::run("replay", replay).unwrap_or_else(|fault| Err(ReplayError::Host(fault)))
    }

    /// One of the few places for what needs a guest beside those of the matches.
    pub(crate) fn replay_place(&self) -> Option<Place<'_>> {
        Place::take(&self.inner.replays, REPLAY_SLOTS as usize).ok()
    }

    /// Whether there is a place for that match to go on as that program.
    pub(crate) fn check_place(&self, id: &MatchId, program: &Program) -> Result<(), Fault> {
        let slots = self.slots();
        if self.inner.registry.has_place(id, program, slots) {
            return Ok(());
        }
        let slots = slots.native;
        let why = format!("all {slots} places for native matches are taken");
        Err(Fault::new(FaultKind::Host, "upgrade", why))
    }

    /// Puts a match back that was taken from its worker.
    pub(crate) fn put_back(&self, runner: Box<Runner>) {
        self.inner.lanes.place(runner);
    }

    /// Whom to tell of the matches.
    pub(crate) fn reports(&self) -> &dyn Reports {
        &*self.inner.registry.reports
    }

    /// The way out to the network, and the rules that each game has for it.
    pub fn egress(&self) -> &Egress {
        &self.inner.registry.egress
    }

    /// Carries out one step of a plan. A start answers before `init` has run; what becomes of
    /// the match is told by [`Reports`].
    pub fn apply(&self, action: Action) -> Result<(), ApplyError> {
        match action {
            Action::Start(spec) => self.begin(spec),
            Action::Stop(id) => {
                if let Some(live) = self.live(&id) {
                    live.stop();
                }
                Ok(())
            }
        }
    }

    /// The match, if it runs here.
    pub fn live(&self, id: &MatchId) -> Option<LiveMatch> {
        self.inner.registry.lock().get(id).cloned()
    }

    pub fn running(&self) -> BTreeSet<MatchId> {
        self.inner.registry.lock().keys().cloned().collect()
    }

    pub fn figures(&self) -> FleetFigures {
        let live: Vec<_> = self.inner.registry.lock().values().cloned().collect();
        let native = live.iter().filter(|live| live.is_native()).count() as u32;
        let matches = live.iter().map(|live| (live.id().clone(), live.status())).collect();
        let (slots, cells) = (self.inner.engine.slots(), self.inner.native.cells());
        FleetFigures { slots, matches, native, cells }
    }

    /// Asks every sim to stop, waits up to `grace` for them, and ends the others. Blocks.
    pub fn shut_down(&self, grace: Duration) {
        self.go_down(grace, false);
    }

    /// Leaves every match as it stands between two ticks, for a next start to go on from; one whose
    /// inputs are not logged is stopped. Waits up to `grace` for room for the snapshots. Blocks.
    pub fn rest(&self, grace: Duration) {
        self.go_down(grace, true);
    }

    fn go_down(&self, grace: Duration, rests: bool) {
        let registry = &self.inner.registry;
        let until = Instant::now() + grace;
        let rests = rests && self.inner.engine.limits().log != LogMode::Off;
        let Some(threads) = lock(&self.inner.threads).take() else { return };
        let _ = registry.stopping.set(Stopping { rests, until });
        if !rests {
            let live: Vec<_> = registry.lock().values().cloned().collect();
            live.iter().for_each(LiveMatch::stop);
            while !registry.lock().is_empty() && Instant::now() < until {
                thread::sleep(PAUSE);
            }
        }
        let Threads { starter, resumer, workers, _epoch } = threads;
        starter.end();
        resumer.end();
        workers.end();
        registry.copies.end();
        registry.seals.end();
        // A match that is just being upgraded leaves off when it is put back.
        while !registry.lock().is_empty() && Instant::now() < until {
            thread::sleep(PAUSE);
        }
        let left = until.saturating_duration_since(Instant::now());
        self.egress().shut_down(left.max(LAST_RECORDS));
    }

    fn begin(&self, spec: MatchSpec) -> Result<(), ApplyError> {
        let threads = lock(&self.inner.threads);
        let Some(threads) = threads.as_ref() else { return Err(ApplyError::HostStopping) };
        let live = LiveMatch::new(spec.id.clone(), Arc::clone(self.inner.engine.limits()));
        live.runs(&spec.program);
        let id = spec.id.clone();
        self.inner.registry.add(&live, self.slots())?;
        let is_taken = match (spec.program.packaging(), &spec.origin) {
            (Packaging::Native, _) => {
                let registry = Arc::clone(&self.inner.registry);
                starter::begin_alone(spec, live, registry, &self.inner.lanes)
            }
            (Packaging::Wasm, Origin::Log(_)) => threads.resumer.order(spec, live),
            (Packaging::Wasm, Origin::Init | Origin::Fork(_)) => threads.starter.order(spec, live),
        };
        if !is_taken {
            self.inner.registry.remove(&id);
            return Err(ApplyError::Busy);
        }
        Ok(())
    }

    /// Matches that can run at once, and native ones among them.
    fn slots(&self) -> Slots {
        Slots { all: self.inner.engine.slots(), native: self.inner.native.slots() }
    }

    fn ready(&self, build: &Admitted) -> Result<Option<Program>, CompileError> {
        if let Some(program) = lock(&self.inner.programs).get(build.sha256()) {
            return Ok(Some(program));
        }
        let loaded = Program::load(&self.inner.engine, build, &self.inner.artifacts)?;
        if let Some(program) = &loaded {
            lock(&self.inner.programs).keep(program.clone());
        }
        Ok(loaded)
    }

    fn lay_out(&self, build: &Admitted, module: &NativeModule) -> Result<Program, CompileError> {
        if let Some(program) = lock(&self.inner.programs).get(build.sha256()) {
            return Ok(program);
        }
        let program = Program::lay_out(&self.inner.engine, build, module, &self.inner.native)?;
        lock(&self.inner.programs).keep(program.clone());
        Ok(program)
    }

    fn compile_aside(&self, build: &Admitted) -> Result<Program, CompileError> {
        let inner = &self.inner;
        let failed = |what: &str| CompileError::Compile(what.to_owned());
        thread::scope(|scope| {
            let compiler =
                thread::Builder::new().name("compiler".into()).stack_size(COMPILER_STACK_BYTES);
            let run = || {
                yield_to_others();
                Program::compile(&inner.engine, build, &inner.artifacts)
            };
            let thread =
                compiler.spawn_scoped(scope, run).map_err(|error| failed(&error.to_string()))?;
            thread.join().unwrap_or_else(|_| Err(failed("the compiler failed")))
        })
    }
}
