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

use lattice_host::{InputChunk, LogLine, MatchEnd, Outcome, Reports, Snapshot, Written};
use lattice_policies::{MatchId, escape::guest_text, isolation::Isolation};
use lattice_store::{InputAppend, Store, StoreError};

pub(crate) use self::keeper::keep;
use self::{
    keeper::Keeper,
    queue::{Mark, Queue, Report, Taken},
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
    fn started(&self, id: &MatchId, isolation: Option<&Isolation>) {
        self.queue.push(Report::Started(id.clone(), isolation.cloned()));
    }

    fn logs(&self, id: &MatchId, lines: Vec<LogLine>) {
        let count = lines.len();
        if !self.queue.push_logs(id, lines) {
            self.metrics.log_lines_dropped(count);
        }
    }

    fn inputs(&self, id: &MatchId, chunk: InputChunk) {
        self.queue.push_inputs(id, chunk);
    }

    fn resumed(&self, id: &MatchId, tick: i64, isolation: Option<&Isolation>) {
        self.queue.push(Report::Resumed(id.clone(), tick, isolation.cloned()));
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
    Running(MatchId, Option<Isolation>),
    Inputs(InputAppend),
    Snapshot(MatchId, Arc<Snapshot>),
    Resumed(MatchId, i64, Option<Isolation>),
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
    marks: BTreeMap<MatchId, Mark>,
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
        for (id, mark) in marks {
            self.marks.entry(id).or_default().follow(mark);
        }
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
                Report::Started(id, isolation) => Change::Running(id, isolation),
                Report::Snapshot(id, snapshot) => Change::Snapshot(id, snapshot),
                Report::Resumed(id, tick, isolation) => Change::Resumed(id, tick, isolation),
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
        let marks: Vec<_> = self.marks.iter().map(|(id, mark)| (id.clone(), mark.tick)).collect();
        if marks.is_empty() {
            return;
        }
        match self.store.put_marks(&marks) {
            Ok(()) => {
                let marks = std::mem::take(&mut self.marks).into_values();
                marks.flat_map(|mark| mark.written).for_each(Written::done);
            }
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
        if self.unwritten.is_empty() {
            self.write_marks();
        }
        self.keeper.end();
        if !self.unwritten.is_empty() {
            tracing::error!(changes = self.unwritten.len(), "states or inputs of matches are lost");
        }
    }

    /// Writes what waits, up to the first that can't be written; gives whether that was all.
    fn write_changes(&mut self) -> bool {
        while let Some(change) = self.unwritten.front() {
            let written = match change {
                Change::Running(id, isolation) => {
                    self.store.match_running(id, isolation.as_ref()).map(|_| 1)
                }
                Change::Ended(id, end) => {
                    endings::write(&self.store, &self.keys.host, id, end).map(|()| 1)
                }
                Change::Lost(id, why) => self.store.lose(id, why).map(|_| 1),
                Change::Resumed(id, tick, isolation) => {
                    self.store.resumed(id, *tick, isolation.as_ref()).map(|()| 1)
                }
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
                    Change::Running(id, _) | Change::Resumed(id, ..) => self.feed.wake(&id),
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
    fn write_inputs(&mut self) -> Result<usize, StoreError> {
        let next: Vec<_> =
            self.unwritten.iter().map_while(Change::inputs).take(CHUNKS_AT_ONCE).collect();
        for id in self.store.append_inputs(next.iter().copied(), self.most_inputs)? {
            tracing::warn!(%id, "the match's input log is cut, and the match goes on");
            self.queue.inputs_cut(&id);
            let waiting = self.marks.get_mut(&id).map(|mark| std::mem::take(&mut mark.written));
            waiting.into_iter().flatten().for_each(Written::lost);
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
mod tests;
