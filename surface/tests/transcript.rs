//! The transcript: what is in it, what is not, and that its chain tells every difference.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use lattice_policies::{Code, PlayerId, Sha256, policy::MatchLimits};
use lattice_surface::{Call, Event, FetchCall, Phase, Surface};

const ANN: PlayerId = PlayerId(1);

/// A surface in tick 0, with one player and 64 KiB of memory that holds its own addresses' low
/// bytes.
struct Sim {
    surface: Surface,
    memory: Vec<u8>,
}

impl Sim {
    fn new() -> Self {
        let limits = Arc::new(MatchLimits::default());
        let mut surface = Surface::new(limits, Arc::from([]), Arc::default());
        surface.begin(Phase::Init);
        surface.commit();
        surface.begin(Phase::Tick);
        surface.push(Event::Join { player: ANN, about: "Ann".into() }).unwrap();
        Self { surface, memory: (0..=255).cycle().take(65_536).collect() }
    }

    fn act(&mut self, call: Call) -> i32 {
        self.surface.act(&call, &mut self.memory)
    }

    fn next_tick(&mut self) {
        self.surface.commit();
        self.surface.begin(Phase::Tick);
    }

    fn chain(mut self) -> Sha256 {
        self.surface.commit();
        self.surface.transcript()
    }
}

/// The chain of a match that says this in its first tick.
fn chain(calls: &[Call]) -> Sha256 {
    let mut sim = Sim::new();
    for call in calls {
        sim.act(*call);
    }
    sim.chain()
}

fn send(ptr: u32, len: u32, flags: u32) -> Call {
    Call::Send { player: ANN, ptr, len, flags }
}

fn log(level: u32, ptr: u32, len: u32) -> Call {
    Call::Log { level, ptr, len }
}

const fn gauge(len: u32, value: f64) -> Call {
    Call::Gauge { ptr: 65, len, value }
}

#[test]
fn each_thing_that_is_said_and_its_order_make_another_chain() {
    let kick = |reason| Call::Kick { player: ANN, reason };
    let broadcast = |len| Call::Broadcast { ptr: 0, len, flags: 0 };
    let result = |len| Call::Result { ptr: 0, len };
    let matches: Vec<Vec<Call>> = vec![
        vec![],
        vec![send(0, 4, 0)],
        vec![send(1, 4, 0)],
        vec![send(0, 5, 0)],
        vec![send(0, 4, 1)],
        vec![send(0, 2, 0), send(2, 2, 0)],
        vec![broadcast(4)],
        vec![send(0, 4, 0), broadcast(4)],
        vec![broadcast(4), send(0, 4, 0)],
        vec![kick(0)],
        vec![kick(-1)],
        vec![log(2, 0, 4)],
        vec![log(3, 0, 4)],
        vec![result(4)],
        vec![result(0)],
        vec![gauge(1, 0.0)],
        vec![gauge(1, -0.0)],
        vec![gauge(2, 0.0)],
        vec![gauge(1, f64::NAN)],
        vec![gauge(1, -f64::NAN)],
    ];
    let chains: Vec<_> = matches.iter().map(|calls| chain(calls)).collect();
    for (at, one) in chains.iter().enumerate() {
        for other in &chains[at + 1..] {
            assert_ne!(one, other, "{:?}", matches[at]);
        }
        assert_eq!(*one, chain(&matches[at]), "and the same again is the same");
    }
}

#[test]
fn what_was_refused_or_only_read_is_not_said() {
    let silent = chain(&[]);
    let nowhere = FetchCall { method: 0, url: (0, 8), headers: (0, 0), body: (0, 0) };
    for call in [
        Call::Send { player: PlayerId(9), ptr: 0, len: 4, flags: 0 },
        send(0, 4, 8),
        send(65_535, 2, 0),
        log(2, 65_535, 2),
        Call::Result { ptr: 0, len: 65_537 },
        Call::EventPeek,
        Call::EventNext { ptr: 0, cap: 100 },
        Call::Config { ptr: 0, cap: 4 },
        Call::HttpRequest(nowhere),
    ] {
        assert_eq!(chain(&[call]), silent, "{call:?}");
    }
}

#[test]
fn the_last_result_and_gauges_count() {
    let [short, long] = [4, 8].map(|len| Call::Result { ptr: 0, len });
    assert_eq!(chain(&[short, long]), chain(&[long]));
    assert_eq!(chain(&[gauge(1, 1.0), gauge(1, 2.0)]), chain(&[gauge(1, 2.0)]));
    assert_eq!(chain(&[gauge(1, 1.0), gauge(2, 2.0)]), chain(&[gauge(2, 2.0), gauge(1, 1.0)]));
}

#[test]
fn the_tick_in_which_it_was_said_counts_and_silence_costs_nothing() {
    let said_in = |tick: u32| {
        let mut sim = Sim::new();
        let begun = sim.surface.transcript();
        for _ in 0..tick {
            sim.next_tick();
            assert_eq!(sim.surface.transcript(), begun);
        }
        sim.act(send(0, 4, 0));
        sim.chain()
    };
    assert_ne!(said_in(1), said_in(2));
}

#[test]
fn a_faulted_call_is_not_in_it() {
    let mut sim = Sim::new();
    sim.act(send(0, 4, 0));
    sim.surface.discard();
    assert!(sim.surface.said().is_empty());
    assert_eq!(sim.surface.transcript(), chain(&[]));
}

#[test]
fn a_replay_answers_as_it_was_answered_and_sends_nothing() {
    let url = b"https://api.example.com/";
    let ask = FetchCall { method: 0, url: (0, 24), headers: (0, 0), body: (0, 0) };
    let mut sim = Sim::new();
    sim.memory[..24].copy_from_slice(url);
    sim.surface.replay_codes(&[7, -101]);
    assert_eq!(sim.act(Call::HttpRequest(ask)), 7);
    assert_eq!(sim.act(Call::HttpRequest(ask)), -101);
    assert_eq!(sim.act(Call::HttpRequest(ask)), Code::HttpFailed.value(), "the log has no more");
    assert_eq!(sim.surface.codes(), [7, -101, Code::HttpFailed.value()]);
    assert!(sim.surface.take_fetches().is_empty());
    sim.surface.commit();
    assert!(sim.surface.said().windows(24).any(|window| window == url));
}
