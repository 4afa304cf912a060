//! What the host told, for tests to wait on; what it told of inputs becomes durable when they say.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lattice_host::{InputChunk, LogLine, MatchEnd, Reports, Resume, Snapshot, Written};
use lattice_policies::{MatchId, isolation::Isolation};
use lattice_surface::InputLog;

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
    /// Whether chunks of inputs are held back.
    holds: AtomicBool,
}

#[derive(Default)]
struct State {
    started: Vec<MatchId>,
    logs: BTreeMap<MatchId, Vec<LogLine>>,
    inputs: BTreeMap<MatchId, Vec<u8>>,
    /// What is not durable yet.
    held: VecDeque<(MatchId, InputChunk)>,
    ended: BTreeMap<MatchId, MatchEnd>,
    resumed: BTreeMap<MatchId, i64>,
    isolation: BTreeMap<MatchId, Isolation>,
    marks: BTreeMap<MatchId, i64>,
    snapshots: BTreeMap<MatchId, Vec<Arc<Snapshot>>>,
    rested: BTreeMap<MatchId, i64>,
}

impl State {
    /// Makes a chunk and its mark durable.
    fn keep(&mut self, id: &MatchId, chunk: &InputChunk) {
        self.inputs.entry(id.clone()).or_default().extend(&chunk.bytes);
        let before = self.marks.insert(id.clone(), chunk.mark);
        assert!(before.is_none_or(|before| before <= chunk.mark), "a mark never goes back");
    }
}

impl Reports for Told {
    fn started(&self, id: &MatchId, isolation: Option<&Isolation>) {
        let mut state = self.state.lock().unwrap();
        state.isolation.extend(isolation.map(|isolation| (id.clone(), isolation.clone())));
        state.started.push(id.clone());
        drop(state);
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
        if self.holds.load(Ordering::SeqCst) {
            state.held.push_back((id.clone(), chunk));
            drop(state);
            return self.changed.notify_all();
        }
        state.keep(id, &chunk);
        drop(state);
        chunk.written.into_iter().for_each(Written::done);
        self.changed.notify_all();
    }

    fn resumed(&self, id: &MatchId, tick: i64, isolation: Option<&Isolation>) {
        let mut state = self.state.lock().unwrap();
        state.isolation.extend(isolation.map(|isolation| (id.clone(), isolation.clone())));
        state.resumed.insert(id.clone(), tick);
        drop(state);
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
    pub fn run_of(&self, id: &MatchId) {
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

    /// The barriers that were told of the match.
    pub fn isolation_of(&self, id: &MatchId) -> Option<Isolation> {
        self.state.lock().unwrap().isolation.get(id).cloned()
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

    /// Holds chunks of inputs back from now on: none becomes durable by itself.
    pub fn hold(&self) {
        self.holds.store(true, Ordering::SeqCst);
    }

    /// How many chunks are held back, and the mark of the last.
    pub fn held(&self) -> (usize, Option<i64>) {
        let state = self.state.lock().unwrap();
        (state.held.len(), state.held.back().map(|(_, chunk)| chunk.mark))
    }

    /// Waits until so many chunks are held back.
    pub fn wait_held(&self, count: usize) {
        self.wait_for("a chunk", |state| (state.held.len() >= count).then_some(()));
    }

    /// Makes the first `count` of the chunks that are held back durable.
    pub fn keep(&self, count: usize) {
        for _ in 0..count {
            let mut state = self.state.lock().unwrap();
            let Some((id, chunk)) = state.held.pop_front() else { return };
            state.keep(&id, &chunk);
            drop(state);
            chunk.written.into_iter().for_each(Written::done);
        }
        self.changed.notify_all();
    }

    /// Makes all chunks durable that are held back, and those to come.
    pub fn let_go(&self) {
        loop {
            self.keep(1);
            let state = self.state.lock().unwrap();
            if state.held.is_empty() {
                return self.holds.store(false, Ordering::SeqCst);
            }
        }
    }

    /// Loses the first of the chunks that are held back.
    pub fn lose(&self) {
        let lost = self.state.lock().unwrap().held.pop_front();
        lost.into_iter().filter_map(|(_, chunk)| chunk.written).for_each(Written::lost);
    }

    /// Begins with what an earlier host has told of the match's inputs.
    pub fn begin_with(&self, id: &MatchId, log: &[u8]) {
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
