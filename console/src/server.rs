//! A server that runs: opens what it needs in an order that leaves nothing behind when a step
//! fails, and stops so that sims, sockets, requests and the database come to a proper end.
//!
//! Prints nothing and minds no signal.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use axum::Router;
use lattice_host::{
    Fleet, HostSettings, NativeTier, StartError,
    egress::{EgressSettings, SystemNetwork},
};
use lattice_policies::roles::Role;
use lattice_store::{Actor, NewToken, OpenError, Store, StoreError};
use thiserror::Error;
use tokio::{runtime::Runtime, sync::watch, task::JoinHandle};

use crate::{
    app::{App, Parts, Stage, blocking},
    audit_heads,
    config::{OnStop, ServeSettings, ServerConfig},
    egress_audit::{self, EgressAudit},
    feed::LogFeed,
    http,
    listener::{self, Limits},
    metrics::Metrics,
    receipt::{KeyError, KeyFolder},
    recheck::recheck,
    reports::{self, Pump},
    resume::resume_all,
    schedule::Schedule,
    secrets::{self, Secret},
    tier,
};

/// The subject of the first super-admin.
const FIRST_SUBJECT: &str = "admin";

/// Why the server did not start, or did not end well; one line that names the thing.
#[derive(Debug, Error)]
pub enum ServeError {
    #[error("the address {address} cannot be listened on: {cause}")]
    Listen { address: SocketAddr, cause: io::Error },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error("the data folder {}: {cause}", .dir.display())]
    Store { dir: PathBuf, cause: StoreError },
    #[error("the sandbox cannot start: {0}")]
    Fleet(#[from] StartError),
    #[error("a thread cannot be started: {0}")]
    Thread(io::Error),
    #[error("the signals cannot be listened to: {0}")]
    Signal(io::Error),
}

/// A server that runs.
pub struct Server {
    runtime: Runtime,
    app: App,
    stage: watch::Sender<Stage>,
    close: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    pump: Pump,
    egress_audit: EgressAudit,
    admin_address: SocketAddr,
    first_token: Option<Secret>,
}

impl Server {
    /// Starts a server, or leaves nothing behind: neither a bound address nor a new data folder.
    /// Blocks; must not be called inside an async runtime.
    pub fn start(settings: ServeSettings) -> Result<Self, ServeError> {
        let dir = settings.server.data_dir.clone();
        let is_new = !dir.exists();
        Self::open(settings).inspect_err(|error| {
            // Whoever holds it made it in the same moment.
            let held = matches!(error, ServeError::Open(OpenError::Held(_)));
            if is_new && !held {
                let _ = fs::remove_dir_all(&dir);
            }
        })
    }

    fn open(settings: ServeSettings) -> Result<Self, ServeError> {
        let ServeSettings { server: config, policy } = settings;
        let (public, address) = bind(config.listen)?;
        let (admin, admin_address) = bind(config.admin_listen)?;
        let store = Store::open(&config.data_dir)?;
        let keys = Arc::new(KeyFolder::of(&config.data_dir).keys()?);
        let runtime = runtime().map_err(ServeError::Thread)?;
        let (metrics, feed) = (Arc::new(Metrics::new()), Arc::new(LogFeed::default()));
        let schedule = Arc::new(Schedule::default());
        let (reporter, pump) = reports::start(
            store.clone(),
            keys.clone(),
            feed.clone(),
            schedule.clone(),
            metrics.clone(),
            config.input_log_bytes_per_match,
        )
        .map_err(ServeError::Thread)?;
        let (records, egress_audit) = egress_audit::start(store.clone(), runtime.handle().clone())
            .map_err(ServeError::Thread)?;
        let host = HostSettings {
            policy: policy.clone(),
            workers: workers(&config),
            slots: config.match_slots,
            cache_dir: config.data_dir.join("compiled"),
            egress: EgressSettings {
                policy: policy.egress.clone(),
                roots: config.egress_roots.clone(),
                records,
                network: Arc::new(SystemNetwork),
            },
            enclosure: tier::enclosure(&config),
            cells: tier::cells(&config),
        };
        let fleet = Fleet::start(host, Arc::new(reporter))?;
        if let NativeTier::Refused(why) = fleet.native_tier() {
            tracing::warn!(why, "the policy wants native sims, and none are run");
        }
        let first_token = first_token(&store)
            .map_err(|cause| ServeError::Store { dir: config.data_dir.clone(), cause })?;

        let (stage, watched) = watch::channel(Stage::Starting);
        let close = watch::Sender::new(false);
        let parts = Parts {
            config,
            policy,
            address,
            store,
            keys,
            fleet,
            schedule,
            feed,
            metrics,
            stage: watched,
        };
        let app = App::new(parts);
        let listeners = vec![
            listen(&runtime, public, http::public(&app), &app.config, &close)?,
            listen(&runtime, admin, http::admin(&app), &app.config, &close)?,
        ];
        let server = Self {
            runtime,
            app,
            stage,
            close,
            listeners,
            pump,
            egress_audit,
            admin_address,
            first_token,
        };
        server.get_ready();
        server.runtime.spawn(audit_heads::keep_signing(server.app.clone()));
        Ok(server)
    }

    /// Where the API, the sockets and the pages are.
    pub fn address(&self) -> SocketAddr {
        self.app.address
    }

    /// Where the metrics are.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// The first super-admin's token, if this was the data folder's first start.
    pub fn first_token(&self) -> Option<&str> {
        self.first_token.as_ref().map(Secret::text)
    }

    /// Whether native sims are run.
    pub(crate) fn native_tier(&self) -> &NativeTier {
        self.app.fleet.native_tier()
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Stops gracefully: not ready, matches left for the next start or asked to stop, sockets
    /// closed, reports and the audit of fetches written, requests answered, the audit's end signed,
    /// database checkpointed. Blocks.
    pub fn stop(self) -> Result<(), ServeError> {
        let grace = Duration::from_millis(self.app.config.stop_grace_ms);
        self.stage.send_replace(Stage::Stopping);
        match self.app.config.on_stop {
            OnStop::Rest => self.app.fleet.rest(grace),
            OnStop::End => self.app.fleet.shut_down(grace),
        }
        wait_until(grace, || self.app.match_sockets.taken() == 0);
        self.pump.end(grace);
        self.egress_audit.end(grace);
        self.close.send_replace(true);
        for listener in self.listeners {
            if self.runtime.block_on(listener).is_err() {
                tracing::error!("a listener panicked");
            }
        }
        let dir = self.app.config.data_dir.clone();
        let (store, keys) = (self.app.store.clone(), self.app.keys.clone());
        self.runtime.shutdown_timeout(grace);
        if let Err(error) = audit_heads::sign(&store, &keys.host) {
            tracing::error!(%error, "the audit's end is not signed");
        }
        store.checkpoint().map_err(|cause| ServeError::Store { dir, cause })
    }

    /// Checks the builds and brings the last process' matches back, aside, and then says that the
    /// server is ready: matches check their build themselves, so nothing unchecked runs meanwhile.
    fn get_ready(&self) {
        let (app, stage) = (self.app.clone(), self.stage.clone());
        self.runtime.spawn(async move {
            check_builds(&app).await;
            match resume_all(&app).await {
                Ok(resumed) => tracing::info!(?resumed, "the matches of the last run are settled"),
                Err(error) => tracing::error!(%error, "matches of the last run are not settled"),
            }
            stage.send_if_modified(|stage| {
                let starting = *stage == Stage::Starting;
                if starting {
                    *stage = Stage::Ready;
                }
                starting
            });
        });
    }
}

async fn check_builds(app: &App) {
    let (store, policy) = (app.store.clone(), app.policy.clone());
    match blocking(move || recheck(&store, &policy)).await {
        Ok(Ok(recheck)) => tracing::info!(?recheck, "the builds are checked"),
        Ok(Err(error)) => tracing::error!(%error, "the builds could not all be checked"),
        Err(error) => tracing::error!(%error, "the builds could not all be checked"),
    }
}

fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    });
    bound.map_err(|cause| ServeError::Listen { address, cause })
}

fn listen(
    runtime: &Runtime,
    listener: TcpListener,
    routes: Router,
    config: &ServerConfig,
    close: &watch::Sender<bool>,
) -> Result<JoinHandle<()>, ServeError> {
    let limits = Limits {
        connections: config.connections,
        connections_per_address: config.connections_per_address,
        header_timeout: Duration::from_millis(config.header_timeout_ms),
        grace: Duration::from_millis(config.stop_grace_ms),
    };
    let _inside = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener).map_err(ServeError::Thread)?;
    Ok(runtime.spawn(listener::serve(listener, routes, limits, close.subscribe())))
}

/// Threads for what blocks are few: each may hold a module.
fn runtime() -> io::Result<Runtime> {
    const BLOCKING_THREADS: usize = 64;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name("console")
        .build()
}

fn workers(config: &ServerConfig) -> usize {
    match config.sim_workers {
        0 => thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    }
}

/// At the very first start there is no super-admin yet, and one is made.
fn first_token(store: &Store) -> Result<Option<Secret>, StoreError> {
    if store.has_super_admin()? {
        return Ok(None);
    }
    let secret = Secret::api_token();
    let token = NewToken {
        id: secrets::token_id(),
        secret: secret.sha256(),
        subject: FIRST_SUBJECT.into(),
        role: Role::SuperAdmin,
        expires_at: None,
    };
    store.create_token(&Actor::system(), &token)?;
    Ok(Some(secret))
}

fn wait_until(most: Duration, done: impl Fn() -> bool) {
    let until = Instant::now() + most;
    while !done() && Instant::now() < until {
        thread::sleep(Duration::from_millis(5));
    }
}
