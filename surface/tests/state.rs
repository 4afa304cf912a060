//! A surface's state as bytes: who restores it goes on as if nothing had been, and bytes that are
//! none are refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use lattice_policies::{
    Code, PlayerId,
    egress::{EgressPolicy, GameEgress, Rules},
    policy::MatchLimits,
};
use lattice_surface::{
    BadState, Call, Event, FetchCall, LogLine, Phase, SharedRules, Surface, response_payload,
};
use proptest::{prelude::*, test_runner::RngSeed};

const URL: &[u8] = b"https://api.example.com/";

/// A surface in a tick, whose game may fetch, with 64 KiB of memory that begin with a URL.
struct Sim {
    surface: Surface,
    memory: Vec<u8>,
}

/// One thing that happens to a surface.
#[derive(Debug, Clone)]
enum Step {
    Push(Event),
    Act(Call),
    /// The running tick ends, well or by a fault, and the next begins.
    End {
        well: bool,
    },
}

fn limits() -> Arc<MatchLimits> {
    Arc::new(MatchLimits { event_queue_events: 3, gauges: 4, ..MatchLimits::default() })
}

fn rules() -> Arc<SharedRules> {
    let allow = vec!["api.example.com:443".parse().unwrap()];
    let game = GameEgress { allow, ..GameEgress::default() };
    Arc::new(SharedRules::new(Rules::new(&EgressPolicy::default(), &game).unwrap()))
}

fn restore(state: &[u8]) -> Result<Surface, BadState> {
    Surface::restore(limits(), Arc::from(*b"config"), rules(), state)
}

const fn get() -> Call {
    Call::HttpRequest(FetchCall {
        method: 0,
        url: (0, URL.len() as u32),
        headers: (0, 0),
        body: (0, 0),
    })
}

fn response(id: u32) -> Event {
    Event::Response { id, status: 200, payload: response_payload(b"", b"body") }
}

impl Sim {
    fn new() -> Self {
        let surface = Surface::new(limits(), Arc::from(*b"config"), rules());
        let mut memory: Vec<u8> = (0..=127).cycle().take(65_536).collect();
        memory[..URL.len()].copy_from_slice(URL);
        let mut sim = Self { surface, memory };
        sim.surface.begin(Phase::Tick);
        sim
    }

    /// The same sim with a surface of the same state, as after a tick.
    fn again(&self) -> Self {
        let mut surface = restore(&self.surface.save()).unwrap();
        surface.begin(Phase::Tick);
        Self { surface, memory: self.memory.clone() }
    }

    /// What the sim is answered.
    fn take(&mut self, step: &Step) -> i32 {
        match step {
            Step::Push(event) => self.surface.push(event.clone()).map_or(1, |()| 0),
            Step::Act(call) => self.surface.act(call, &mut self.memory),
            Step::End { well } => {
                if *well {
                    self.surface.commit();
                } else {
                    self.surface.discard();
                }
                self.hand_on();
                self.surface.begin(Phase::Tick);
                0
            }
        }
    }

    fn hand_on(&mut self) -> Vec<LogLine> {
        drop((self.surface.take_fetches(), self.surface.take_refused()));
        self.surface.log().drain()
    }

    fn act(&mut self, call: Call) -> i32 {
        self.take(&Step::Act(call))
    }

    fn pull(&mut self) -> Vec<u8> {
        let size = self.act(Call::EventNext { ptr: 1_000, cap: 1_000 });
        self.memory[1_000..1_000 + size as usize].to_vec()
    }

    /// Ends the tick, so that there is a state to be saved.
    fn end(mut self) -> Self {
        self.surface.commit();
        self.hand_on();
        self
    }
}

/// A match in which there is something of everything that a surface keeps.
fn eventful() -> Sim {
    let mut sim = Sim::new();
    let about = || "Ada".into();
    for player in [3, 1, 2].map(PlayerId) {
        sim.surface.push(Event::Join { player, about: about() }).unwrap();
    }
    let gauge = |len, value| Call::Gauge { ptr: 65, len, value };
    for call in [
        get(),
        get(),
        get(),
        gauge(1, -0.0),
        gauge(2, f64::from_bits(0xfff8_0000_0000_0001)),
        Call::Result { ptr: 0, len: 9 },
        Call::Log { level: 2, ptr: u32::MAX, len: 9 },
        Call::Kick { player: PlayerId(2), reason: -7 },
    ] {
        assert!(sim.act(call) >= 0);
    }
    sim.take(&Step::End { well: true });
    sim.surface.push(response(2)).unwrap();
    for _ in 0..2 {
        assert!(sim.act(Call::EventNext { ptr: 1_000, cap: 1_000 }) > 0);
    }
    sim.act(Call::Kick { player: PlayerId(1), reason: 5 });
    sim
}

#[test]
fn a_restored_surface_has_all_that_was_kept() {
    let sim = eventful().end();
    let restored = restore(&sim.surface.save()).unwrap();
    for surface in [&sim.surface, &restored] {
        assert_eq!(surface.roster().iter().map(|player| player.0).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(surface.left().iter().map(|player| player.0).collect::<Vec<_>>(), [2]);
        assert_eq!(surface.in_flight(), [1, 3]);
        assert_eq!(surface.transcript(), sim.surface.transcript());
        assert_eq!(surface.result(), Some(&URL[..9]));
        let gauges = surface.gauges();
        let bits: Vec<_> = gauges.iter().map(|gauge| gauge.value.to_bits()).collect();
        assert_eq!(bits, [1 << 63, 0xfff8_0000_0000_0001]);
    }
    assert_eq!(restored.outbox().messages().count(), 0);
    let (mut sim, mut restored) = (sim, Sim { surface: restored, memory: vec![0; 65_536] });
    assert_eq!(restored.surface.log().dropped(), 1);
    // The leave of the player who was kicked last comes behind what had not been pulled.
    for sim in [&mut sim, &mut restored] {
        sim.surface.begin(Phase::Tick);
        let kinds: Vec<_> = (0..4).map(|_| sim.pull()).map(|event| (event[0], event[8])).collect();
        assert_eq!(kinds, [(1, 2), (2, 2), (4, 0), (2, 1)]);
        assert_eq!(sim.pull(), []);
        assert!(sim.surface.left().contains(&PlayerId(1)));
        sim.memory[..URL.len()].copy_from_slice(URL);
        assert_eq!(sim.act(get()), 4, "ids go on");
        assert_eq!(sim.surface.in_flight(), [1, 3, 4]);
    }
}

#[test]
fn what_a_call_alone_has_is_no_part_of_the_state() {
    let silent = Sim::new().end().surface.save();
    let mut sim = Sim::new();
    sim.surface.push(Event::Stop { ticks_left: 1 }).unwrap();
    sim.pull();
    for call in
        [get(), Call::Gauge { ptr: 65, len: 1, value: 1.0 }, Call::Result { ptr: 0, len: 1 }]
    {
        assert!(sim.act(call) >= 0);
    }
    sim.surface.discard();
    assert_eq!(sim.surface.save(), silent, "a faulted call is void");
    assert_eq!(sim.surface.in_flight(), []);
}

#[test]
fn a_replay_has_the_same_state_as_the_match() {
    let played = |replayed: bool| {
        let mut sim = Sim::new();
        if replayed {
            sim.surface.replay_codes(&[1, 2, Code::HttpBadRequest.value()]);
        }
        assert_eq!((sim.act(get()), sim.act(get())), (1, 2));
        let nowhere = FetchCall { method: 9, url: (0, 0), headers: (0, 0), body: (0, 0) };
        assert_eq!(sim.act(Call::HttpRequest(nowhere)), Code::HttpBadRequest.value());
        sim.surface.push(response(1)).unwrap();
        sim.take(&Step::End { well: true });
        if replayed {
            sim.surface.replay_codes(&[3]);
        }
        assert_eq!(sim.act(get()), 3);
        sim.surface.discard();
        assert_eq!(sim.surface.in_flight(), [2]);
        sim.surface.save()
    };
    assert_eq!(played(true), played(false));
}

#[test]
fn a_state_that_is_cut_is_refused_and_a_flipped_bit_is_another_state_or_none() {
    let state = eventful().end().surface.save();
    for cut in 0..state.len() {
        let refused = restore(&state[..cut]).err().unwrap();
        assert!(refused.at <= cut, "{refused}");
    }
    let longer = [&state[..], &[0]].concat();
    assert!(restore(&longer).is_err());
    for bit in 0..state.len() * 8 {
        let mut flipped = state.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(surface) = restore(&flipped) {
            assert_eq!(surface.save(), flipped, "bit {bit}");
        }
    }
}

#[test]
fn counts_that_lie_reserve_nothing_and_counts_at_their_end_are_refused() {
    let empty = Sim::new().end().surface.save();
    // Version, chain, calls, dropped lines; then the roster's count.
    let roster = 4 + 32 + 8 + 8;
    for (at, value) in [(roster, u32::MAX), (0, 2)] {
        let mut state = empty.clone();
        state[at..at + 4].copy_from_slice(&value.to_le_bytes());
        assert!(restore(&state).is_err(), "{at}");
    }
    for at in [36, 44] {
        let mut state = empty.clone();
        state[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(restore(&state).is_err(), "{at}");
    }
}

fn event() -> impl Strategy<Value = Event> {
    let player = (1..5_u32).prop_map(PlayerId);
    let bytes = prop::collection::vec(any::<u8>(), 0..20);
    (0..5, player, any::<i32>(), 1..6_u32, bytes).prop_map(|(kind, player, number, id, bytes)| {
        match kind {
            0 => Event::Join { player, about: bytes.into() },
            1 => Event::Leave { player, reason: number },
            2 => Event::Message { player, bytes: bytes.into() },
            3 => Event::Response { id, status: number, payload: bytes.into() },
            _ => Event::Stop { ticks_left: number },
        }
    })
}

fn call() -> impl Strategy<Value = Call> {
    (0..8, 1..5_u32, 0..99_u32, any::<i32>(), any::<f64>()).prop_map(
        |(kind, player, len, number, value)| {
            let (player, ptr) = (PlayerId(player), 60 + len);
            match kind {
                0 => Call::Log { level: 1, ptr, len },
                1 => Call::EventNext { ptr: 1_000, cap: len },
                2 => Call::Send { player, ptr, len, flags: 0 },
                3 => Call::Kick { player, reason: number },
                4 => Call::Result { ptr, len },
                5 => Call::Gauge { ptr, len: len % 8, value },
                6 => Call::Log { level: 1, ptr: u32::MAX, len },
                _ => get(),
            }
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => event().prop_map(Step::Push),
        6 => call().prop_map(Step::Act),
        1 => any::<bool>().prop_map(|well| Step::End { well }),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_restored_match_goes_on_as_one_that_was_not(before in steps(), after in steps()) {
        let mut sim = Sim::new();
        for step in &before {
            sim.take(step);
        }
        let mut sim = sim.end();
        let mut restored = sim.again();
        prop_assert_eq!(restore(&sim.surface.save()).unwrap().save(), sim.surface.save());
        sim.surface.begin(Phase::Tick);
        for step in &after {
            prop_assert_eq!(sim.take(step), restored.take(step), "{:?}", step);
        }
        prop_assert_eq!(sim.end().surface.save(), restored.end().surface.save());
    }

    #[test]
    fn any_bytes_are_one_state_or_none(
        head in prop::collection::vec(any::<u8>(), 0..40),
        numbers in prop::collection::vec(0..3_u8, 0..120),
    ) {
        let state = [&1_u32.to_le_bytes()[..], &head, &numbers].concat();
        for bytes in [&state, &head] {
            if let Ok(surface) = restore(bytes) {
                prop_assert_eq!(&surface.save(), bytes);
            }
        }
    }
}
