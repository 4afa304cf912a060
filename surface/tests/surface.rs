//! The surface as a sim meets it, without a sandbox: calls with a memory, tick after tick.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use bytes::Bytes;
use lattice_policies::{Code, PlayerId, policy::MatchLimits};
use lattice_surface::{
    Call, Event, FetchCall, HEADER_BYTES, Message, Phase, Recipient, SharedRules, Surface,
};

const ANN: PlayerId = PlayerId(1);
const BOB: PlayerId = PlayerId(2);

/// A surface in a tick, with 64 KiB of memory that holds its own addresses' low bytes.
struct Sim {
    surface: Surface,
    memory: Vec<u8>,
}

impl Sim {
    fn new(limits: MatchLimits) -> Self {
        Self::with_rules(limits, Arc::default())
    }

    fn with_rules(limits: MatchLimits, egress: Arc<SharedRules>) -> Self {
        let mut surface = Surface::new(Arc::new(limits), Arc::from(*b"config!"), egress);
        surface.begin(Phase::Tick);
        Self { surface, memory: (0..=255).cycle().take(65_536).collect() }
    }

    fn with_players() -> Self {
        let mut sim = Self::new(MatchLimits::default());
        for player in [ANN, BOB] {
            let about = Bytes::from_static(b"name");
            sim.surface.push(Event::Join { player, about }).unwrap();
        }
        sim
    }

    fn act(&mut self, call: Call) -> i32 {
        self.surface.act(&call, &mut self.memory)
    }

    fn next_tick(&mut self) {
        self.surface.commit();
        self.surface.begin(Phase::Tick);
    }

    fn pull(&mut self) -> Option<Vec<u8>> {
        let size = self.act(Call::EventNext { ptr: 0, cap: 4_096 });
        assert!(size >= 0, "{size}");
        (size > 0).then(|| self.memory[..size as usize].to_vec())
    }

    fn messages(&self) -> Vec<Message<'_>> {
        self.surface.outbox().messages().collect()
    }
}

fn send(player: PlayerId, len: u32) -> Call {
    Call::Send { player, ptr: 0, len, flags: 0 }
}

#[test]
fn events_have_the_documented_bytes_and_come_in_order() {
    let mut sim = Sim::with_players();
    sim.surface.push(Event::Message { player: BOB, bytes: Bytes::from_static(b"hi") }).unwrap();
    sim.surface.push(Event::Stop { ticks_left: 7 }).unwrap();
    assert_eq!(sim.act(Call::EventPeek), HEADER_BYTES as i32 + 4);

    let join = sim.pull().unwrap();
    assert_eq!(
        join[..24],
        [1, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    );
    assert_eq!(&join[24..], b"name");
    assert_eq!(sim.pull().unwrap()[8], 2);
    let message = sim.pull().unwrap();
    assert_eq!((message[0], message[4], message[8], &message[24..]), (3, 2, 2, &b"hi"[..]));
    let stop = sim.pull().unwrap();
    assert_eq!((stop[0], stop[16], stop.len()), (5, 7, HEADER_BYTES));
    assert_eq!(sim.pull(), None);
    assert_eq!(sim.act(Call::EventPeek), 0);
}

#[test]
fn an_event_that_does_not_fit_stays_queued_and_so_do_unread_ones() {
    let mut sim = Sim::with_players();
    assert_eq!(sim.act(Call::EventNext { ptr: 0, cap: 27 }), Code::TooSmall.value());
    assert_eq!(sim.act(Call::EventNext { ptr: 65_530, cap: 28 }), Code::BadPointer.value());
    sim.next_tick();
    assert_eq!(sim.pull().unwrap()[8], 1);
    assert_eq!(sim.pull().unwrap()[8], 2);
}

#[test]
fn messages_to_a_sim_that_does_not_read_are_refused_and_joins_are_not() {
    let mut sim = Sim::new(MatchLimits { event_queue_events: 2, ..MatchLimits::default() });
    let message = || Event::Message { player: ANN, bytes: Bytes::from_static(b"x") };
    assert!(sim.surface.push(message()).is_ok());
    assert!(sim.surface.push(message()).is_ok());
    assert!(sim.surface.push(message()).is_err());
    assert!(sim.surface.push(Event::Join { player: ANN, about: Bytes::new() }).is_ok());
    assert!(sim.surface.push(Event::Leave { player: ANN, reason: 0 }).is_ok());
    let kinds: Vec<u8> = std::iter::from_fn(|| sim.pull()).map(|event| event[0]).collect();
    assert_eq!(kinds, [3, 3, 1, 2]);
    assert!(sim.surface.push(message()).is_ok(), "room again once they are read");
}

#[test]
fn sending_decides_from_the_roster_and_the_ticks_quota_alone() {
    let mut sim = Sim::with_players();
    assert_eq!(sim.act(send(ANN, 3)), 0);
    assert_eq!(sim.act(Call::Broadcast { ptr: 5, len: 2, flags: 1 }), 0);
    assert_eq!(sim.act(send(PlayerId(9), 3)), Code::NoSuchPlayer.value());
    assert_eq!(sim.act(Call::Broadcast { ptr: 0, len: 1, flags: 2 }), Code::Invalid.value());
    let sent = sim.messages();
    assert_eq!(sent.len(), 2);
    assert_eq!(
        (sent[0].to, sent[0].bytes, sent[0].may_be_dropped),
        (Recipient::Player(ANN), &[0, 1, 2][..], false)
    );
    assert_eq!(
        (sent[1].to, sent[1].bytes, sent[1].may_be_dropped),
        (Recipient::Everyone, &[5, 6][..], true)
    );
    sim.next_tick();
    assert!(sim.messages().is_empty(), "a tick begins with an empty outbox");
}

#[test]
fn the_quotas_of_a_tick_end_with_it() {
    let limits = MatchLimits {
        tick_messages: 2,
        tick_message_bytes: 100,
        message_out_bytes: 60,
        ..MatchLimits::default()
    };
    let mut sim = Sim::new(limits);
    let broadcast = |len| Call::Broadcast { ptr: 0, len, flags: 0 };
    assert_eq!(sim.act(broadcast(61)), Code::TooLarge.value());
    assert_eq!(sim.act(broadcast(60)), 0);
    assert_eq!(sim.act(broadcast(41)), Code::QueueFull.value());
    assert_eq!(sim.act(broadcast(40)), 0);
    assert_eq!(sim.act(broadcast(0)), Code::QueueFull.value());
    sim.next_tick();
    assert_eq!(sim.act(broadcast(60)), 0);
}

#[test]
fn a_kick_acts_at_the_ticks_end_and_its_leave_comes_first() {
    let mut sim = Sim::with_players();
    while sim.pull().is_some() {}
    assert_eq!(sim.act(Call::Kick { player: ANN, reason: 42 }), 0);
    assert_eq!(sim.act(Call::Kick { player: ANN, reason: 43 }), 0);
    assert_eq!(sim.act(send(ANN, 1)), 0, "until the tick ends the player is there");
    sim.next_tick();
    sim.surface.push(Event::Message { player: BOB, bytes: Bytes::new() }).unwrap();
    assert_eq!(sim.act(send(ANN, 1)), Code::NoSuchPlayer.value());
    assert_eq!(sim.act(Call::Kick { player: ANN, reason: 1 }), Code::NoSuchPlayer.value());
    let leave = sim.pull().unwrap();
    assert_eq!((leave[0], leave[8], leave[16]), (2, 1, 42));
    assert_eq!(sim.pull().unwrap()[0], 3);
    assert_eq!(sim.pull(), None);
}

#[test]
fn a_faulted_tick_is_void_but_for_its_log() {
    let mut sim = Sim::with_players();
    sim.act(Call::Result { ptr: 1, len: 2 });
    sim.act(Call::Gauge { ptr: 65, len: 1, value: 1.0 });
    assert!(sim.surface.commit());
    sim.surface.begin(Phase::Tick);
    sim.act(send(ANN, 1));
    sim.act(Call::Kick { player: ANN, reason: 1 });
    sim.act(Call::Result { ptr: 9, len: 1 });
    sim.act(Call::Gauge { ptr: 65, len: 1, value: 2.0 });
    sim.act(Call::Gauge { ptr: 66, len: 1, value: 2.0 });
    sim.act(Call::Log { level: 3, ptr: 65, len: 3 });
    sim.surface.discard();
    assert!(sim.messages().is_empty());
    assert!(sim.surface.outbox().kicks().is_empty());
    assert_eq!(sim.surface.result(), Some(&[1, 2][..]));
    let gauges: Vec<_> = sim.surface.gauges().into_iter().map(|g| (g.name, g.value)).collect();
    assert_eq!(gauges, [("A".to_owned(), 1.0)]);
    assert_eq!(sim.surface.log().drain()[0].text, "ABC");
}

#[test]
fn the_log_is_cut_by_the_record_and_bounded_by_the_tick() {
    let limits = MatchLimits { log_record_bytes: 10, log_tick_bytes: 60, ..MatchLimits::default() };
    let mut sim = Sim::new(limits);
    for _ in 0..5 {
        assert_eq!(sim.act(Call::Log { level: 1, ptr: 65, len: 20 }), 0);
    }
    sim.act(Call::Log { level: 1, ptr: u32::MAX, len: 20 });
    let lines = sim.surface.log().drain();
    assert_eq!(lines.len(), 2, "26 bytes a line, as each counts 16 beside its text");
    assert!(lines.iter().all(|line| line.text == "ABCDEFGHIJ"));
    assert_eq!(sim.surface.log().dropped(), 4);
    sim.next_tick();
    sim.act(Call::Log { level: 77, ptr: 65, len: 1 });
    assert_eq!(sim.surface.log().drain()[0].level, lattice_surface::Level::Error);
}

#[test]
fn gauges_and_blobs_keep_to_their_limits() {
    let limits =
        MatchLimits { gauges: 2, gauge_name_bytes: 2, result_bytes: 3, ..MatchLimits::default() };
    let mut sim = Sim::new(limits);
    let gauge = |ptr, len| Call::Gauge { ptr, len, value: 0.5 };
    assert_eq!(sim.act(gauge(65, 3)), Code::TooLarge.value());
    assert_eq!(sim.act(gauge(65, 0)), Code::Invalid.value());
    assert_eq!(sim.act(gauge(200, 1)), Code::Invalid.value(), "no UTF-8");
    assert_eq!(sim.act(gauge(65, 1)), 0);
    sim.next_tick();
    assert_eq!(sim.act(gauge(66, 1)), 0);
    assert_eq!(sim.act(gauge(67, 1)), Code::QueueFull.value());
    assert_eq!(sim.act(gauge(65, 1)), 0, "a known name is no new one");
    assert_eq!(sim.act(Call::Result { ptr: 0, len: 4 }), Code::TooLarge.value());
    assert_eq!(sim.act(Call::Config { ptr: 100, cap: 3 }), 7);
    assert_eq!(&sim.memory[100..104], b"cong", "three bytes copied, the fourth as it was");
    assert_eq!(sim.act(Call::Config { ptr: 0, cap: 0 }), 7);
}

#[test]
fn every_bad_range_is_a_code() {
    let mut sim = Sim::with_players();
    let bad = Code::BadPointer.value();
    for (ptr, len) in [(u32::MAX, 8), (65_536, 1), (65_535, 2), (0, u32::MAX), (u32::MAX - 7, 64)] {
        for call in [
            Call::Send { player: ANN, ptr, len, flags: 0 },
            Call::Broadcast { ptr, len, flags: 0 },
            Call::EventNext { ptr, cap: len },
            Call::Config { ptr, cap: len },
            Call::Result { ptr, len },
            Call::Gauge { ptr, len, value: 0.0 },
            Call::HttpRequest(FetchCall {
                method: 0,
                url: (ptr, len),
                headers: (0, 0),
                body: (0, 0),
            }),
        ] {
            assert_eq!(sim.act(call), bad, "{call:?}");
        }
    }
    assert!(sim.messages().is_empty());
    assert_eq!(sim.surface.result(), None);
}

#[test]
fn the_price_has_a_fixed_part_and_a_part_by_bytes_up_to_the_limit() {
    let mut sim = Sim::with_players();
    let price = |sim: &Sim, call| sim.surface.price(&call);
    assert_eq!(price(&sim, Call::EventPeek), 50);
    let broadcast = Call::Broadcast { ptr: 0, len: 10, flags: 0 };
    assert_eq!(price(&sim, broadcast), 110 + 2 * 200, "two players are handed a message");
    assert_eq!(price(&sim, send(ANN, 1_000)), 1_100);
    assert_eq!(price(&sim, send(ANN, u32::MAX)), 100 + (256 << 10));
    assert_eq!(price(&sim, Call::Log { level: 0, ptr: 0, len: 65_536 }), 100 + 4_096);
    assert_eq!(price(&sim, Call::EventNext { ptr: 0, cap: 4_096 }), 100 + 28);
    assert_eq!(price(&sim, Call::EventNext { ptr: 0, cap: 27 }), 100);
    assert_eq!(price(&sim, Call::Config { ptr: 0, cap: 65_536 }), 107);
    while sim.pull().is_some() {}
    assert_eq!(price(&sim, Call::EventNext { ptr: 0, cap: 4_096 }), 100);
}

#[test]
fn each_phase_has_its_calls() {
    let mut sim = Sim::with_players();
    let not_now = Code::NotNow.value();
    let kick = Call::Kick { player: ANN, reason: 0 };
    let fetch = |method| {
        Call::HttpRequest(FetchCall { method, url: (0, 16), headers: (0, 0), body: (0, 0) })
    };
    sim.memory[..16].copy_from_slice(b"https://a.test/x");
    for call in [Call::StateRead { ptr: 0, cap: 1 }, Call::StateWrite { ptr: 0, len: 1 }] {
        assert_eq!(sim.act(call), not_now);
    }
    assert_eq!(sim.act(fetch(0)), Code::HttpNotAllowed.value(), "an empty allow-list denies all");
    assert_eq!(sim.act(fetch(7)), Code::HttpBadRequest.value());

    sim.surface.begin(Phase::Initialize);
    assert_eq!(sim.act(Call::Config { ptr: 0, cap: 0 }), 7);
    for call in [send(ANN, 1), kick, fetch(0), Call::EventPeek, Call::Result { ptr: 0, len: 1 }] {
        assert_eq!(sim.act(call), not_now, "{call:?}");
    }
    sim.surface.begin(Phase::Shutdown);
    assert_eq!(sim.act(send(ANN, 1)), 0);
    assert_eq!(sim.act(kick), not_now);
    assert_eq!(sim.act(fetch(0)), not_now);
}

#[test]
fn a_state_is_written_and_read_back_in_pieces_of_any_size() {
    let mut sim = Sim::with_players();
    sim.surface.begin_save();
    assert_eq!(sim.act(Call::StateWrite { ptr: 0, len: 5 }), 0);
    assert_eq!(sim.act(Call::StateWrite { ptr: 65_536, len: 0 }), 0);
    assert_eq!(sim.act(Call::StateWrite { ptr: 65_535, len: 2 }), Code::BadPointer.value());
    assert_eq!(sim.act(Call::StateWrite { ptr: 10, len: 2 }), 0);
    let state = sim.surface.take_state();
    assert_eq!(state, [0, 1, 2, 3, 4, 10, 11]);
    assert_eq!(sim.surface.take_state(), [], "it is taken once");

    sim.surface.begin_load(state);
    let fixed = sim.surface.price(&Call::StateRead { ptr: 0, cap: 0 });
    assert_eq!(sim.surface.price(&Call::StateRead { ptr: 0, cap: 4 }), fixed + 4);
    assert_eq!(sim.surface.price(&Call::StateRead { ptr: 0, cap: u32::MAX }), fixed + 7);
    assert_eq!(sim.act(Call::StateRead { ptr: 100, cap: 4 }), 4);
    assert_eq!(sim.act(Call::StateRead { ptr: 65_530, cap: 8 }), Code::BadPointer.value());
    assert_eq!(sim.act(Call::StateRead { ptr: 104, cap: 100 }), 3);
    assert_eq!(sim.memory[100..107], [0, 1, 2, 3, 4, 10, 11]);
    assert_eq!(sim.act(Call::StateRead { ptr: 0, cap: 100 }), 0);
}

#[test]
fn a_state_over_the_limit_is_refused_whole_and_paid_by_what_is_written() {
    let mut sim = Sim::new(MatchLimits { state_blob_bytes: 10, ..MatchLimits::default() });
    sim.surface.begin_save();
    let write = |len| Call::StateWrite { ptr: 0, len };
    let fixed = sim.surface.price(&write(0));
    assert_eq!(sim.surface.price(&write(6)), fixed + 6);
    assert_eq!(sim.surface.price(&write(u32::MAX)), fixed + 10);
    assert_eq!(sim.act(write(6)), 0);
    assert_eq!(sim.act(write(5)), Code::TooLarge.value());
    assert_eq!(sim.act(write(4)), 0);
    assert_eq!(sim.act(write(1)), Code::TooLarge.value());
    assert_eq!(sim.surface.take_state().len(), 10);
}

#[test]
fn save_and_load_can_log_and_read_the_config_and_leave_the_match_as_it_is() {
    let mut sim = Sim::with_players();
    sim.act(Call::Kick { player: BOB, reason: 4 });
    sim.surface.commit();
    let (state, transcript) = (sim.surface.save(), sim.surface.transcript());
    let (read, write) = (Call::StateRead { ptr: 0, cap: 1 }, Call::StateWrite { ptr: 0, len: 1 });
    for other in [read, write] {
        if other == read {
            sim.surface.begin_save();
        } else {
            sim.surface.begin_load(vec![7]);
        }
        let fetch = FetchCall { method: 0, url: (0, 16), headers: (0, 0), body: (0, 0) };
        for call in [
            other,
            send(ANN, 1),
            Call::Broadcast { ptr: 0, len: 1, flags: 0 },
            Call::Kick { player: ANN, reason: 0 },
            Call::HttpRequest(fetch),
            Call::EventPeek,
            Call::EventNext { ptr: 0, cap: 99 },
            Call::Result { ptr: 0, len: 1 },
            Call::Gauge { ptr: 65, len: 1, value: 1.0 },
        ] {
            assert_eq!(sim.act(call), Code::NotNow.value(), "{call:?}");
        }
        assert_eq!(sim.act(Call::Config { ptr: 0, cap: 0 }), 7);
        assert_eq!(sim.act(Call::Log { level: 2, ptr: 65, len: 3 }), 0);
        assert_eq!(sim.surface.log().drain()[0].text, "ABC");
        sim.surface.commit();
        assert_eq!((sim.surface.said(), sim.surface.transcript()), (&[][..], transcript));
        assert_eq!(sim.surface.save(), state);
    }
    sim.surface.begin(Phase::Tick);
    assert!(!sim.surface.has(BOB), "the kick acts with the next tick");
}
