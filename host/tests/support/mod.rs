//! What the host's tests share: modules written as text, a fleet in a temporary folder, and a
//! record of what it reported.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

mod sims;
mod told;

use std::{
    io::Read,
    net::TcpListener,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use lattice_host::{
    Action, CellSettings, EnclosureKind, Fleet, HostSettings, MatchSpec, Origin, Outgoing,
    PlayerLink, Program, Snapshot,
    egress::{EgressSettings, FetchRecord, SystemNetwork},
    replay::{Extent, ReplayError, Replayed, ReplayedTick, Stretch},
};
use lattice_policies::{
    GameId, MatchId, PlayerId, Policy,
    admission::{self, Packaging},
    egress::{EgressPolicy, Entry, GameEgress, Rules},
};
use lattice_surface::InputLog;
use tokio::sync::mpsc;

pub use sims::*;
pub use told::{Left, Told};

/// An audit that takes every record, as long as there is a fleet.
fn audit() -> mpsc::Sender<FetchRecord> {
    let (records, mut taken) = mpsc::channel(64);
    std::thread::spawn(move || while taken.blocking_recv().is_some() {});
    records
}

/// A fleet in a temporary folder.
pub struct TestHost {
    pub fleet: Fleet,
    pub told: Arc<Told>,
    pub folder: tempfile::TempDir,
    pub policy: Policy,
    next: AtomicU8,
}

impl TestHost {
    pub fn new() -> Self {
        Self::with(Policy::default(), 16)
    }

    pub fn with(policy: Policy, slots: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache_dir = folder.path().join("code");
        Self::in_folders(policy, slots, folder, cache_dir, CellSettings::default())
    }

    /// A host that native sims may run on.
    pub fn with_cells(policy: Policy, slots: u32, cells: CellSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache_dir = folder.path().join("code");
        Self::in_folders(policy, slots, folder, cache_dir, cells)
    }

    /// A host that finds compiled code in `cache_dir`.
    pub fn with_cache(cache_dir: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cells = CellSettings::default();
        Self::in_folders(Policy::default(), 4, folder, cache_dir.to_owned(), cells)
    }

    fn in_folders(
        policy: Policy,
        slots: u32,
        folder: tempfile::TempDir,
        cache_dir: PathBuf,
        cells: CellSettings,
    ) -> Self {
        let told = Arc::new(Told::default());
        let egress = EgressSettings {
            policy: policy.egress.clone(),
            roots: Vec::new(),
            records: audit(),
            network: Arc::new(SystemNetwork),
        };
        let settings = HostSettings {
            policy: policy.clone(),
            workers: 2,
            slots,
            cache_dir,
            egress,
            enclosure: EnclosureKind::default(),
            cells,
        };
        let fleet = Fleet::start(settings, told.clone()).unwrap();
        Self { fleet, told, folder, policy, next: AtomicU8::new(0) }
    }

    pub fn program(&self, wat: &str) -> Program {
        self.compile(&wat::parse_str(wat).unwrap())
    }

    pub fn compile(&self, wasm: &[u8]) -> Program {
        self.compile_as(Packaging::Wasm, wasm)
    }

    pub fn compile_as(&self, packaging: Packaging, bytes: &[u8]) -> Program {
        let admitted = admission::scan(packaging, bytes.to_vec(), &self.policy)
            .unwrap_or_else(|rejection| panic!("{:?}", rejection.reasons));
        self.fleet.compile(&admitted).unwrap()
    }

    pub fn spec(&self, program: &Program, tick_hz: u16) -> MatchSpec {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let id = MatchId::from_random([number; 10]);
        let game = GameId::from_random([1; 10]);
        let config = Arc::from(*b"cfg");
        let origin = Origin::Init;
        MatchSpec { id, game, program: program.clone(), tick_hz, seed: 7, config, origin }
    }

    /// Goes on with a match of an earlier host, of which this is left.
    pub fn resume(&self, spec: MatchSpec, left: &Left, uses_snapshot: bool) {
        self.told.begin_with(&spec.id, &left.log);
        let origin = Origin::Log(Arc::new(left.resume(uses_snapshot)));
        self.fleet.apply(Action::Start(MatchSpec { origin, ..spec })).unwrap();
    }

    /// Connects a player to a match, once it runs.
    pub fn connect(&self, id: &MatchId, player: PlayerId) -> PlayerLink {
        self.told.run_of(id);
        let live = self.fleet.live(id).expect("the match runs");
        live.connect(player, Bytes::from(format!("player {player}"))).unwrap()
    }

    /// Replays the one part of a log up to tick `to`, or as far as it goes.
    pub fn replay(
        &self,
        program: &Program,
        log: &InputLog,
        to: Option<i64>,
        watch: impl FnMut(ReplayedTick<'_>) -> ControlFlow<()> + Send,
    ) -> Result<Replayed, ReplayError> {
        let [part] = log.parts()[..] else { panic!("the log has more than one part") };
        self.fleet.replay(program, Stretch { part, from: None }, to, watch)
    }

    /// Starts a match of the module, and answers its id.
    pub fn start(&self, wat: &str, tick_hz: u16) -> MatchId {
        let spec = self.spec(&self.program(wat), tick_hz);
        let id = spec.id.clone();
        self.fleet.apply(Action::Start(spec)).unwrap();
        id
    }
}

/// Everything that the match sends to the player until the link is closed.
pub async fn all(link: &PlayerLink) -> Vec<Bytes> {
    let mut all = Vec::new();
    while let Outgoing::Message(bytes) = link.next().await {
        all.push(bytes);
    }
    all
}

/// The next frame of a [`stateful`] sim: its tick and version.
pub async fn next_frame(link: &PlayerLink) -> (i64, u8) {
    loop {
        match link.next().await {
            Outgoing::Message(bytes) if bytes.len() == FRAME => return frame(&bytes),
            Outgoing::Message(_) => {}
            closed @ Outgoing::Closed(_) => panic!("{closed:?}"),
        }
    }
}

/// The next event that the match broadcasts: type, player, status and payload.
pub async fn next_event(link: &PlayerLink) -> (u8, u8, i8, Vec<u8>) {
    loop {
        match link.next().await {
            Outgoing::Message(bytes) if bytes.len() == FRAME => {}
            Outgoing::Message(bytes) => {
                return (bytes[0], bytes[8], bytes[16] as i8, bytes[24..].to_vec());
            }
            closed @ Outgoing::Closed(_) => panic!("{closed:?}"),
        }
    }
}

/// Waits until the match broadcasts a player's message of that text.
pub async fn heard(link: &PlayerLink, text: &str) {
    while next_event(link).await.3 != text.as_bytes() {}
}

/// Runs a whole log again, part by part, each from its segment's snapshot: asserts that it ends as
/// it did, and answers with the last part's end.
pub fn assert_replays(
    host: &TestHost,
    programs: &[Program],
    log: &InputLog,
    bases: &[Arc<Snapshot>],
) -> Replayed {
    let parts = log.parts();
    let mut last = None;
    for part in &parts {
        let program = programs.iter().find(|program| program.sha256() == part.module());
        let base = part.start.map(|start| {
            let base = bases.iter().find(|base| base.state() == start.state);
            assert_eq!(base.map(|base| base.tick), Some(start.tick), "the base is kept");
            &**base.unwrap()
        });
        let stretch = Stretch { part: *part, from: base };
        let to = part.until.map(|until| until - 1);
        let run = host
            .fleet
            .replay(program.expect("its module"), stretch, to, |_| ControlFlow::Continue(()));
        let run = run.unwrap();
        let is_last = part.until.is_none();
        let extent = if is_last { Extent::End } else { Extent::Partial };
        assert_eq!(run.extent, extent, "of {} parts", parts.len());
        assert_eq!(run.ticks, part.until.or(part.end.map(|end| end.ticks)).unwrap());
        last = Some(run);
    }
    last.unwrap()
}

/// A peer that takes connections, never answers, and counts the requests that reach it.
pub fn silent() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if stream.read(&mut [0; 1_024]).is_ok_and(|size| size > 0) {
                count.fetch_add(1, Ordering::SeqCst);
            }
            held.push(stream);
        }
    });
    (url, taken)
}

/// Lets the matches of the tests' game fetch that.
pub fn allow(host: &TestHost, url: &str) {
    let entry = Entry { allow_private: true, ..url.parse().unwrap() };
    let own = GameEgress { allow: vec![entry], ..GameEgress::default() };
    let rules = Rules::new(&EgressPolicy::default(), &own).unwrap();
    host.fleet.egress().set(&GameId::from_random([1; 10]), 1, rules);
}
