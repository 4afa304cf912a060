//! What matches report, on its way into the store: taken without blocking from the threads that
//! tick, written by one thread of its own. A state waits until it can be written, be the disk full
//! for a day; so do inputs, up to a bound, where their log is cut; log lines that can't be written,
//! or are over the bound, are lost.

mod endings;
mod keeper;
mod queue;

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use lattice_host::{InputChunk, LogLine, MatchEnd, Outcome, Reports, Snapshot};
use lattice_policies::{MatchId, escape::guest_text};
use lattice_store::{InputAppend, Store, StoreError};
use serde_json::json;

pub(crate) use self::keeper::keep;
use self::{
    keeper::Keeper,
    queue::{Queue, Report, Taken},
};
use crate::{feed::LogFeed, metrics::Metrics, receipt::Keys, schedule::Schedule};

/// Characters of a log line that are kept; a line is longer only by its escapes.
const LINE_CHARS: usize = 8 << 10;

/// Chunks of inputs that are written in one transaction.
const CHUNKS_AT_ONCE: usize = 64;

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

/// Starts the writing thread; the reporter is the fleet's, the pump the server's. A match's input
/// log is cut before it is longer than `most_inputs` bytes.
pub(crate) fn start(
    store: Store,
    keys: Arc<Keys>,
    feed: Arc<LogFeed>,
    schedule: Arc<Schedule>,
    metrics: Arc<Metrics>,
    most_inputs: u64,
) -> io::Result<(Reporter, Pump)> {
    let queue = Arc::new(Queue::default());
    let source = Arc::clone(&queue);
    let mut writer = Writer::new(store, keys, feed, Arc::clone(&queue), most_inputs)?;
    let thread = thread::Builder::new().name("reports".into()).spawn(move || {
        while let Some(reports) = source.take_all(writer.patience()) {
            writer.write(reports);
        }
        let until = source.closed();
        writer.finish(until.unwrap_or_else(Instant::now));
    })?;
    let reporter = Reporter { queue: Arc::clone(&queue), schedule, metrics };
    Ok((reporter, Pump { queue, thread }))
}

impl Pump {
    /// Writes what waits, and ends, after the grace at the latest. The fleet must be down by then.
    pub(crate) fn end(self, grace: Duration) {
        self.queue.close(Instant::now() + grace);
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

    fn inputs(&self, id: &MatchId, chunk: InputChunk) {
        self.queue.push_inputs(id, chunk.bytes, chunk.mark);
    }

    fn resumed(&self, id: &MatchId, tick: i64) {
        self.queue.push(Report::Resumed(id.clone(), tick));
    }

    fn snapshot(&self, id: &MatchId, snapshot: &Arc<Snapshot>) -> bool {
        self.queue.push_snapshot(id, snapshot)
    }

    fn rested(&self, id: &MatchId, tick: i64) {
        self.schedule.ended(id);
        self.queue.push(Report::Rested(id.clone(), tick));
    }

    fn ended(&self, id: &MatchId, end: MatchEnd) {
        self.schedule.ended(id);
        self.queue.push(Report::Ended(id.clone(), Box::new(end)));
    }
}

/// What waits until it can be written.
enum Change {
    Running(MatchId),
    Inputs(InputAppend),
    Snapshot(MatchId, Arc<Snapshot>),
    Resumed(MatchId, i64),
    Rested(MatchId, i64),
    Ended(MatchId, Box<lattice_store::MatchEnd>),
    Lost(MatchId, String),
}

impl Change {
    fn inputs(&self) -> Option<&InputAppend> {
        match self {
            Change::Inputs(append) => Some(append),
            _ => None,
        }
    }
}

struct Writer {
    store: Store,
    keys: Arc<Keys>,
    feed: Arc<LogFeed>,
    queue: Arc<Queue>,
    most_inputs: u64,
    /// In their order. Two states a match at most, and no match starts while nothing can be
    /// written; inputs up to the bound.
    unwritten: VecDeque<Change>,
    /// The ticks that matches have come to.
    marks: BTreeMap<MatchId, i64>,
    keeper: Keeper,
}

impl Writer {
    fn new(
        store: Store,
        keys: Arc<Keys>,
        feed: Arc<LogFeed>,
        queue: Arc<Queue>,
        most_inputs: u64,
    ) -> io::Result<Self> {
        let keeper = Keeper::start(store.clone(), Arc::clone(&queue))?;
        let (unwritten, marks) = Default::default();
        Ok(Self { store, keys, feed, queue, most_inputs, unwritten, marks, keeper })
    }

    /// How long to wait for reports before the next attempt.
    fn patience(&self) -> Duration {
        if self.unwritten.is_empty() && self.marks.is_empty() { Duration::MAX } else { PAUSE }
    }

    /// Writes reports in their order, but for log lines, which only come before their match's end;
    /// neighbours of a kind go in one transaction.
    fn write(&mut self, taken: Taken) {
        let Taken { reports, marks } = taken;
        self.marks.extend(marks);
        let mut lines = Vec::new();
        let mut is_stuck = !self.write_changes();
        for report in reports {
            let change = match report {
                Report::Logs(id, logged) => {
                    lines.extend(logged.iter().map(|line| kept(&id, line)));
                    continue;
                }
                Report::Inputs(append) => {
                    self.unwritten.push_back(Change::Inputs(append));
                    continue;
                }
                Report::Started(id) => Change::Running(id),
                Report::Snapshot(id, snapshot) => Change::Snapshot(id, snapshot),
                Report::Resumed(id, tick) => Change::Resumed(id, tick),
                Report::Rested(id, tick) => Change::Rested(id, tick),
                Report::Ended(id, end) => ended(id, *end),
            };
            self.write_lines(&mut lines);
            self.unwritten.push_back(change);
            is_stuck = is_stuck || !self.write_changes();
        }
        self.write_lines(&mut lines);
        if !is_stuck && self.write_changes() {
            self.write_marks();
        }
    }

    /// Writes how far matches have come. All that came into them up to there is written.
    fn write_marks(&mut self) {
        let marks: Vec<_> = self.marks.iter().map(|(id, tick)| (id.clone(), *tick)).collect();
        if marks.is_empty() {
            return;
        }
        match self.store.put_marks(&marks) {
            Ok(()) => self.marks.clear(),
            Err(error) => tracing::error!(%error, "how far matches have come is not written yet"),
        }
    }

    /// Tries until all is written, or until then. A match whose end can't be written at all counts
    /// as lost at the next start.
    fn finish(mut self, until: Instant) {
        while !self.unwritten.is_empty() && Instant::now() < until {
            thread::sleep(PAUSE);
            self.write_changes();
        }
        self.write_marks();
        self.keeper.end();
        if !self.unwritten.is_empty() {
            tracing::error!(changes = self.unwritten.len(), "states or inputs of matches are lost");
        }
    }

    /// Writes what waits, up to the first that can't be written; gives whether that was all.
    fn write_changes(&mut self) -> bool {
        while let Some(change) = self.unwritten.front() {
            let written = match change {
                Change::Running(id) => self.store.match_running(id).map(|_| 1),
                Change::Ended(id, end) => {
                    endings::write(&self.store, &self.keys.host, id, end).map(|()| 1)
                }
                Change::Lost(id, why) => self.store.lose(id, why).map(|_| 1),
                Change::Resumed(id, tick) => self.store.resumed(id, *tick, json!({})).map(|()| 1),
                Change::Inputs(_) => self.write_inputs(),
                // What came in before is written, so it may be kept.
                Change::Snapshot(id, snapshot) => {
                    self.keeper.keep(id.clone(), Arc::clone(snapshot));
                    Ok(1)
                }
                Change::Rested(id, tick) => {
                    self.keeper.rest(id.clone(), *tick);
                    Ok(1)
                }
            };
            match written {
                Ok(written) => self.unwritten.drain(..written).for_each(|change| match change {
                    Change::Running(id) | Change::Resumed(id, _) => self.feed.wake(&id),
                    Change::Snapshot(..) => {}
                    Change::Ended(id, _) | Change::Lost(id, _) | Change::Rested(id, _) => {
                        self.queue.forget(&id);
                        self.feed.wake(&id);
                    }
                    Change::Inputs(InputAppend::Records { match_id, bytes }) => {
                        self.queue.inputs_written(&match_id, bytes.len());
                    }
                    Change::Inputs(InputAppend::Lost { .. }) => {}
                }),
                Err(error) => {
                    tracing::error!(%error, "what a match reported is not written yet");
                    return false;
                }
            }
        }
        true
    }

    /// Writes the inputs that are next; gives how many.
    fn write_inputs(&self) -> Result<usize, StoreError> {
        let next: Vec<_> =
            self.unwritten.iter().map_while(Change::inputs).take(CHUNKS_AT_ONCE).collect();
        for id in self.store.append_inputs(next.iter().copied(), self.most_inputs)? {
            tracing::warn!(%id, "the match's input log is cut, and the match goes on");
            self.queue.inputs_cut(&id);
        }
        Ok(next.len())
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

fn ended(id: MatchId, end: MatchEnd) -> Change {
    match end.outcome {
        Outcome::Lost { why } => Change::Lost(id, why),
        _ => Change::Ended(id, Box::new(endings::stored(end))),
    }
}

#[cfg(test)]
mod tests {
    use lattice_host::Level;
    use lattice_policies::{GameId, Sha256, admission, policy::AdmissionLimits};
    use lattice_store::{Actor, MatchState, NewMatch};

    use super::*;
    use crate::receipt::HostKey;

    fn writer(store: &Store, queue: &Arc<Queue>, most_inputs: u64) -> Writer {
        let keys = Arc::new(Keys { host: HostKey::draw(), public: Vec::new() });
        Writer::new(store.clone(), keys, Arc::default(), Arc::clone(queue), most_inputs).unwrap()
    }

    fn line(text: &str) -> LogLine {
        LogLine { tick: 3, level: Level::Info, text: text.into() }
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
        store.insert_build(&actor, &game, &version, &admitted, policy, None).unwrap();
        let id = MatchId::from_random([2; 10]);
        let (config, fork) = (Vec::new(), None);
        let new =
            NewMatch { id: id.clone(), game, version, sha256, tick_hz: 60, seed: 7, config, fork };
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

        let mut writer = writer(&store, &Arc::default(), 1 << 20);
        let reports = VecDeque::from([Report::Started(id.clone())]);
        writer.write(Taken { reports, ..Taken::default() });
        let end = lattice_store::MatchEnd {
            state: MatchState::Finished,
            ticks: 5,
            fault: None,
            result: None,
            figures: None,
            proof: None,
        };
        writer.unwritten.push_back(Change::Ended(id.clone(), Box::new(end)));
        for _ in 0..20 {
            writer.write(Taken::default());
        }
        assert_eq!((state(), writer.patience()), (MatchState::Starting, PAUSE));

        disk.execute_batch("DROP TRIGGER full").unwrap();
        writer.write(Taken::default());
        assert_eq!((state(), writer.patience()), (MatchState::Finished, Duration::MAX));
        let query = "SELECT group_concat(action, ' ' ORDER BY seq) FROM audit_row WHERE action LIKE 'match.%'";
        let audited: String = disk.query_row(query, [], |row| row.get(0)).unwrap();
        assert_eq!(audited, "match.start match.run match.end");
    }

    #[test]
    fn inputs_that_cannot_be_written_wait_and_come_before_their_matchs_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let id = started(&store);
        let disk = rusqlite::Connection::open(folder.path().join("lattice.sqlite")).unwrap();
        let full = "CREATE TRIGGER full BEFORE INSERT ON input_chunk
                    BEGIN SELECT RAISE(ABORT, 'full'); END";
        disk.execute_batch(full).unwrap();

        let queue = Arc::new(Queue::default());
        let mut writer = writer(&store, &queue, 1 << 20);
        for bytes in [&b"first, "[..], b"second, ", b"third"] {
            queue.push_inputs(&id, bytes.to_vec(), 0);
        }
        writer.write(queue.take_all(Duration::ZERO).unwrap());
        let end = lattice_store::MatchEnd {
            state: MatchState::Finished,
            ticks: 5,
            fault: None,
            result: None,
            figures: None,
            proof: None,
        };
        writer.unwritten.push_back(Change::Ended(id.clone(), Box::new(end)));
        writer.write(Taken::default());
        let state = || store.match_by_id(&id).unwrap().unwrap().state;
        assert_eq!((state(), writer.patience()), (MatchState::Starting, PAUSE));
        assert_eq!(store.inputs(&id).unwrap(), None, "all of a transaction, or nothing");

        disk.execute_batch("DROP TRIGGER full").unwrap();
        writer.write(Taken::default());
        assert_eq!((state(), writer.patience()), (MatchState::Finished, Duration::MAX));
        assert_eq!(store.inputs(&id).unwrap().unwrap(), b"first, second, third");
    }

    #[test]
    fn a_log_that_is_too_long_takes_nothing_more_from_the_queue() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let id = started(&store);
        let queue = Arc::new(Queue::default());
        let mut writer = writer(&store, &queue, 8);
        for bytes in [&b"12345678"[..], b"9"] {
            queue.push_inputs(&id, bytes.to_vec(), 0);
        }
        writer.write(queue.take_all(Duration::ZERO).unwrap());
        queue.push_inputs(&id, b"0".to_vec(), 0);
        assert!(queue.take_all(Duration::ZERO).unwrap().reports.is_empty());
        assert_eq!(store.inputs(&id).unwrap().unwrap(), b"12345678");
    }

    #[test]
    fn a_line_is_kept_escaped() {
        let kept = kept(&MatchId::from_random([1; 10]), &line("\u{1b}[31mred"));
        assert_eq!(kept.text, "\\u{1b}[31mred");
        assert_eq!((kept.tick, kept.level), (3, 2));
    }
}
