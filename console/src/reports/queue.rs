//! Reports that wait for the thread that writes them: taken without blocking, bounded by match.
//! Never writes, and never loses a state.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use lattice_host::{InputChunk, LogLine, MatchEnd, PAGE_BYTES, Snapshot, Written};
use lattice_policies::{MatchId, isolation::Isolation};
use lattice_store::InputAppend;

/// Log text of one match that may wait to be written, in bytes.
const WAITING_LOG_BYTES: usize = 256 << 10;
/// How long marks wait that nobody waits for, so that those of many matches are written as one.
const MARKS_WAIT: Duration = Duration::from_millis(200);
/// What a line costs beside its text.
const LINE_BYTES: usize = 64;
/// Inputs of one match that may wait to be written, in bytes; a single chunk may be larger.
const WAITING_INPUT_BYTES: usize = 4 << 20;
/// Snapshots of all matches that may wait to be written, in bytes; a single one may be larger.
const WAITING_SNAPSHOT_BYTES: usize = 256 << 20;

/// What a match reported.
pub(super) enum Report {
    Started(MatchId, Option<Isolation>),
    Logs(MatchId, Vec<LogLine>),
    Inputs(InputAppend),
    Snapshot(MatchId, Arc<Snapshot>),
    Resumed(MatchId, i64, Option<Isolation>),
    Rested(MatchId, i64),
    Ended(MatchId, Box<MatchEnd>),
}

/// What waited to be written.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) reports: VecDeque<Report>,
    /// The ticks that matches have come to; to be written after the reports.
    pub(super) marks: BTreeMap<MatchId, Mark>,
}

/// The tick that a match has come to, and who waits for that to be written, and all inputs before.
#[derive(Default)]
pub(super) struct Mark {
    pub(super) tick: i64,
    pub(super) written: Vec<Written>,
}

impl Mark {
    /// Goes over to a later one.
    pub(super) fn follow(&mut self, later: Mark) {
        self.tick = later.tick;
        self.written.extend(later.written);
    }
}

/// Where reports wait for the thread that writes them.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    reports: VecDeque<Report>,
    log_bytes: HashMap<MatchId, usize>,
    /// Of the matches that have not ended, or not as far as it is written.
    inputs: HashMap<MatchId, WaitingInputs>,
    marks: BTreeMap<MatchId, Mark>,
    /// Whether somebody waits for one of the marks.
    is_awaited: bool,
    /// Of the snapshots that are not written.
    snapshot_bytes: usize,
    /// Until when what waits may be written, once nothing more comes.
    closed: Option<Instant>,
}

/// The inputs of one match that wait to be written.
#[derive(Default)]
struct WaitingInputs {
    bytes: usize,
    /// Whether some got lost, so that none may follow.
    is_cut: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.reports.is_empty() && self.marks.is_empty()
    }

    fn is_urgent(&self) -> bool {
        !self.reports.is_empty() || self.is_awaited
    }
}

/// What a snapshot takes in memory.
fn bytes(snapshot: &Snapshot) -> usize {
    let pages = snapshot.memory.filled.len() * PAGE_BYTES;
    pages + snapshot.globals.len() + snapshot.surface.len()
}

impl Queue {
    pub(super) fn push(&self, report: Report) {
        self.lock().reports.push_back(report);
        self.changed.notify_one();
    }

    /// Queues lines, or drops them all when that match has too much waiting already.
    pub(super) fn push_logs(&self, id: &MatchId, lines: Vec<LogLine>) -> bool {
        let bytes: usize = lines.iter().map(|line| line.text.len() + LINE_BYTES).sum();
        let mut waiting = self.lock();
        let of_match = waiting.log_bytes.entry(id.clone()).or_default();
        if *of_match + bytes > WAITING_LOG_BYTES {
            return false;
        }
        *of_match += bytes;
        waiting.reports.push_back(Report::Logs(id.clone(), lines));
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// Queues records, or, when that match has too much waiting already, that its log ends here.
    /// Whoever waits for what got lost, or for what would follow it, is told so.
    pub(super) fn push_inputs(&self, id: &MatchId, chunk: InputChunk) {
        let InputChunk { bytes, mark, written } = chunk;
        let mut waiting = self.lock();
        let is_cut = waiting.inputs.get(id).is_some_and(|of_match| of_match.is_cut);
        let of_mark = waiting.marks.entry(id.clone()).or_default();
        of_mark.tick = mark;
        if bytes.is_empty() && !is_cut {
            let is_awaited = written.is_some();
            of_mark.written.extend(written);
            waiting.is_awaited |= is_awaited;
            drop(waiting);
            if is_awaited {
                self.changed.notify_one();
            }
            return;
        }
        let of_match = waiting.inputs.entry(id.clone()).or_default();
        if of_match.is_cut {
            return;
        }
        let is_full = of_match.bytes > 0 && of_match.bytes + bytes.len() > WAITING_INPUT_BYTES;
        let match_id = id.clone();
        let append = if is_full {
            of_match.is_cut = true;
            InputAppend::Lost { match_id }
        } else {
            of_match.bytes += bytes.len();
            let of_mark = waiting.marks.entry(id.clone()).or_default();
            of_mark.written.extend(written);
            InputAppend::Records { match_id, bytes }
        };
        waiting.reports.push_back(Report::Inputs(append));
        drop(waiting);
        self.changed.notify_one();
    }

    /// Queues a snapshot, if those that wait leave room for it.
    pub(super) fn push_snapshot(&self, id: &MatchId, snapshot: &Arc<Snapshot>) -> bool {
        let mut waiting = self.lock();
        let bytes = bytes(snapshot);
        if waiting.snapshot_bytes > 0 && waiting.snapshot_bytes + bytes > WAITING_SNAPSHOT_BYTES {
            return false;
        }
        waiting.snapshot_bytes += bytes;
        waiting.reports.push_back(Report::Snapshot(id.clone(), Arc::clone(snapshot)));
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// The snapshot waits no more.
    pub(super) fn snapshot_done(&self, snapshot: &Snapshot) {
        self.lock().snapshot_bytes -= bytes(snapshot);
    }

    /// So many bytes of a match's inputs wait no more.
    pub(super) fn inputs_written(&self, id: &MatchId, bytes: usize) {
        if let Some(of_match) = self.lock().inputs.get_mut(id) {
            of_match.bytes = of_match.bytes.saturating_sub(bytes);
        }
    }

    /// A match's log is cut where it is kept: what comes need not wait to be dropped there.
    pub(super) fn inputs_cut(&self, id: &MatchId) {
        if let Some(of_match) = self.lock().inputs.get_mut(id) {
            of_match.is_cut = true;
        }
    }

    /// A match has ended, and all of it is written.
    pub(super) fn forget(&self, id: &MatchId) {
        self.lock().inputs.remove(id);
    }

    /// Waits for reports, or for marks that somebody waits for, and gives what there is when the
    /// patience is over; `None` once the queue is closed and empty.
    pub(super) fn take_all(&self, patience: Duration) -> Option<Taken> {
        let wait = |waiting: &mut Waiting| !waiting.is_urgent() && waiting.closed.is_none();
        let patience = patience.min(MARKS_WAIT);
        let waited = self.changed.wait_timeout_while(self.lock(), patience, wait);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        waiting.log_bytes.clear();
        let goes_on = !waiting.is_empty() || waiting.closed.is_none();
        let reports = std::mem::take(&mut waiting.reports);
        let marks = std::mem::take(&mut waiting.marks);
        waiting.is_awaited = false;
        goes_on.then_some(Taken { reports, marks })
    }

    /// Nothing more comes; what waits may be written until then.
    pub(super) fn close(&self, until: Instant) {
        self.lock().closed = Some(until);
        self.changed.notify_one();
    }

    /// Until when what waits may be written, once nothing more comes.
    pub(super) fn closed(&self) -> Option<Instant> {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use lattice_host::Level;

    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine { tick: 3, level: Level::Info, text: text.into() }
    }

    #[test]
    fn one_match_that_floods_loses_its_own_lines_and_no_state() {
        let queue = Queue::default();
        let (noisy, quiet) = (MatchId::from_random([1; 10]), MatchId::from_random([2; 10]));
        let flood = vec![line(&"x".repeat(WAITING_LOG_BYTES / 2))];
        assert!(queue.push_logs(&noisy, flood.clone()));
        assert!(!queue.push_logs(&noisy, flood));
        assert!(queue.push_logs(&quiet, vec![line("hello")]));
        queue.push(Report::Started(noisy.clone(), None));
        assert_eq!(queue.take_all(Duration::ZERO).unwrap().reports.len(), 3);
        assert!(queue.push_logs(&noisy, vec![line("room again")]));
    }

    #[test]
    fn a_closed_queue_gives_what_is_left_and_then_nothing() {
        let queue = Queue::default();
        queue.push(Report::Started(MatchId::from_random([1; 10]), None));
        queue.close(Instant::now());
        assert_eq!(queue.take_all(Duration::ZERO).unwrap().reports.len(), 1);
        assert!(queue.take_all(Duration::ZERO).is_none());
    }

    fn chunk(bytes: Vec<u8>) -> InputChunk {
        InputChunk { bytes, mark: 0, written: None }
    }

    /// The inputs that wait, as the bytes of each chunk; `None` where they got lost.
    fn inputs(queue: &Queue) -> Vec<Option<usize>> {
        let reports = queue.take_all(Duration::ZERO).unwrap().reports;
        let length = |report| match report {
            Report::Inputs(InputAppend::Records { bytes, .. }) => Some(bytes.len()),
            Report::Inputs(InputAppend::Lost { .. }) => None,
            _ => panic!("only inputs wait"),
        };
        reports.into_iter().map(length).collect()
    }

    #[test]
    fn inputs_over_the_bound_cut_their_own_log_once_and_for_good() {
        let queue = Queue::default();
        let (noisy, quiet) = (MatchId::from_random([1; 10]), MatchId::from_random([2; 10]));
        let half = WAITING_INPUT_BYTES / 2;
        queue.push_inputs(&noisy, chunk(vec![0; half]));
        queue.push_inputs(&noisy, chunk(vec![0; half]));
        assert_eq!(inputs(&queue), [Some(half), Some(half)], "up to its last byte");
        // They are taken, and not yet written.
        queue.push_inputs(&noisy, chunk(vec![0; 1]));
        queue.push_inputs(&noisy, chunk(vec![0; 1]));
        queue.push_inputs(&quiet, chunk(vec![0; 1]));
        assert_eq!(inputs(&queue), [None, Some(1)]);
        queue.inputs_written(&noisy, 2 * half);
        queue.push_inputs(&noisy, chunk(vec![0; 1]));
        assert_eq!(inputs(&queue), [], "nothing follows what was lost");
        queue.forget(&noisy);
        queue.forget(&quiet);
        assert!(queue.lock().inputs.is_empty());
    }

    #[test]
    fn inputs_that_are_written_make_room_and_one_chunk_always_has_room() {
        let queue = Queue::default();
        let id = MatchId::from_random([1; 10]);
        let large = 2 * WAITING_INPUT_BYTES;
        for _ in 0..3 {
            queue.push_inputs(&id, chunk(vec![0; large]));
            assert_eq!(inputs(&queue), [Some(large)]);
            queue.inputs_written(&id, large);
        }
        queue.inputs_cut(&id);
        queue.push_inputs(&id, chunk(vec![0; 1]));
        assert_eq!(inputs(&queue), []);
    }
}
