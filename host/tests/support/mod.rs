//! What the host's tests share: modules written as text, a fleet in a temporary folder, and a
//! record of what it reported.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use bytes::Bytes;
use lattice_host::{
    Action, Fleet, HostSettings, InputChunk, LogLine, MatchEnd, MatchSpec, Origin, Outgoing,
    PlayerLink, Program, Reports, Resume, Snapshot,
    egress::{EgressSettings, FetchRecord, SystemNetwork},
    replay::{Extent, ReplayError, Replayed, ReplayedTick, Stretch},
};
use lattice_policies::{GameId, MatchId, PlayerId, Policy, admission};
use lattice_surface::InputLog;
use tokio::sync::mpsc;

/// A sim that broadcasts every event it gets, as it got it, and after them the tick's number
/// (8 bytes, droppable). A message that begins with `k` kicks its sender, `f` finishes the match,
/// `d` declares a fault, `t` traps, `r` sets the message as the result.
pub const ECHO: &str = r#"(module
  (import "env" "lattice_ms_event_next" (func $next (param i32 i32) (result i32)))
  (import "env" "lattice_ms_broadcast" (func $broadcast (param i32 i32 i32) (result i32)))
  (import "env" "lattice_ms_kick" (func $kick (param i32 i32) (result i32)))
  (import "env" "lattice_ms_result" (func $result (param i32 i32) (result i32)))
  (import "env" "lattice_ms_log" (func $log (param i32 i32 i32)))
  (memory (export "memory") 2)
  (data (i32.const 100000) "goodbye")
  (func (export "lattice_abi_v1"))
  (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
  (func (export "lattice_sim_shutdown")
    (drop (call $broadcast (i32.const 100000) (i32.const 7) (i32.const 0))))
  (func (export "lattice_sim_tick") (param $tick i64) (result i32)
    (local $size i32) (local $letter i32)
    (loop $more
      (local.set $size (call $next (i32.const 1024) (i32.const 66000)))
      (if (i32.gt_s (local.get $size) (i32.const 0)) (then
        (drop (call $broadcast (i32.const 1024) (local.get $size) (i32.const 0)))
        (if (i32.and (i32.eq (i32.load16_u (i32.const 1024)) (i32.const 3)) (i32.gt_s (local.get $size) (i32.const 24))) (then
          (local.set $letter (i32.load8_u (i32.const 1048)))
          (if (i32.eq (local.get $letter) (i32.const 107)) (then
            (drop (call $kick (i32.load (i32.const 1032)) (i32.const 5)))))
          (if (i32.eq (local.get $letter) (i32.const 102)) (then (return (i32.const 1))))
          (if (i32.eq (local.get $letter) (i32.const 100)) (then (return (i32.const -77))))
          (if (i32.eq (local.get $letter) (i32.const 116)) (then (unreachable)))
          (if (i32.eq (local.get $letter) (i32.const 114)) (then
            (drop (call $result (i32.const 1048) (i32.sub (local.get $size) (i32.const 24))))))))
        (br $more))))
    (i64.store (i32.const 0) (local.get $tick))
    (drop (call $broadcast (i32.const 0) (i32.const 8) (i32.const 1)))
    i32.const 0))"#;

/// A module around the body of its `tick` and whatever else it needs.
pub fn sim(items: &str, tick: &str) -> String {
    format!(
        r#"(module
  (import "env" "lattice_ms_log" (func $log (param i32 i32 i32)))
  (memory (export "memory") 2 64)
  {items}
  (func (export "lattice_abi_v1"))
  (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
  (func (export "lattice_sim_tick") (param i64) (result i32) {tick}))"#
    )
}

/// A sim whose state is in its memory, and in globals that it does not export. In each tick it pulls
/// one event, broadcasts it as it got it, and then a frame of 64 bytes: the tick, two sums over all
/// that it saw (one a float), and `version`. A message that begins with `k` kicks its sender, `f`
/// finishes the match, `t` traps, `r` sets the message as the result, `g` sets the gauge of that
/// name, `h` fetches that URL, `w` makes its memory two megabytes large and writes at its end.
pub fn stateful(version: u8, items: &str) -> String {
    format!(
        r#"(module
  (import "env" "lattice_ms_event_next" (func $next (param i32 i32) (result i32)))
  (import "env" "lattice_ms_broadcast" (func $broadcast (param i32 i32 i32) (result i32)))
  (import "env" "lattice_ms_kick" (func $kick (param i32 i32) (result i32)))
  (import "env" "lattice_ms_result" (func $result (param i32 i32) (result i32)))
  (import "env" "lattice_ms_gauge" (func $gauge (param i32 i32 f64) (result i32)))
  (import "env" "lattice_ms_http_request"
    (func $request (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "lattice_ms_state_write" (func $write (param i32 i32) (result i32)))
  (import "env" "lattice_ms_state_read" (func $read (param i32 i32) (result i32)))
  (memory (export "memory") 2 64)
  (global $sum (mut i64) (i64.const 1))
  (global $root (mut f64) (f64.const 0.5))
  {items}
  (func (export "lattice_abi_v1"))
  (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
  (func $obey (param $letter i32) (param $at i32) (param $size i32) (result i32)
    (if (i32.eq (local.get $letter) (i32.const 107)) (then
      (drop (call $kick (i32.load (i32.const 1032)) (i32.const 5)))))
    (if (i32.eq (local.get $letter) (i32.const 116)) (then (unreachable)))
    (if (i32.eq (local.get $letter) (i32.const 114)) (then
      (drop (call $result (local.get $at) (local.get $size)))))
    (if (i32.eq (local.get $letter) (i32.const 103)) (then
      (drop (call $gauge (local.get $at) (local.get $size) (global.get $root)))))
    (if (i32.eq (local.get $letter) (i32.const 104)) (then
      (drop (call $request (i32.const 0) (local.get $at) (local.get $size)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))))
    (if (i32.eq (local.get $letter) (i32.const 119)) (then
      (drop (memory.grow (i32.sub (i32.const 32) (memory.size))))
      (i64.store (i32.const 0x1ffff0) (global.get $sum))))
    (i32.eq (local.get $letter) (i32.const 102)))
  (func (export "lattice_sim_tick") (param $tick i64) (result i32)
    (local $size i32) (local $over i32)
    (local.set $size (call $next (i32.const 1024) (i32.const 66000)))
    (if (i32.gt_s (local.get $size) (i32.const 0)) (then
      (drop (call $broadcast (i32.const 1024) (local.get $size) (i32.const 0)))
      (if (i32.and (i32.eq (i32.load16_u (i32.const 1024)) (i32.const 3))
                   (i32.gt_s (local.get $size) (i32.const 24))) (then
        (local.set $over (call $obey (i32.load8_u (i32.const 1048)) (i32.const 1048)
          (i32.sub (local.get $size) (i32.const 24))))))))
    (global.set $sum (i64.add (i64.mul (global.get $sum) (i64.const 31))
      (i64.add (local.get $tick) (i64.extend_i32_s (local.get $size)))))
    (global.set $root (f64.sqrt (f64.add (global.get $root)
      (f64.convert_i32_s (local.get $size)))))
    (i64.store (i32.const 0) (local.get $tick))
    (i64.store (i32.const 8) (global.get $sum))
    (f64.store (i32.const 16) (global.get $root))
    (i32.store8 (i32.const 24) (i32.const {version}))
    (drop (call $broadcast (i32.const 0) (i32.const 64) (i32.const 0)))
    (local.get $over)))"#
    )
}

/// What a [`stateful`] sim needs to be saved and loaded by others of its kind.
pub const SAVE_AND_LOAD: &str = r#"
  (func (export "lattice_sim_save") (result i32)
    (i64.store (i32.const 512) (global.get $sum))
    (f64.store (i32.const 520) (global.get $root))
    (i32.ne (call $write (i32.const 512) (i32.const 16)) (i32.const 0)))
  (func (export "lattice_sim_load") (result i32)
    (drop (call $read (i32.const 512) (i32.const 16)))
    (global.set $sum (i64.load (i32.const 512)))
    (global.set $root (f64.load (i32.const 520)))
    i32.const 0)"#;

/// The size of the frame that a [`stateful`] sim broadcasts in each tick.
pub const FRAME: usize = 64;

/// The tick and the version of a frame.
pub fn frame(bytes: &[u8]) -> (i64, u8) {
    (i64::from_le_bytes(bytes[..8].try_into().unwrap()), bytes[24])
}

/// What is left of a match when its host is gone.
#[derive(Debug, Clone)]
pub struct Left {
    pub log: Vec<u8>,
    pub mark: i64,
    pub snapshots: Vec<Arc<Snapshot>>,
    pub rested: Option<i64>,
}

impl Left {
    pub fn log(&self) -> InputLog {
        InputLog::read(&self.log).unwrap()
    }

    /// What the next host goes on from: the newest snapshot, where `uses_snapshot`, and the log.
    pub fn resume(&self, uses_snapshot: bool) -> Resume {
        let newest = self.snapshots.iter().max_by_key(|snapshot| snapshot.tick);
        let snapshot = newest.filter(|_| uses_snapshot).map(|newest| (**newest).clone());
        Resume { log: self.log(), snapshot, at: self.rested.unwrap_or(self.mark + 1) }
    }
}

/// What the host told, for tests to wait on.
#[derive(Default)]
pub struct Told {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    started: Vec<MatchId>,
    logs: BTreeMap<MatchId, Vec<LogLine>>,
    inputs: BTreeMap<MatchId, Vec<u8>>,
    ended: BTreeMap<MatchId, MatchEnd>,
    resumed: BTreeMap<MatchId, i64>,
    marks: BTreeMap<MatchId, i64>,
    snapshots: BTreeMap<MatchId, Vec<Arc<Snapshot>>>,
    rested: BTreeMap<MatchId, i64>,
}

impl Reports for Told {
    fn started(&self, id: &MatchId) {
        self.state.lock().unwrap().started.push(id.clone());
        self.changed.notify_all();
    }

    fn logs(&self, id: &MatchId, lines: Vec<LogLine>) {
        self.state.lock().unwrap().logs.entry(id.clone()).or_default().extend(lines);
        self.changed.notify_all();
    }

    fn inputs(&self, id: &MatchId, chunk: InputChunk) {
        let mut state = self.state.lock().unwrap();
        let is_over = state.ended.contains_key(id) || state.rested.contains_key(id);
        assert!(!is_over, "nothing follows the end");
        state.inputs.entry(id.clone()).or_default().extend(chunk.bytes);
        let before = state.marks.insert(id.clone(), chunk.mark);
        assert!(before.is_none_or(|before| before <= chunk.mark), "a mark never goes back");
        drop(state);
        self.changed.notify_all();
    }

    fn resumed(&self, id: &MatchId, tick: i64) {
        self.state.lock().unwrap().resumed.insert(id.clone(), tick);
        self.changed.notify_all();
    }

    fn snapshot(&self, id: &MatchId, snapshot: &Arc<Snapshot>) -> bool {
        let mut state = self.state.lock().unwrap();
        let is_over = state.ended.contains_key(id) || state.rested.contains_key(id);
        assert!(!is_over, "nothing follows the end");
        state.snapshots.entry(id.clone()).or_default().push(Arc::clone(snapshot));
        drop(state);
        self.changed.notify_all();
        true
    }

    fn rested(&self, id: &MatchId, tick: i64) {
        let before = self.state.lock().unwrap().rested.insert(id.clone(), tick);
        assert!(before.is_none(), "a match is left once");
        self.changed.notify_all();
    }

    fn ended(&self, id: &MatchId, end: MatchEnd) {
        let before = self.state.lock().unwrap().ended.insert(id.clone(), end);
        assert!(before.is_none(), "a match ends once");
        self.changed.notify_all();
    }
}

impl Told {
    /// Waits until `find` finds; gives up after a time that only a hang can take.
    fn wait_for<T>(&self, what: &str, mut find: impl FnMut(&State) -> Option<T>) -> T {
        let mut state = self.state.lock().unwrap();
        loop {
            if let Some(found) = find(&state) {
                return found;
            }
            let (next, timeout) = self.changed.wait_timeout(state, Duration::from_mins(2)).unwrap();
            assert!(!timeout.timed_out(), "nothing happened while waiting for {what}");
            state = next;
        }
    }

    pub fn end_of(&self, id: &MatchId) -> MatchEnd {
        self.wait_for("the end of a match", |state| state.ended.get(id).cloned())
    }

    /// Waits until the match has begun, or goes on.
    fn run_of(&self, id: &MatchId) {
        self.wait_for("a match to run", |state| {
            (state.started.contains(id) || state.resumed.contains_key(id)).then_some(())
        });
    }

    pub fn start_of(&self, id: &MatchId) {
        self.wait_for("the start of a match", |state| state.started.contains(id).then_some(()));
    }

    /// Waits until the match goes on: the tick before which it does.
    pub fn resume_of(&self, id: &MatchId) -> i64 {
        self.wait_for("a match to go on", |state| state.resumed.get(id).copied())
    }

    /// Waits until so many snapshots of the match were taken.
    pub fn snapshots_of(&self, id: &MatchId, count: usize) -> Vec<Arc<Snapshot>> {
        self.wait_for("snapshots of a match", |state| {
            let taken = state.snapshots.get(id).cloned().unwrap_or_default();
            (taken.len() >= count).then_some(taken)
        })
    }

    /// Waits until the match was run through that tick, and that was told.
    pub fn mark_of(&self, id: &MatchId, through: i64) {
        self.wait_for("a mark", |state| {
            state.marks.get(id).filter(|mark| **mark >= through).copied()
        });
    }

    /// What a next host finds of the match, were this one gone now.
    pub fn left_of(&self, id: &MatchId) -> Left {
        let state = self.state.lock().unwrap();
        Left {
            log: state.inputs.get(id).cloned().unwrap_or_default(),
            mark: state.marks.get(id).copied().unwrap_or(-1),
            snapshots: state.snapshots.get(id).cloned().unwrap_or_default(),
            rested: state.rested.get(id).copied(),
        }
    }

    /// Begins with what an earlier host has told of the match's inputs.
    fn begin_with(&self, id: &MatchId, log: &[u8]) {
        self.state.lock().unwrap().inputs.insert(id.clone(), log.to_vec());
    }

    pub fn has_ended(&self, id: &MatchId) -> bool {
        self.state.lock().unwrap().ended.contains_key(id)
    }

    /// What has come into a match that has ended.
    pub fn inputs_of(&self, id: &MatchId) -> Vec<u8> {
        self.end_of(id);
        self.state.lock().unwrap().inputs.get(id).cloned().unwrap_or_default()
    }

    pub fn logs_of(&self, id: &MatchId) -> Vec<LogLine> {
        self.state.lock().unwrap().logs.get(id).cloned().unwrap_or_default()
    }
}

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
    next: std::cell::Cell<u8>,
}

impl TestHost {
    pub fn new() -> Self {
        Self::with(Policy::default(), 16)
    }

    pub fn with(policy: Policy, slots: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache_dir = folder.path().join("code");
        Self::in_folders(policy, slots, folder, cache_dir)
    }

    /// A host that finds compiled code in `cache_dir`.
    pub fn with_cache(cache_dir: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::in_folders(Policy::default(), 4, folder, cache_dir.to_owned())
    }

    fn in_folders(
        policy: Policy,
        slots: u32,
        folder: tempfile::TempDir,
        cache_dir: PathBuf,
    ) -> Self {
        let told = Arc::new(Told::default());
        let egress = EgressSettings {
            policy: policy.egress.clone(),
            roots: Vec::new(),
            records: audit(),
            network: Arc::new(SystemNetwork),
        };
        let settings =
            HostSettings { policy: policy.clone(), workers: 2, slots, cache_dir, egress };
        let fleet = Fleet::start(settings, told.clone()).unwrap();
        Self { fleet, told, folder, policy, next: std::cell::Cell::new(0) }
    }

    pub fn program(&self, wat: &str) -> Program {
        self.compile(&wat::parse_str(wat).unwrap())
    }

    pub fn compile(&self, wasm: &[u8]) -> Program {
        let admitted = admission::scan(wasm.to_vec(), &self.policy.admission)
            .unwrap_or_else(|rejection| panic!("{:?}", rejection.reasons));
        self.fleet.compile(&admitted).unwrap()
    }

    pub fn spec(&self, program: &Program, tick_hz: u16) -> MatchSpec {
        self.next.set(self.next.get() + 1);
        let id = MatchId::from_random([self.next.get(); 10]);
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
