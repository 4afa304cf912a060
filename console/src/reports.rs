//! What matches report, on its way into the store: taken without blocking from the threads that
//! tick, written by one thread of its own. A state is never lost; log lines over the bound are.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use lattice_host::{Fault, LogLine, MatchEnd, Outcome, Reports};
use lattice_policies::{MatchId, escape::guest_text};
use lattice_store::{MatchState, Store, StoreError};
use serde_json::{Value, json};

use crate::{feed::LogFeed, metrics::Metrics, schedule::Schedule};

/// Log text of one match that may wait to be written, in bytes.
const WAITING_LOG_BYTES: usize = 256 << 10;
/// What a line costs beside its text.
const LINE_BYTES: usize = 64;
/// Characters of a log line that are kept; a line is longer only by its escapes.
const LINE_CHARS: usize = 8 << 10;

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
    closed: bool,
}

/// Starts the writing thread; the reporter is the fleet's, the pump the server's.
pub(crate) fn start(
    store: Store,
    feed: Arc<LogFeed>,
    schedule: Arc<Schedule>,
    metrics: Arc<Metrics>,
) -> io::Result<(Reporter, Pump)> {
    let queue = Arc::new(Queue::default());
    let writer = Writer { store, feed };
    let source = Arc::clone(&queue);
    let thread = thread::Builder::new().name("reports".into()).spawn(move || {
        while let Some(reports) = source.take_all() {
            writer.write(reports);
        }
    })?;
    let reporter = Reporter { queue: Arc::clone(&queue), schedule, metrics };
    Ok((reporter, Pump { queue, thread }))
}

impl Pump {
    /// Writes what waits, and ends. The fleet must be down by then.
    pub(crate) fn end(self) {
        self.queue.lock().closed = true;
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

    /// Waits for reports; `None` once the queue is closed and empty.
    fn take_all(&self) -> Option<VecDeque<Report>> {
        let wait = |waiting: &mut Waiting| waiting.reports.is_empty() && !waiting.closed;
        let waiting = self.changed.wait_while(self.lock(), wait);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        waiting.log_bytes.clear();
        let reports = std::mem::take(&mut waiting.reports);
        (!reports.is_empty()).then_some(reports)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Writer {
    store: Store,
    feed: Arc<LogFeed>,
}

impl Writer {
    /// Writes reports in their order; neighbouring log lines go in one transaction.
    fn write(&self, reports: VecDeque<Report>) {
        let mut lines = Vec::new();
        for report in reports {
            match report {
                Report::Logs(id, logged) => lines.extend(logged.iter().map(|line| kept(&id, line))),
                Report::Started(id) => {
                    self.write_lines(&mut lines);
                    self.write_state(&id, || self.store.match_running(&id));
                }
                Report::Ended(id, end) => {
                    self.write_lines(&mut lines);
                    let end = stored(*end);
                    self.write_state(&id, || self.store.end_match(&id, &end));
                }
            }
        }
        self.write_lines(&mut lines);
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

    /// Writes a state, again and again for a while: a full disk may have room again. What can't be
    /// written at all is set right at the next start, when the match counts as lost.
    fn write_state(&self, id: &MatchId, write: impl Fn() -> Result<bool, StoreError>) {
        const ATTEMPTS: u32 = 5;
        const PAUSE: Duration = Duration::from_millis(200);
        for attempt in 1..=ATTEMPTS {
            match write() {
                Ok(_) => break,
                Err(error) => tracing::error!(%error, %id, attempt, "a match's state is not kept"),
            }
            thread::sleep(PAUSE);
        }
        self.feed.wake(id);
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
        assert_eq!(queue.take_all().unwrap().len(), 3);
        assert!(queue.push_logs(&noisy, vec![line("room again")]));
    }

    #[test]
    fn a_closed_queue_gives_what_is_left_and_then_nothing() {
        let queue = Queue::default();
        queue.push(Report::Started(MatchId::from_random([1; 10])));
        queue.lock().closed = true;
        assert_eq!(queue.take_all().unwrap().len(), 1);
        assert!(queue.take_all().is_none());
    }

    #[test]
    fn a_line_is_kept_escaped() {
        let kept = kept(&MatchId::from_random([1; 10]), &line("\u{1b}[31mred"));
        assert_eq!(kept.text, "\\u{1b}[31mred");
        assert_eq!((kept.tick, kept.level), (3, 2));
    }
}
