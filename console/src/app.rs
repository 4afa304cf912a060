//! What all requests share: the settings, the store, the fleet, and what is counted and bounded.
//! Owns no behaviour beyond keeping what blocks off the async threads.

use std::{
    net::{IpAddr, SocketAddr},
    ops::Deref,
    sync::Arc,
};

use lattice_host::{Fleet, REPLAY_SLOTS};
use lattice_policies::{GameId, MatchId, PlayerId, Policy, Sha256, TokenId};
use lattice_store::{Store, StoreError};
use tokio::sync::{Semaphore, watch};
use tracing::Instrument;

use crate::{
    config::ServerConfig,
    feed::LogFeed,
    http::error::{ApiError, ApiResult},
    metrics::Metrics,
    rate::{Rate, RateTable},
    receipt::Keys,
    schedule::Schedule,
    share::Shares,
};

/// Where the server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Starting,
    Ready,
    Stopping,
}

/// The shared parts; cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) config: ServerConfig,
    pub(crate) policy: Policy,
    /// The policy's fingerprint, which stands in every build's row.
    pub(crate) policy_id: Sha256,
    /// Where the public listener is bound.
    pub(crate) address: SocketAddr,
    pub(crate) store: Store,
    pub(crate) keys: Arc<Keys>,
    pub(crate) fleet: Fleet,
    pub(crate) schedule: Arc<Schedule>,
    pub(crate) feed: Arc<LogFeed>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) address_rate: RateTable<IpAddr>,
    pub(crate) token_rate: RateTable<TokenId>,
    /// Requests at work, by subject.
    pub(crate) requests: Shares<String>,
    /// Modules on their way in or out, by subject.
    pub(crate) transfers: Shares<String>,
    /// Matches that run or are about to, by game.
    pub(crate) match_places: Shares<GameId>,
    /// Open players' sockets, by match and by player.
    pub(crate) match_sockets: Shares<MatchId>,
    pub(crate) player_sockets: Shares<(MatchId, PlayerId)>,
    /// Open log streams.
    pub(crate) log_streams: Arc<Semaphore>,
    /// Replays that run.
    pub(crate) replays: Arc<Semaphore>,
    /// Turns to scan a module, one a core.
    pub(crate) scans: Semaphore,
    pub(crate) stage: watch::Receiver<Stage>,
}

/// What [`App::new`] puts together.
pub(crate) struct Parts {
    pub(crate) config: ServerConfig,
    pub(crate) policy: Policy,
    pub(crate) address: SocketAddr,
    pub(crate) store: Store,
    pub(crate) keys: Arc<Keys>,
    pub(crate) fleet: Fleet,
    pub(crate) schedule: Arc<Schedule>,
    pub(crate) feed: Arc<LogFeed>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stage: watch::Receiver<Stage>,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { config, policy, address, store, keys, fleet, schedule, feed, metrics, stage } =
            parts;
        let address_rate =
            Rate::new(config.address_requests_per_second, config.address_requests_burst);
        let token_rate = Rate::new(config.token_requests_per_second, config.token_requests_burst);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Shared {
            policy_id: policy.fingerprint(),
            address_rate: RateTable::new(address_rate, config.rate_table_entries),
            token_rate: RateTable::new(token_rate, config.rate_table_entries),
            requests: Shares::new(config.requests_at_once, config.requests_per_subject),
            transfers: Shares::new(config.transfers_at_once, config.transfers_per_subject),
            match_places: Shares::new(config.match_slots as usize, config.matches_per_game),
            match_sockets: Shares::new(config.connections, config.sockets_per_match),
            player_sockets: Shares::new(config.connections, config.sockets_per_player),
            log_streams: Arc::new(Semaphore::new(config.log_streams)),
            replays: Arc::new(Semaphore::new(REPLAY_SLOTS as usize)),
            scans: Semaphore::new(cores),
            config,
            policy,
            address,
            store,
            keys,
            fleet,
            schedule,
            feed,
            metrics,
            stage,
        }))
    }

    /// Asks the store, on a thread that may block.
    pub(crate) async fn store<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> ApiResult<T> {
        let store = self.store.clone();
        Ok(blocking(move || ask(&store)).await??)
    }

    /// The largest body that any request could need: a module as base64 and what stands around it.
    pub(crate) fn largest_body(&self) -> usize {
        const AROUND: usize = 64 << 10;
        base64_length(self.policy.admission.module_bytes as usize) + AROUND
    }

    /// The largest body of a request that carries no module: a match's config as base64.
    pub(crate) fn small_body(&self) -> usize {
        const AROUND: usize = 4 << 10;
        base64_length(self.policy.matches.config_bytes as usize) + AROUND
    }
}

impl Deref for App {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Does work that, once begun, comes to its end with all that it holds, though the client hangs up
/// or the request times out: work that blocks goes on then in any case, and what it has begun must
/// be finished, and its places must stay taken, until it is done.
pub(crate) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = ApiResult<T>> + Send + 'static,
) -> ApiResult<T> {
    tokio::spawn(work.in_current_span()).await.map_err(ApiError::internal)?
}

/// Runs what blocks on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> ApiResult<T> {
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)
}

const fn base64_length(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}
