//! What a web fetch costs through the egress, against the same HTTP library used directly, over
//! loopback to a service in this process: one at a time, and eight at a time.

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    time::Duration,
};

use lattice_host::egress::{Egress, EgressSettings, FetchOrder, FetchOutcome, Gate, SystemNetwork};
use lattice_policies::{
    GameId, MatchId,
    egress::{EgressPolicy, FetchLimits, GameEgress, HeaderLines, Method, Request, Rules, decide},
};
use lattice_surface::Fetch;
use tokio::{runtime::Runtime, task::JoinSet};

use crate::{
    clocks,
    loopback::{self, Connection, Service},
    stats::{Arm, compare},
};

const ROUNDS: usize = 9;
const REQUESTS: usize = 400;
const TOGETHER: usize = 8;

pub(crate) fn measure() {
    let service = Service::start();
    let direct = Direct::new(service.address);
    let egress = Subject::new(service.address);
    for at_once in [1, TOGETHER] {
        compare(
            &format!("a web fetch, {at_once} at a time, seconds a request"),
            ROUNDS,
            vec![
                Arm::new("the HTTP library, a connection each", || direct.fetch_anew(at_once)),
                Arm::new("the HTTP library, connections kept", || direct.fetch_kept(at_once)),
                Arm::new("through the egress", || egress.fetch(at_once)),
            ],
        );
    }
}

/// The peer: hyper, on a thread of its own as the egress has one.
struct Direct {
    runtime: Runtime,
    to: SocketAddr,
}

impl Direct {
    fn new(to: SocketAddr) -> Self {
        Self { runtime: loopback::runtime(), to }
    }

    fn fetch_anew(&self, at_once: usize) -> f64 {
        let to = self.to;
        self.in_tasks(at_once, move |requests| async move {
            for _ in 0..requests {
                Connection::open(to).await.fetch().await;
            }
        })
    }

    fn fetch_kept(&self, at_once: usize) -> f64 {
        let to = self.to;
        self.in_tasks(at_once, move |requests| async move {
            let mut connection = Connection::open(to).await;
            for _ in 0..requests {
                connection.fetch().await;
            }
        })
    }

    /// Seconds a request, when so many tasks share them.
    fn in_tasks<F: Future<Output = ()> + Send + 'static>(
        &self,
        at_once: usize,
        task: impl Fn(usize) -> F,
    ) -> f64 {
        let all = async {
            let mut tasks = JoinSet::new();
            (0..at_once).for_each(|_| drop(tasks.spawn(task(REQUESTS / at_once))));
            while let Some(ended) = tasks.join_next().await {
                ended.unwrap();
            }
        };
        clocks::wall(|| self.runtime.block_on(all)) / REQUESTS as f64
    }
}

/// The platform's egress with one game, whose rate never binds.
struct Subject {
    egress: Egress,
    gate: Arc<Gate>,
    rules: Rules,
    url: String,
}

impl Subject {
    fn new(to: SocketAddr) -> Self {
        let rules = rules(to);
        let (records, mut written) = tokio::sync::mpsc::channel(256);
        std::thread::spawn(move || while written.blocking_recv().is_some() {});
        let settings = EgressSettings {
            policy: EgressPolicy::default(),
            roots: Vec::new(),
            records,
            network: Arc::new(SystemNetwork),
        };
        let egress = Egress::start(settings).unwrap();
        let game = GameId::from_random([1; 10]);
        egress.set(&game, 1, rules.clone());
        let gate = egress.game(&game);
        Self { egress, gate, rules, url: format!("http://{to}/scores?top=10") }
    }

    /// Seconds a request, when so many are under way at once.
    fn fetch(&self, at_once: usize) -> f64 {
        let (answers, answered) = mpsc::channel();
        let mut handles = Vec::with_capacity(REQUESTS);
        let seconds = clocks::wall(|| {
            for id in 1..=REQUESTS {
                if id > at_once {
                    expect_answer(&answered.recv().unwrap());
                }
                let answers = answers.clone();
                let reply = Box::new(move |outcome| drop(answers.send(outcome)));
                handles.push(self.gate.submit(self.order(id as u32, reply)));
            }
            (0..at_once).for_each(|_| expect_answer(&answered.recv().unwrap()));
        });
        seconds / REQUESTS as f64
    }

    /// A request as a sim words it, decided as the host does.
    fn order(&self, id: u32, reply: Box<dyn FnOnce(FetchOutcome) + Send>) -> FetchOrder {
        let request = Request {
            method: Method::Get,
            url: self.url.as_bytes(),
            headers: HeaderLines::Block(b""),
            body: b"",
        };
        let permit = decide(&self.rules, &request).unwrap();
        let match_id = MatchId::from_random([1; 10]);
        FetchOrder { match_id, tick: 0, fetch: Fetch { id, permit }, reply }
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        self.egress.shut_down(Duration::ZERO);
    }
}

fn rules(to: SocketAddr) -> Rules {
    let mut entry: lattice_policies::egress::Entry = format!("http://{to}").parse().unwrap();
    entry.allow_private = true;
    let limits =
        FetchLimits { requests_per_second: 10_000, burst: 10_000, ..FetchLimits::default() };
    let game = GameEgress { allow: vec![entry], ..GameEgress::from(limits) };
    Rules::new(&EgressPolicy::default(), &game).unwrap()
}

fn expect_answer(outcome: &FetchOutcome) {
    assert_eq!((outcome.status, outcome.body.len()), (200, loopback::BODY.len()));
}
