//! One fetch, from its turn in line to its record and its reply.
//! Every fetch ends with a record, whether it was answered, failed, was cancelled or met a bug; one
//! that the host had no room for in time is counted as refused.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex, mpsc as sync_mpsc},
    task::Poll,
    time::{Duration, Instant},
};

use lattice_policies::{Code, egress::EgressPermit};
use lattice_surface::Fetch;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    time::timeout,
};
use tokio_rustls::rustls::ClientConfig;

use super::{
    FetchRecord, Network, attempt,
    failure::{Ending, Failure},
    figures::Counters,
    gate::{FetchOrder, FetchOutcome, Gate},
    lane::{Turn, acquire},
    record::{Subject, Trace, url_without_query},
};
use crate::lock::lock;

/// What all fetches share.
pub(super) struct Fetcher {
    pub(super) network: Arc<dyn Network>,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) counters: Counters,
    /// Places for the fetches of all games.
    pub(super) places: Arc<Semaphore>,
    pub(super) runtime: Handle,
    /// Turns true when the host goes down.
    pub(super) stop: watch::Receiver<bool>,
    /// `None` when no more fetches are taken.
    pub(super) open: Mutex<Option<Open>>,
}

/// What every fetch holds until it has ended.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) records: mpsc::Sender<FetchRecord>,
    /// Whoever waits for the end of all fetches waits until these are dropped.
    #[allow(dead_code, reason = "its drop is the message")]
    pub(super) alive: sync_mpsc::Sender<Infallible>,
}

/// A fetch with its place in line.
pub(super) struct Job {
    pub(super) gate: Arc<Gate>,
    pub(super) order: FetchOrder,
    pub(super) turn: Turn,
    /// Ends when the handle is dropped.
    pub(super) dropped: oneshot::Receiver<Infallible>,
    pub(super) asked: Instant,
}

/// The places of a fetch whose turn has come. A lookup that nobody waits for any more shares
/// them, so that hanging ones can't pile up.
pub(super) struct Places {
    _game: Option<OwnedSemaphorePermit>,
    _host: OwnedSemaphorePermit,
}

/// A fetch that runs.
struct Running {
    fetcher: Arc<Fetcher>,
    gate: Arc<Gate>,
    open: Open,
    turn: Turn,
    /// From its turn on, as what follows.
    places: Option<Arc<Places>>,
    /// Room in the audit.
    slot: Option<mpsc::OwnedPermit<FetchRecord>>,
    trace: Trace,
}

impl Fetcher {
    /// Starts a fetch's task. Never waits.
    pub(super) fn begin(self: &Arc<Self>, job: Job) {
        let open = lock(&self.open).clone();
        match open {
            Some(open) => drop(self.runtime.spawn(run(Arc::clone(self), job, open))),
            None => (job.order.reply)(FetchOutcome::code(Code::HttpFailed)),
        }
    }
}

async fn run(fetcher: Arc<Fetcher>, job: Job, open: Open) {
    let Job { gate, order, turn, mut dropped, asked } = job;
    let FetchOrder { match_id, tick, fetch: Fetch { id, permit }, reply } = order;
    let (method, url) = (permit.method().as_str(), url_without_query(&permit));
    let subject = Subject { game: gate.game().clone(), match_id, tick, id, method, url, asked };
    let mut stop = fetcher.stop.clone();
    let (places, slot, trace) = (None, None, Trace::default());
    let mut running = Running { fetcher, gate, open, turn, places, slot, trace };
    let ended = tokio::select! {
        biased;
        _ = &mut dropped => Err(Failure::Cancelled),
        _ = stop.wait_for(|stop| *stop) => Err(Failure::Cancelled),
        ended = caught(running.fetch(permit)) => ended,
    };
    if let Err(Failure::Busy) = ended {
        return running.gate.answer_busy(&subject.match_id, subject.tick, reply);
    }
    running.end(subject, ended.as_ref().err()).await;
    match ended {
        Ok(outcome) => reply(outcome),
        Err(Failure::Cancelled) => {}
        Err(failure) => reply(FetchOutcome::code(failure.code())),
    }
}

impl Running {
    async fn fetch(&mut self, permit: EgressPermit) -> Result<FetchOutcome, Failure> {
        self.turn.come().await;
        let patience = Duration::from_millis(permit.limits().whole_ms.into());
        let places = timeout(patience, self.wait()).await.map_err(|_| Failure::Busy)??;
        attempt::attempt(&self.fetcher, &self.gate, permit, &places, &mut self.trace).await
    }

    /// Waits for a place of the host's and room in the audit: without a record nothing leaves.
    async fn wait(&mut self) -> Result<Arc<Places>, Failure> {
        let host = acquire(&self.fetcher.places).await;
        let slot = self.open.records.clone().reserve_owned().await;
        self.slot = Some(slot.map_err(|_| Failure::Fault("the audit takes no records"))?);
        self.trace.begun = Some(Instant::now());
        let places = Arc::new(Places { _game: self.turn.take_place(), _host: host });
        self.places = Some(Arc::clone(&places));
        Ok(places)
    }

    /// Hands over the record, and then its places to the next in line. What was cancelled before
    /// its turn stays in line until the audit has room, so that such fetches can't pile up.
    async fn end(self, subject: Subject, failure: Option<&Failure>) {
        let ending = failure.map_or(Ending::Ok, Failure::ending);
        let detail = failure.map(Failure::detail).unwrap_or_default();
        let record = subject.record(&self.trace, ending, detail);
        self.fetcher.counters.ended(ending);
        let slot = match self.slot {
            Some(slot) => Some(slot),
            None => self.open.records.clone().reserve_owned().await.ok(),
        };
        drop(self.turn);
        slot.map(|slot| slot.send(record));
        drop(self.places);
    }
}

/// Turns a panic of the future into a failure of its fetch.
async fn caught<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
        polled.unwrap_or(Poll::Ready(Err(Failure::Fault("a panic"))))
    })
    .await
}
