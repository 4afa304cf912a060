//! What matches report, on its way into the store: taken without blocking from the threads that
//! tick, written by one thread of its own. A state waits until it can be written, be the disk full
//! for a day; log lines that can't be written, or are over the bound, are lost.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use lattice_host::{Fault, LogLine, MatchEnd, Outcome, Reports};
use lattice_policies::{MatchId, escape::guest_text};
use lattice_store::{MatchState, Store};
use serde_json::{Value, json};

use crate::{feed::LogFeed, metrics::Metrics, schedule::Schedule};

/// Log text of one match that may wait to be written, in bytes.
const WAITING_LOG_BYTES: usize = 256 << 10;
/// What a line costs beside its text.
const LINE_BYTES: usize = 64;
/// Characters of a log line that are kept; a line is longer only by its escapes.
const LINE_CHARS: usize = 8 << 10;

/// Between the attempts to write states that could not be written.
const PAUSE: Duration = Duration::from_millis(200);

/// Where the fleet's reports go.
pub(crate) struct Reporter {
    queue: Arc<Queue>,
    schedule: Arc<Schedule>,
    metrics: Arc<Metrics>,
}

/// The thread that writes reports.
pub(crate) struct Pump {
    queue: Arc<Queue>,
    thread: thread::JoinHandle<()>,
}

enum Report {
    Started(MatchId),
    Logs(MatchId, Vec<LogLine>),
    Ended(MatchId, Box<MatchEnd>),
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    reports: VecDeque<Report>,
    log_bytes: HashMap<MatchId, usize>,
    /// Until when what waits may be written, once nothing more comes.
    closed: Option<Instant>,
}

/// Starts the writing thread; the reporter is the fleet's, the pump the server's.
pub(crate) fn start(
    store: Store,
    feed: Arc<LogFeed>,
    schedule: Arc<Schedule>,
    metrics: Arc<Metrics>,
) -> io::Result<(Reporter, Pump)> {
    let queue = Arc::new(Queue::default());
    let mut writer = Writer { store, feed, unwritten: VecDeque::new() };
    let source = Arc::clone(&queue);
    let thread = thread::Builder::new().name("reports".into()).spawn(move || {
        while let Some(reports) = source.take_all(writer.patience()) {
            writer.write(reports);
        }
        let until = source.lock().closed;
        writer.finish(until.unwrap_or_else(Instant::now));
    })?;
    let reporter = Reporter { queue: Arc::clone(&queue), schedule, metrics };
    Ok((reporter, Pump { queue, thread }))
}

impl Pump {
    /// Writes what waits, and ends, after the grace at the latest. The fleet must be down by then.
    pub(crate) fn end(self, grace: Duration) {
        self.queue.lock().closed = Some(Instant::now() + grace);
        self.queue.changed.notify_one();
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes reports panicked");
        }
    }
}

impl Reports for Reporter {
    fn started(&self, id: &MatchId) {
        self.queue.push(Report::Started(id.clone()));
    }

    fn logs(&self, id: &MatchId, lines: Vec<LogLine>) {
        let count = lines.len();
        if !self.queue.push_logs(id, lines) {
            self.metrics.log_lines_dropped(count);
        }
    }

    fn ended(&self, id: &MatchId, end: MatchEnd) {
        self.schedule.ended(id);
        self.queue.push(Report::Ended(id.clone(), Box::new(end)));
    }
}

impl Queue {
    fn push(&self, report: Report) {
        self.lock().reports.push_back(report);
        self.changed.notify_one();
    }

    /// Queues lines, or drops them all when that match has too much waiting already.
    fn push_logs(&self, id: &MatchId, lines: Vec<LogLine>) -> bool {
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

    /// Waits for reports, and gives none when the patience is over; `None` once the queue is
    /// closed and empty.
    fn take_all(&self, patience: Duration) -> Option<VecDeque<Report>> {
        let wait = |waiting: &mut Waiting| waiting.reports.is_empty() && waiting.closed.is_none();
        let waited = self.changed.wait_timeout_while(self.lock(), patience, wait);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        waiting.log_bytes.clear();
        let reports = std::mem::take(&mut waiting.reports);
        (!reports.is_empty() || waiting.closed.is_none()).then_some(reports)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A match's new state.
enum State {
    Running(MatchId),
    Ended(MatchId, lattice_store::MatchEnd),
}

struct Writer {
    store: Store,
    feed: Arc<LogFeed>,
    /// In their order; two a match at most, and no match starts while nothing can be written.
    unwritten: VecDeque<State>,
}

impl Writer {
    /// How long to wait for reports before the next attempt.
    fn patience(&self) -> Duration {
        if self.unwritten.is_empty() { Duration::MAX } else { PAUSE }
    }

    /// Writes reports in their order; neighbouring log lines go in one transaction.
    fn write(&mut self, reports: VecDeque<Report>) {
        let mut lines = Vec::new();
        self.write_states();
        for report in reports {
            let state = match report {
                Report::Logs(id, logged) => {
                    lines.extend(logged.iter().map(|line| kept(&id, line)));
                    continue;
                }
                Report::Started(id) => State::Running(id),
                Report::Ended(id, end) => State::Ended(id, stored(*end)),
            };
            self.write_lines(&mut lines);
            self.unwritten.push_back(state);
            if self.unwritten.len() == 1 {
                self.write_states();
            }
        }
        self.write_lines(&mut lines);
    }

    /// Tries until all states are written, or until then. A match whose state can't be written at
    /// all counts as lost at the next start.
    fn finish(mut self, until: Instant) {
        while !self.unwritten.is_empty() && Instant::now() < until {
            thread::sleep(PAUSE);
            self.write_states();
        }
        if !self.unwritten.is_empty() {
            tracing::error!(states = self.unwritten.len(), "states of matches are lost");
        }
    }

    /// Writes the states that wait, up to the first that can't be written.
    fn write_states(&mut self) {
        while let Some(state) = self.unwritten.front() {
            let (id, written) = match state {
                State::Running(id) => (id, self.store.match_running(id)),
                State::Ended(id, end) => (id, self.store.end_match(id, end)),
            };
            if let Err(error) = written {
                tracing::error!(%error, %id, "a match's state is not written yet");
                return;
            }
            self.feed.wake(id);
            self.unwritten.pop_front();
        }
    }

    fn write_lines(&self, lines: &mut Vec<lattice_store::LogLine>) {
        let lines = std::mem::take(lines);
        if lines.is_empty() {
            return;
        }
        if let Err(error) = self.store.append_logs(&lines) {
            tracing::error!(%error, lines = lines.len(), "log lines are lost");
        }
        let mut woken: Vec<_> = lines.iter().map(|line| &line.match_id).collect();
        woken.dedup();
        for id in woken {
            self.feed.wake(id);
        }
    }
}

fn kept(id: &MatchId, line: &LogLine) -> lattice_store::LogLine {
    lattice_store::LogLine {
        match_id: id.clone(),
        tick: line.tick,
        level: line.level as u8,
        text: guest_text(line.text.as_bytes(), LINE_CHARS),
    }
}

fn stored(end: MatchEnd) -> lattice_store::MatchEnd {
    let figures = json!({
        "Fuel": end.fuel,
        "DroppedPeriods": end.dropped_periods,
        "DroppedLogLines": end.dropped_log_lines,
    });
    let (state, fault) = match &end.outcome {
        Outcome::Finished => (MatchState::Finished, None),
        Outcome::Stopped => (MatchState::Stopped, None),
        Outcome::Faulted(fault) => (MatchState::Faulted, Some(fault_json(fault))),
    };
    let (ticks, result) = (end.ticks, end.result);
    lattice_store::MatchEnd { state, ticks, fault, result, figures: Some(figures) }
}

/// A fault as answers and the audit show it.
pub(crate) fn fault_json(fault: &Fault) -> Value {
    let frames = fault.frames.iter().map(|frame| match frame.offset {
        Some(offset) => json!({ "Function": frame.function, "Offset": offset }),
        None => json!({ "Function": frame.function }),
    });
    let detail = guest_text(fault.detail.as_bytes(), 512);
    json!({
        "Kind": fault.kind.as_str(),
        "Entry": fault.entry,
        "Tick": fault.tick,
        "Detail": detail,
        "Frames": frames.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use lattice_host::Level;
    use lattice_policies::{GameId, Sha256, admission, policy::AdmissionLimits};
    use lattice_store::{Actor, NewMatch};

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
        queue.push(Report::Started(noisy.clone()));
        assert_eq!(queue.take_all(PAUSE).unwrap().len(), 3);
        assert!(queue.push_logs(&noisy, vec![line("room again")]));
    }

    #[test]
    fn a_closed_queue_gives_what_is_left_and_then_nothing() {
        let queue = Queue::default();
        queue.push(Report::Started(MatchId::from_random([1; 10])));
        queue.lock().closed = Some(Instant::now());
        assert_eq!(queue.take_all(PAUSE).unwrap().len(), 1);
        assert!(queue.take_all(PAUSE).is_none());
    }

    /// Keeps a match that has just been started.
    fn started(store: &Store) -> MatchId {
        let (actor, game) = (Actor::system(), GameId::from_random([1; 10]));
        let wasm = wat::parse_str(
            r#"(module (memory (export "memory") 1) (func (export "lattice_abi_v1"))
                (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
                (func (export "lattice_sim_tick") (param i64) (result i32) i32.const 0))"#,
        );
        let admitted = admission::scan(wasm.unwrap(), &AdmissionLimits::default()).unwrap();
        let (version, sha256) = ("1.0.0".parse().unwrap(), admitted.sha256());
        store.create_game(&actor, &game, "A game", "ada").unwrap();
        let policy = Sha256::of(b"policy");
        store.insert_build(&actor, &game, &version, &admitted, policy).unwrap();
        let id = MatchId::from_random([2; 10]);
        let config = Vec::new();
        let new = NewMatch { id: id.clone(), game, version, sha256, tick_hz: 60, seed: 7, config };
        store.insert_match(&actor, &new).unwrap();
        id
    }

    #[test]
    fn states_that_cannot_be_written_wait_and_are_written_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let id = started(&store);
        let state = || store.match_by_id(&id).unwrap().unwrap().state;
        let disk = rusqlite::Connection::open(folder.path().join("lattice.sqlite")).unwrap();
        let full = "CREATE TRIGGER full BEFORE UPDATE ON match_run
                    BEGIN SELECT RAISE(ABORT, 'full'); END";
        disk.execute_batch(full).unwrap();

        let feed = Arc::new(LogFeed::default());
        let mut writer = Writer { store: store.clone(), feed, unwritten: VecDeque::new() };
        writer.write(VecDeque::from([Report::Started(id.clone())]));
        let end = lattice_store::MatchEnd {
            state: MatchState::Finished,
            ticks: 5,
            fault: None,
            result: None,
            figures: None,
        };
        writer.unwritten.push_back(State::Ended(id.clone(), end));
        for _ in 0..20 {
            writer.write(VecDeque::new());
        }
        assert_eq!((state(), writer.patience()), (MatchState::Starting, PAUSE));

        disk.execute_batch("DROP TRIGGER full").unwrap();
        writer.write(VecDeque::new());
        assert_eq!((state(), writer.patience()), (MatchState::Finished, Duration::MAX));
        let query = "SELECT group_concat(action, ' ' ORDER BY seq) FROM audit_row WHERE action LIKE 'match.%'";
        let audited: String = disk.query_row(query, [], |row| row.get(0)).unwrap();
        assert_eq!(audited, "match.start match.run match.end");
    }

    #[test]
    fn a_line_is_kept_escaped() {
        let kept = kept(&MatchId::from_random([1; 10]), &line("\u{1b}[31mred"));
        assert_eq!(kept.text, "\\u{1b}[31mred");
        assert_eq!((kept.tick, kept.level), (3, 2));
    }
}
