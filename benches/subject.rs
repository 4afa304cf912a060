//! The subject: the platform's own fleet, in a temporary folder, and what it tells of its matches.

use std::{
    fs,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use lattice_host::{
    Action, ApplyError, CellSettings, EnclosureKind, Fleet, HostSettings, InputChunk, LogLine,
    MatchEnd, MatchSpec, Origin, Outcome, Program, Reports, Resume, Snapshot,
    egress::{EgressSettings, SystemNetwork},
};
use lattice_policies::{
    GameId, MatchId, Policy,
    admission::{self, Packaging},
    isolation::Isolation,
};
use tokio::sync::mpsc;
use wasmtime::Module;

use crate::script::Script;

/// A fleet with one worker.
pub(crate) struct Subject {
    pub(crate) fleet: Fleet,
    ends: Arc<Ends>,
    policy: Policy,
    folder: tempfile::TempDir,
    matches: u64,
}

impl Subject {
    pub(crate) fn new(policy: &Policy, slots: u32) -> Self {
        Self::with_cells(policy, slots, CellSettings::default())
    }

    /// A fleet whose native sims run in such cells.
    pub(crate) fn with_cells(policy: &Policy, slots: u32, cells: CellSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ends = Arc::new(Ends::default());
        let cache_dir = folder.path().to_owned();
        let egress = EgressSettings {
            policy: policy.egress.clone(),
            roots: Vec::new(),
            records: mpsc::channel(1).0,
            network: Arc::new(SystemNetwork),
        };
        let enclosure = EnclosureKind::default();
        let settings = HostSettings {
            policy: policy.clone(),
            workers: 1,
            slots,
            cache_dir,
            egress,
            enclosure,
            cells,
        };
        let fleet = Fleet::start(settings, ends.clone()).unwrap();
        Self { fleet, ends, policy: policy.clone(), folder, matches: 0 }
    }

    pub(crate) fn program(&self, wasm: &[u8]) -> Program {
        self.packaged(Packaging::Wasm, wasm)
    }

    pub(crate) fn packaged(&self, packaging: Packaging, module: &[u8]) -> Program {
        let admitted = admission::scan(packaging, module, &self.policy)
            .unwrap_or_else(|rejection| panic!("refused: {:?}", rejection.reasons));
        self.fleet.compile(&admitted).unwrap()
    }

    /// Asserts that the peer runs the same machine code: the fleet's one compiled artefact, which
    /// is of the module with some exports added, is code for the peer's engine, and the same.
    pub(crate) fn assert_same_code(&self, peer: &Module) {
        const CHECKSUM: usize = 32;
        let file = fs::read_dir(self.folder.path()).unwrap().next().unwrap().unwrap();
        let kept = fs::read(file.path()).unwrap();
        #[allow(unsafe_code, reason = "this process has just compiled it")]
        let ours = unsafe { Module::deserialize(peer.engine(), &kept[CHECKSUM..]) };
        let ours = ours.expect("the peer's engine is set up as the host's");
        assert_eq!(ours.text(), peer.text());
    }

    /// Starts a match; waits while too many others are starting.
    pub(crate) fn start(&mut self, program: &Program, tick_hz: u16) {
        self.matches += 1;
        let id = id(self.matches);
        let config = Arc::from([]);
        let (game, origin) = (GameId::from_random([1; 10]), Origin::Init);
        let program = program.clone();
        self.apply(&MatchSpec { id, game, program, tick_hz, seed: 7, config, origin });
    }

    /// Has a match of the script go on from its log.
    pub(crate) fn resume(&mut self, program: &Program, script: &Script, resume: &Arc<Resume>) {
        self.matches += 1;
        self.apply(&MatchSpec {
            id: id(self.matches),
            game: GameId::from_random([1; 10]),
            program: program.clone(),
            tick_hz: script.tick_hz,
            seed: script.seed,
            config: Arc::clone(&script.config),
            origin: Origin::Log(Arc::clone(resume)),
        });
    }

    /// Waits until every match that was to go on does.
    pub(crate) fn wait_for_resumes(&self) {
        while self.ends.counts.lock().unwrap().resumed < self.matches {
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn apply(&self, spec: &MatchSpec) {
        while let Err(error) = self.fleet.apply(Action::Start(spec.clone())) {
            assert_eq!(error, ApplyError::Busy);
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until every match that was started has ended.
    pub(crate) fn wait_for_ends(&self) {
        self.ends.wait_for(self.matches);
    }

    /// Ticks that the running matches have run, together and the least of any.
    pub(crate) fn ticks(&self) -> (u64, u64) {
        let matches = self.fleet.figures().matches;
        let ticks = || matches.iter().map(|(_, status)| status.ticks as u64);
        (ticks().sum(), ticks().min().unwrap_or(0))
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        self.fleet.shut_down(Duration::ZERO);
    }
}

fn id(number: u64) -> MatchId {
    let mut bits = [0; 10];
    bits[..8].copy_from_slice(&number.to_le_bytes());
    MatchId::from_random(bits)
}

/// Counts the matches that have ended, and wakes who waits for that many only then.
#[derive(Default)]
struct Ends {
    counts: Mutex<Counts>,
    reached: Condvar,
}

#[derive(Default)]
struct Counts {
    ended: u64,
    awaited: u64,
    resumed: u64,
}

impl Ends {
    fn wait_for(&self, matches: u64) {
        let mut counts = self.counts.lock().unwrap();
        counts.awaited = matches;
        while counts.ended < matches {
            counts = self.reached.wait(counts).unwrap();
        }
    }
}

impl Reports for Ends {
    fn started(&self, _: &MatchId, _: Option<&Isolation>) {}

    fn logs(&self, _: &MatchId, _: Vec<LogLine>) {}

    fn inputs(&self, _: &MatchId, _: InputChunk) {}

    fn resumed(&self, _: &MatchId, _: i64, _: Option<&Isolation>) {
        self.counts.lock().unwrap().resumed += 1;
    }

    fn snapshot(&self, _: &MatchId, _: &Arc<Snapshot>) -> bool {
        true
    }

    fn rested(&self, _: &MatchId, _: i64) {}

    fn ended(&self, id: &MatchId, end: MatchEnd) {
        if let Outcome::Faulted(fault) = end.outcome {
            eprintln!("{id} faulted: {fault:?}");
            std::process::exit(1);
        }
        let mut counts = self.counts.lock().unwrap();
        counts.ended += 1;
        if counts.ended == counts.awaited {
            self.reached.notify_one();
        }
    }
}
