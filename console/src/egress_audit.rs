//! What becomes of sims' fetches, on its way into the audit: written in batches by one thread of
//! its own. While nothing can be written, be the disk full for a day, the records wait, then the
//! bounded queue behind them fills, and then no fetch leaves: what left is always on record.

use std::{
    io,
    thread::{self, JoinHandle},
    time::Duration,
};

use lattice_host::egress::FetchRecord;
use lattice_policies::{GameId, MatchId, escape::guest_text};
use lattice_store::{Actor, AuditEntry, Store, StoreError};
use serde_json::{Value, json};
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    time::{Instant, sleep, timeout_at},
};

use crate::secrets;

/// Records that wait to be written, at most; each fetch under way has its place among them.
const WAITING: usize = 1_024;
/// Records of one transaction at most.
const BATCH: usize = 256;
/// Between the attempts to write records that could not be written.
const PAUSE: Duration = Duration::from_millis(200);
/// Characters of a text that is kept; a URL of guests is no longer.
const MOST_CHARS: usize = 8 << 10;

/// The thread that writes, and the way to end it.
pub(crate) struct EgressAudit {
    /// Until when what waits may be written, once nothing more comes.
    end: watch::Sender<Option<Instant>>,
    thread: JoinHandle<()>,
}

/// Starts the writing thread, whose timers are the runtime's; the sender is the egress's.
pub(crate) fn start(
    store: Store,
    runtime: Handle,
) -> io::Result<(mpsc::Sender<FetchRecord>, EgressAudit)> {
    let (sender, records) = mpsc::channel(WAITING);
    let (end, ends) = watch::channel(None);
    let writer = Writer { store, records, ends };
    let thread = thread::Builder::new()
        .name("egress-audit".into())
        .spawn(move || runtime.block_on(writer.run()))?;
    Ok((sender, EgressAudit { end, thread }))
}

impl EgressAudit {
    /// Writes what waits, and ends, after the grace at the latest. The egress must be down by then.
    pub(crate) fn end(self, grace: Duration) {
        self.end.send_replace(Some(Instant::now() + grace));
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes the egress audit panicked");
        }
    }
}

struct Writer {
    store: Store,
    records: mpsc::Receiver<FetchRecord>,
    ends: watch::Receiver<Option<Instant>>,
}

impl Writer {
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(until) = self.take(&mut batch).await {
            if !self.write(&batch, until).await {
                let waiting = batch.len() + self.records.len();
                tracing::error!(records = waiting, "records of fetches are lost");
                return;
            }
            batch.clear();
        }
    }

    /// Waits for records. Gives until when they may be written, if that is known by now; `None`
    /// once there are no more to come.
    async fn take(&mut self, batch: &mut Vec<FetchRecord>) -> Option<Option<Instant>> {
        loop {
            let until = *self.ends.borrow_and_update();
            let taken = match until {
                None => tokio::select! {
                    taken = self.records.recv_many(batch, BATCH) => taken,
                    _ = self.ends.changed() => continue,
                },
                Some(until) => {
                    self.records.close();
                    let rest = self.records.recv_many(batch, BATCH);
                    timeout_at(until, rest).await.unwrap_or(0)
                }
            };
            return (taken > 0).then_some(until);
        }
    }

    /// Tries until the records are written, or until the end's time is over: then `false`.
    async fn write(&mut self, batch: &[FetchRecord], mut until: Option<Instant>) -> bool {
        let mut is_told = false;
        while let Err(error) = self.store_all(batch) {
            if !is_told {
                tracing::error!(%error, "the audit of fetches is not written; they are held back once its queue is full");
                is_told = true;
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return false;
            }
            sleep(PAUSE).await;
            until = *self.ends.borrow();
        }
        if is_told {
            tracing::warn!("the audit of fetches is written again");
        }
        true
    }

    fn store_all(&self, batch: &[FetchRecord]) -> Result<(), StoreError> {
        let mut rows: Vec<Row<'_>> = batch.iter().map(Row::of).collect();
        let entries: Vec<_> = rows.iter_mut().map(Row::entry).collect();
        self.store.record_all(&Actor::system(), &entries)
    }
}

/// A record as the audit has it.
struct Row<'a> {
    action: &'static str,
    game: &'a GameId,
    target: String,
    outcome: &'static str,
    detail: Value,
}

impl<'a> Row<'a> {
    fn of(record: &'a FetchRecord) -> Self {
        match record {
            FetchRecord::Fetch {
                game,
                match_id,
                tick,
                id,
                method,
                url,
                outcome,
                status,
                detail,
                address,
                sent_bytes,
                received_bytes,
                waited_ms,
                took_ms,
            } => Self {
                action: "egress.fetch",
                game,
                target: format!("{method} {}", shown(url)),
                outcome,
                detail: json!({
                    "Match": match_id.as_str(),
                    "Tick": tick,
                    "Id": id,
                    "Status": status,
                    "Address": address.map(|address| address.to_string()),
                    "SentBytes": sent_bytes,
                    "ReceivedBytes": received_bytes,
                    "WaitedMs": waited_ms,
                    "TookMs": took_ms,
                    "Why": (!detail.is_empty()).then(|| shown(detail)),
                    // An owner sees the row's hash, and not all that it was made from.
                    "Salt": secrets::salt(),
                }),
            },
            FetchRecord::Refused { game, match_id, first_tick, last_tick, code, reason, count } => {
                Self {
                    action: "egress.refuse",
                    game,
                    target: match_id.as_ref().map_or(game.as_str(), MatchId::as_str).to_owned(),
                    outcome: "refused",
                    detail: json!({
                        "Match": match_id.as_ref().map(MatchId::as_str),
                        "FirstTick": first_tick,
                        "LastTick": last_tick,
                        "Code": code.name(),
                        "Reason": shown(reason),
                        "Count": count,
                    }),
                }
            }
        }
    }

    /// The row's entry, which takes the detail along.
    fn entry(&mut self) -> AuditEntry<'_> {
        AuditEntry {
            action: self.action,
            game: Some(self.game),
            target: &self.target,
            outcome: self.outcome,
            detail: self.detail.take(),
        }
    }
}

/// A text that a guest or a peer may have had a part in. What is printable already, such as one
/// that was escaped where it was made, stays as it is.
fn shown(text: &str) -> String {
    let is_plain =
        text.len() <= MOST_CHARS && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if is_plain { text.to_owned() } else { guest_text(text.as_bytes(), MOST_CHARS) }
}

#[cfg(test)]
mod tests {
    use lattice_policies::Code;
    use lattice_store::{AuditFilter, AuditRow, Page};
    use tokio::{runtime::Runtime, sync::mpsc::error::TrySendError};

    use super::*;

    struct World {
        folder: tempfile::TempDir,
        store: Store,
        runtime: Runtime,
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path()).unwrap();
            Self { folder, store, runtime: Runtime::new().unwrap() }
        }

        fn start(&self) -> (mpsc::Sender<FetchRecord>, EgressAudit) {
            start(self.store.clone(), self.runtime.handle().clone()).unwrap()
        }

        fn disk(&self) -> rusqlite::Connection {
            rusqlite::Connection::open(self.folder.path().join("lattice.sqlite")).unwrap()
        }

        fn count(&self) -> i64 {
            self.disk().query_row("SELECT count(*) FROM audit", [], |row| row.get(0)).unwrap()
        }

        /// The newest row.
        fn last(&self) -> AuditRow {
            self.store.audit(&AuditFilter::default(), &Page::first(1)).unwrap().remove(0)
        }
    }

    /// Writing the audit fails as long as this is there.
    const FULL: &str = "CREATE TRIGGER full BEFORE INSERT ON audit_row
        BEGIN SELECT RAISE(ABORT, 'full'); END";

    fn refused(reason: &str) -> FetchRecord {
        FetchRecord::Refused {
            game: GameId::from_random([1; 10]),
            match_id: Some(MatchId::from_random([2; 10])),
            first_tick: 3,
            last_tick: 9,
            code: Code::HttpNotAllowed,
            reason: reason.into(),
            count: 12,
        }
    }

    fn fetched(url: &str, detail: &str) -> FetchRecord {
        FetchRecord::Fetch {
            game: GameId::from_random([1; 10]),
            match_id: MatchId::from_random([2; 10]),
            tick: 3,
            id: 1,
            method: "GET",
            url: url.into(),
            outcome: "ok",
            status: Some(200),
            detail: detail.into(),
            address: Some(([127, 0, 0, 1], 9_000).into()),
            sent_bytes: 80,
            received_bytes: 200,
            waited_ms: 0,
            took_ms: 7,
        }
    }

    const LONG: Duration = Duration::from_mins(10);

    #[test]
    fn what_waits_at_the_end_is_written_in_its_order() {
        let world = World::new();
        let (records, audit) = world.start();
        for number in 0..BATCH + 10 {
            records.blocking_send(refused(&number.to_string())).unwrap();
        }
        audit.end(LONG);
        assert_eq!(world.count(), BATCH as i64 + 10);
        assert_eq!(world.last().detail["Reason"], (BATCH + 9).to_string());
        assert!(records.blocking_send(refused("late")).is_err(), "nothing is taken any more");
    }

    #[test]
    fn while_nothing_can_be_written_the_queue_fills_and_nothing_is_lost() {
        let world = World::new();
        world.disk().execute_batch(FULL).unwrap();
        let (records, audit) = world.start();
        // The writer holds one batch, and the queue the rest.
        records.blocking_send(refused("first")).unwrap();
        let mut sent = 1;
        let full = loop {
            match records.try_send(refused("more")) {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(full, TrySendError::Full(_)), "{full:?}");
        assert!(sent <= WAITING + BATCH, "{sent}");
        assert_eq!(world.count(), 0);

        world.disk().execute_batch("DROP TRIGGER full").unwrap();
        audit.end(LONG);
        assert_eq!(world.count(), sent as i64);
    }

    #[test]
    fn a_disk_that_stays_full_does_not_hold_up_the_end() {
        let world = World::new();
        world.disk().execute_batch(FULL).unwrap();
        let (records, audit) = world.start();
        records.blocking_send(refused("lost")).unwrap();
        audit.end(Duration::ZERO);
        assert_eq!(world.count(), 0);
    }

    #[test]
    fn a_fetch_is_a_row_with_its_figures_and_what_others_said_is_escaped() {
        let world = World::new();
        let (records, audit) = world.start();
        let url = "https://api.example.com:443/a\u{202e}?...";
        records.blocking_send(fetched(url, "peer said \u{1b}[31m")).unwrap();
        audit.end(LONG);
        let mut row = world.last();
        assert_eq!((&*row.action, &*row.outcome), ("egress.fetch", "ok"));
        assert_eq!(row.target, "GET https://api.example.com:443/a\\u{202e}?...");
        let expected = json!({
            "Match": MatchId::from_random([2; 10]).as_str(), "Tick": 3, "Id": 1, "Status": 200,
            "Address": "127.0.0.1:9000", "SentBytes": 80, "ReceivedBytes": 200, "WaitedMs": 0,
            "TookMs": 7, "Why": "peer said \\u{1b}[31m",
        });
        let salt = row.detail.as_object_mut().unwrap().remove("Salt").unwrap();
        assert_eq!(salt.as_str().unwrap().len(), 22);
        assert_eq!(row.detail, expected);
    }

    #[test]
    fn refusals_are_a_row_and_an_escaped_reason_is_not_escaped_again() {
        let world = World::new();
        let (records, audit) = world.start();
        records.blocking_send(refused("a URL has `\\u{202e}`")).unwrap();
        audit.end(LONG);
        let row = world.last();
        assert_eq!((&*row.action, &*row.outcome), ("egress.refuse", "refused"));
        assert_eq!(row.target, MatchId::from_random([2; 10]).as_str());
        let expected = json!({
            "Match": row.target, "FirstTick": 3, "LastTick": 9, "Count": 12,
            "Code": "LATTICE_HTTP_NOT_ALLOWED", "Reason": "a URL has `\\u{202e}`",
        });
        assert_eq!(row.detail, expected);
    }
}
