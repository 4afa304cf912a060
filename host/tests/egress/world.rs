//! An egress with a fake network and a place where its records come to, and the fetches of a game.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, mpsc as sync_mpsc},
};

use lattice_host::egress::{
    Egress, EgressFigures, EgressSettings, FetchHandle, FetchOrder, FetchOutcome, FetchRecord, Gate,
};
use lattice_policies::{
    Code, GameId, MatchId,
    egress::{
        EgressPermit, EgressPolicy, Entry, FetchLimits, GameEgress, HeaderLines, Method, Refusal,
        Request, Rules, decide,
    },
};
use lattice_surface::Fetch;
use tokio::sync::mpsc;

use crate::{
    certificates::Authority,
    network::{FakeNetwork, addresses},
    peer::{HANG, Peer},
};

pub const HOST: &str = "api.example.com";
pub const ADDRESS: &str = "93.184.216.34";
/// A plain URL that `World::plain` allows.
pub const PLAIN: &str = "http://api.example.com/x";
/// One over TLS that `World::tls` allows.
pub const SECURE: &str = "https://api.example.com/x";

pub struct World {
    pub egress: Egress,
    pub network: Arc<FakeNetwork>,
    pub gate: Arc<Gate>,
    records: Mutex<mpsc::Receiver<FetchRecord>>,
}

/// A fetch that was handed on.
pub struct Sent {
    _handle: FetchHandle,
    outcome: sync_mpsc::Receiver<FetchOutcome>,
}

impl Sent {
    /// Waits for what comes of it.
    pub fn outcome(&self) -> FetchOutcome {
        self.outcome.recv_timeout(HANG).expect("a fetch ends with an outcome")
    }

    /// Drops the handle, and answers with where an outcome would come to.
    pub fn cancel(self) -> sync_mpsc::Receiver<FetchOutcome> {
        self.outcome
    }

    pub fn has_ended(&self) -> bool {
        self.outcome.try_recv().is_ok()
    }
}

impl World {
    /// A game that may fetch over plain HTTP, from this peer.
    pub fn plain(peer: &Peer) -> Self {
        Self::with_limits(peer, FetchLimits::default())
    }

    /// The same, within limits.
    pub fn with_limits(peer: &Peer, limits: FetchLimits) -> Self {
        let world = Self::new(EgressPolicy::default(), Vec::new(), 64);
        world.network.lead_to(peer.address);
        world.allow(&["http://api.example.com:80"], limits);
        world
    }

    /// A game that may fetch over TLS from a peer that this authority vouches for.
    pub fn tls(peer: &Peer, authority: &Authority) -> Self {
        let world = Self::new(EgressPolicy::default(), vec![authority.file.path().to_owned()], 64);
        world.network.lead_to(peer.address);
        world.allow(&["api.example.com:443"], FetchLimits::default());
        world
    }

    /// An egress that allows nothing yet, whose audit holds `records`.
    pub fn new(policy: EgressPolicy, roots: Vec<PathBuf>, records: usize) -> Self {
        let network = Arc::new(FakeNetwork::default());
        network.answer(HOST, [addresses(ADDRESS)]);
        let (sender, receiver) = mpsc::channel(records);
        let settings = EgressSettings { policy, roots, records: sender, network: network.clone() };
        let egress = Egress::start(settings).unwrap();
        let gate = egress.game(&game(1));
        Self { egress, network, gate, records: Mutex::new(receiver) }
    }

    pub fn allow(&self, entries: &[&str], limits: FetchLimits) {
        self.egress.set(self.gate.game(), 1, rules(entries, limits));
    }

    /// A GET that the rules allow.
    pub fn get(&self, url: &str) -> Sent {
        let permit = self.decide(Method::Get, url, "", b"").unwrap();
        submit(&self.gate, 1, permit)
    }

    /// What becomes of a GET.
    pub fn fetch(&self, url: &str) -> FetchOutcome {
        self.get(url).outcome()
    }

    pub fn decide(
        &self,
        method: Method,
        url: &str,
        headers: &str,
        body: &[u8],
    ) -> Result<EgressPermit, Refusal> {
        let headers = HeaderLines::Block(headers.as_bytes());
        let request = Request { method, url: url.as_bytes(), headers, body };
        decide(&self.gate.rules().get(), &request)
    }

    pub fn figures(&self) -> EgressFigures {
        self.egress.figures()
    }

    /// The next record that the audit gets.
    pub fn record(&self) -> FetchRecord {
        self.records.lock().unwrap().blocking_recv().expect("a record")
    }

    /// Ends the audit: nobody takes records any more.
    pub fn close_audit(&self) {
        self.records.lock().unwrap().close();
    }

    /// Ends the egress, and answers with the records that are left.
    pub fn end(self) -> Vec<FetchRecord> {
        self.egress.shut_down(HANG);
        let mut records = self.records.into_inner().unwrap();
        std::iter::from_fn(|| records.blocking_recv()).collect()
    }
}

/// Hands a fetch to a game's gate.
pub fn submit(gate: &Arc<Gate>, id: u32, permit: EgressPermit) -> Sent {
    let (sender, outcome) = sync_mpsc::channel();
    let reply = Box::new(move |outcome| sender.send(outcome).unwrap_or_default());
    let fetch = Fetch { id, permit };
    let order = FetchOrder { match_id: match_id(), tick: 7, fetch, reply };
    Sent { _handle: gate.submit(order), outcome }
}

pub fn game(number: u8) -> GameId {
    GameId::from_random([number; 10])
}

pub fn match_id() -> MatchId {
    MatchId::from_random([9; 10])
}

pub fn rules(entries: &[&str], limits: FetchLimits) -> Rules {
    let entries: Vec<Entry> = entries.iter().map(|entry| entry.parse().unwrap()).collect();
    let game = GameEgress { allow: entries, ..GameEgress::default() };
    Rules::new(&EgressPolicy { limits, ..EgressPolicy::default() }, &game).unwrap()
}

/// Asserts that a fetch failed, and that its record says so and why. The guest learns the code
/// alone.
#[track_caller]
pub fn assert_failed(world: &World, outcome: &FetchOutcome, ending: &str, why: &str) {
    assert_code(outcome, Code::HttpFailed);
    assert_ended(world, ending, why);
}

#[track_caller]
pub fn assert_code(outcome: &FetchOutcome, code: Code) {
    assert_eq!(outcome.status, code.value());
    assert!(outcome.headers.is_empty() && outcome.body.is_empty(), "{outcome:?}");
}

/// Asserts how the record says that a fetch ended.
#[track_caller]
pub fn assert_ended(world: &World, ending: &str, why: &str) {
    match world.record() {
        FetchRecord::Fetch { outcome, detail, .. } => {
            assert_eq!(outcome, ending, "{detail}");
            assert!(detail.contains(why), "{detail:?} does not say {why:?}");
        }
        record @ FetchRecord::Refused { .. } => panic!("{record:?}"),
    }
}

/// Limits in which a time is short. For tests in which nothing happens until it is over.
pub fn times(connect_ms: u32, headers_ms: u32, whole_ms: u32) -> FetchLimits {
    FetchLimits { connect_ms, headers_ms, whole_ms, ..FetchLimits::default() }
}
