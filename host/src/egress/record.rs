//! What the audit gets: one record a fetch, and counted ones for what was refused.
//! A record never holds a body, a header or a query string.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use lattice_policies::{Code, GameId, MatchId, egress::EgressPermit};

use super::{failure::Ending, wire::Meter};

/// One line for the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchRecord {
    /// A fetch that the rules let out, once it has ended.
    Fetch {
        game: GameId,
        match_id: MatchId,
        /// The tick in which it was asked for.
        tick: i64,
        /// Its number in the match.
        id: u32,
        method: &'static str,
        /// Origin and path, of which 256 bytes are kept; a query is `?...`.
        url: String,
        /// One of [`Ending::NAMES`]: `ok` for a response, whatever its status; otherwise what
        /// went wrong.
        outcome: &'static str,
        /// HTTP's status, if a response began.
        status: Option<u16>,
        /// Why there is no response, in the operator's words; empty if there is one.
        detail: String,
        /// What was connected to.
        address: Option<SocketAddr>,
        /// Bytes of HTTP, inside TLS.
        sent_bytes: u64,
        received_bytes: u64,
        /// From the request to its turn.
        waited_ms: u64,
        /// From its turn to its end.
        took_ms: u64,
    },
    /// Requests that never left, equal ones counted together.
    Refused {
        game: GameId,
        /// `None` where there were too many kinds of refusals to tell them apart.
        match_id: Option<MatchId>,
        first_tick: i64,
        last_tick: i64,
        /// What the guest was told.
        code: Code,
        reason: String,
        count: u64,
    },
}

/// What a record says of the request.
pub(super) struct Subject {
    pub(super) game: GameId,
    pub(super) match_id: MatchId,
    pub(super) tick: i64,
    pub(super) id: u32,
    pub(super) method: &'static str,
    pub(super) url: String,
    pub(super) asked: Instant,
}

/// What became known of a fetch while it ran, for its record however it ends.
#[derive(Default)]
pub(super) struct Trace {
    /// When its turn came.
    pub(super) begun: Option<Instant>,
    pub(super) address: Option<SocketAddr>,
    pub(super) status: Option<u16>,
    pub(super) meter: Arc<Meter>,
}

impl Subject {
    pub(super) fn record(self, trace: &Trace, ending: Ending, detail: String) -> FetchRecord {
        let begun = trace.begun.unwrap_or_else(Instant::now);
        FetchRecord::Fetch {
            game: self.game,
            match_id: self.match_id,
            tick: self.tick,
            id: self.id,
            method: self.method,
            url: self.url,
            outcome: ending.as_str(),
            status: trace.status,
            detail,
            address: trace.address,
            sent_bytes: trace.meter.sent(),
            received_bytes: trace.meter.received(),
            waited_ms: begun.duration_since(self.asked).as_millis() as u64,
            took_ms: begun.elapsed().as_millis() as u64,
        }
    }
}

/// The permit's URL as a record shows it. It is cut: a sim words it, and rows are kept for ever.
pub(super) fn url_without_query(permit: &EgressPermit) -> String {
    const PATH_BYTES: usize = 256;
    let target = permit.path_and_query();
    let (path, query) = match target.split_once('?') {
        Some((path, _)) => (path, "?..."),
        None => (target, ""),
    };
    match path.get(..PATH_BYTES) {
        Some(begin) if begin.len() < path.len() => format!("{}{begin}...{query}", permit.origin()),
        _ => format!("{}{path}{query}", permit.origin()),
    }
}
