//! Egress: the sims' fetches, on threads of their own.
//!
//! Owns every outbound connection of the host, and each game's place in line. Takes a fetch only
//! with an `EgressPermit`, dials only a `Destination`, and lets nothing out without a record for
//! the audit. Never follows a redirect, asks the environment for a proxy, keeps a connection for a
//! second request, or lets a game wait in another's queue.

mod attempt;
mod dial;
mod exchange;
mod failure;
mod fetcher;
mod figures;
mod gate;
mod lane;
mod network;
mod record;
mod refusals;
mod request;
mod response;
mod tls;
mod wire;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex, Weak, mpsc as sync_mpsc},
    time::Duration,
};

use lattice_policies::{
    GameId,
    egress::{EgressPolicy, Rules},
};
use thiserror::Error;
use tokio::{
    runtime::{self, Runtime},
    sync::{Semaphore, mpsc, watch},
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_rustls::rustls;

use crate::lock::lock;
use crate::worker::yield_to_others;

use fetcher::{Fetcher, Open};

pub use failure::Ending;
pub use figures::EgressFigures;
pub use gate::{FetchHandle, FetchOrder, FetchOutcome, Gate};
pub use network::{BoxFuture, Network, SystemNetwork};
pub use record::FetchRecord;

/// Threads for all fetches: they wait far more than they work.
const THREADS: usize = 2;
/// How soon the counted refusals go to the audit; a game that goes on has a pause after them.
const FLUSH: Duration = Duration::from_secs(5);

/// How the egress is set up.
#[derive(Clone)]
pub struct EgressSettings {
    pub policy: EgressPolicy,
    /// PEM files of root certificates that are trusted beside the system's.
    pub roots: Vec<PathBuf>,
    /// Where the audit takes its records. While it is full, no fetch leaves.
    pub records: mpsc::Sender<FetchRecord>,
    pub network: Arc<dyn Network>,
}

impl fmt::Debug for EgressSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, roots, .. } = self;
        f.debug_struct("EgressSettings")
            .field("policy", policy)
            .field("roots", roots)
            .finish_non_exhaustive()
    }
}

/// Why the egress can't start.
#[derive(Debug, Error)]
pub enum EgressError {
    #[error("the root certificates in `{path}` can't be used: {reason}")]
    Roots { path: PathBuf, reason: String },
    #[error("TLS can't be set up: {0}")]
    Tls(rustls::Error),
    #[error("a thread can't be started: {0}")]
    Thread(io::Error),
}

/// The way out of all games. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    inner: Arc<Inner>,
}

struct Inner {
    fetcher: Arc<Fetcher>,
    gates: Mutex<BTreeMap<GameId, Arc<Gate>>>,
    /// Taken when the host goes down.
    threads: Mutex<Option<Threads>>,
}

impl Egress {
    /// Starts the threads. Reads the root certificates, so it blocks for a moment.
    pub fn start(settings: EgressSettings) -> Result<Self, EgressError> {
        let EgressSettings { policy, roots, records, network } = settings;
        let tls = tls::client_config(&roots)?;
        let places = policy.host_in_flight;
        let runtime = runtime(places).map_err(EgressError::Thread)?;
        let (stop, stopped) = watch::channel(false);
        let (alive, all_ended) = sync_mpsc::channel();
        let open = Open { records, alive };
        let fetcher = Arc::new(Fetcher {
            network,
            tls,
            counters: figures::Counters::default(),
            places: Arc::new(Semaphore::new(places as usize)),
            runtime: runtime.handle().clone(),
            stop: stopped.clone(),
            open: Mutex::new(Some(open.clone())),
        });
        let threads = Threads { stop, all_ended, runtime: Some(runtime) };
        let (gates, threads) = (Mutex::default(), Mutex::new(Some(threads)));
        let inner = Arc::new(Inner { fetcher, gates, threads });
        inner.fetcher.runtime.spawn(flush(Arc::downgrade(&inner), open, stopped));
        Ok(Self { inner })
    }

    /// Gives a game its rules, from its next request on. An older revision than the one that
    /// holds changes nothing.
    pub fn set(&self, game: &GameId, revision: i64, rules: Rules) {
        self.game(game).set(revision, rules);
    }

    /// A game's way out, closed until rules are set.
    pub fn game(&self, game: &GameId) -> Arc<Gate> {
        let mut gates = lock(&self.inner.gates);
        if let Some(gate) = gates.get(game) {
            return Arc::clone(gate);
        }
        let gate = Arc::new(Gate::new(game.clone(), Arc::clone(&self.inner.fetcher)));
        gates.insert(game.clone(), Arc::clone(&gate));
        gate
    }

    pub fn figures(&self) -> EgressFigures {
        let gates = lock(&self.inner.gates);
        let sum = |of: fn(&Gate) -> u64| gates.values().map(|gate| of(gate)).sum();
        let (in_flight, waiting) =
            (sum(|gate| gate.lane.in_flight()), sum(|gate| gate.lane.waiting()));
        self.inner.fetcher.counters.read(in_flight, waiting)
    }

    /// Takes no more fetches, cancels those that are left, and waits until all records are handed
    /// over, for `grace` at most. Then the records' channel is closed.
    pub fn shut_down(&self, grace: Duration) {
        let Some(threads) = lock(&self.inner.threads).take() else { return };
        lock(&self.inner.fetcher.open).take();
        threads.end(grace);
    }
}

/// The threads of the egress, and how to end them.
struct Threads {
    stop: watch::Sender<bool>,
    /// Closed when every fetch has ended.
    all_ended: sync_mpsc::Receiver<Infallible>,
    runtime: Option<Runtime>,
}

impl Threads {
    fn end(self, grace: Duration) {
        self.stop.send_replace(true);
        if let Err(sync_mpsc::RecvTimeoutError::Timeout) = self.all_ended.recv_timeout(grace) {
            tracing::warn!("the audit did not take the records of all fetches in time");
        }
    }
}

impl Drop for Threads {
    /// A runtime that is dropped waits for its threads, and a lookup can hang.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A runtime beside the console's, on threads that yield to the ticks, so that no lookup,
/// handshake or flood of bytes delays a player. A lookup holds a place of the host's, so there are
/// as many threads for them.
fn runtime(places: u32) -> io::Result<Runtime> {
    runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .max_blocking_threads(places.max(1) as usize)
        .thread_name("egress")
        .on_thread_start(yield_to_others)
        .enable_io()
        .enable_time()
        .build()
}

/// Hands the counted refusals of all games to the audit, now and then and at the end.
async fn flush(egress: Weak<Inner>, open: Open, mut stop: watch::Receiver<bool>) {
    let mut times = interval_at(Instant::now() + FLUSH, FLUSH);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_last = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => true,
            _ = times.tick() => false,
        };
        let Some(egress) = egress.upgrade() else { return };
        let gates: Vec<_> = lock(&egress.gates).values().map(Arc::clone).collect();
        drop(egress);
        for record in gates.iter().flat_map(|gate| gate.take_refusals(is_last)) {
            let _ = open.records.send(record).await;
        }
        if is_last {
            return;
        }
    }
}
