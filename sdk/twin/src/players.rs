//! Made-up players: they join, send, and leave by a generator's numbers, so that a sim is met with
//! what no test of its author thought of. The same seed makes the same players on every machine.

use std::ops::{ControlFlow, RangeInclusive};

use bytes::Bytes;
use lattice_policies::PlayerId;
use lattice_surface::{Event, LoggedCall, LoggedEnd, LoggedEnding, Surface, TickInputs};

use crate::{
    random::Random,
    run::{Course, Run, Sim, Told},
};

/// The first joins are spread over so many ticks.
const JOIN_TICKS: u64 = 30;
/// A player sends once in so many ticks, and leaves once in so many.
const SEND_TICKS: u64 = 2;
const LEAVE_TICKS: u64 = 1_000;
/// Most messages of games are short.
const MESSAGE_BYTES: RangeInclusive<u64> = 1..=24;
/// The first byte is mostly what a game would name a kind of message by.
const KINDS: u64 = 8;

/// A match to make up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeUp {
    /// In the match at once. Whoever leaves or is kicked is followed by somebody new.
    pub players: u32,
    pub ticks: u32,
    /// Of the players and of the match.
    pub seed: u64,
    /// Per second.
    pub tick_hz: u16,
    /// After how many ticks the sim's digest of its state is taken again; 0 for never.
    pub hash_every: u32,
}

/// Plays a made-up match, and answers what came into it and how it ended.
pub fn play(sim: &mut impl Sim, match_: MadeUp, told: Told<'_>) -> (Vec<TickInputs>, LoggedEnd) {
    let mut inputs = Vec::new();
    let (ticks, ending) =
        calls(&mut Run { sim, told, hash_every: match_.hash_every }, match_, &mut inputs);
    let transcript = sim.surface(|surface| surface.transcript());
    (inputs, LoggedEnd { ticks, ending, transcript })
}

/// Makes all calls; answers the ticks that count.
fn calls<S: Sim>(
    run: &mut Run<'_, S>,
    match_: MadeUp,
    inputs: &mut Vec<TickInputs>,
) -> (i64, LoggedEnding) {
    let mut crowd = Crowd::new(match_);
    let course = run.init(match_.seed, match_.tick_hz, None);
    note(run.sim, -1, Vec::new(), inputs);
    if let ControlFlow::Break(course) = course {
        return (0, ending(course, LoggedCall::Init));
    }
    for tick in 0..i64::from(match_.ticks) {
        let is_last = tick + 1 == i64::from(match_.ticks);
        let mut events = Vec::new();
        let course = run.tick(tick, None, |surface| {
            events = crowd.events(tick as u64, surface);
            events.extend(is_last.then_some(Event::Stop { ticks_left: 1 }));
            events.clone()
        });
        note(run.sim, tick, events, inputs);
        match course {
            ControlFlow::Continue(()) => {}
            ControlFlow::Break(Course::Finished) if is_last => {
                return (tick + 1, LoggedEnding::Stopped);
            }
            ControlFlow::Break(Course::Faulted(kind)) => {
                return (tick, fault(kind, LoggedCall::Tick));
            }
            ControlFlow::Break(course) => return (tick + 1, ending(course, LoggedCall::Tick)),
        }
    }
    let ticks = i64::from(match_.ticks);
    match run.shutdown(ticks) {
        ControlFlow::Break(course) => (ticks, ending(course, LoggedCall::Shutdown)),
        ControlFlow::Continue(()) => (ticks, LoggedEnding::ShutDown),
    }
}

/// Writes down what came into a call, if anything did.
fn note(sim: &mut impl Sim, tick: i64, events: Vec<Event>, inputs: &mut Vec<TickInputs>) {
    let (codes, transcript) = sim.surface(|it| (it.codes().to_vec(), it.transcript()));
    if !events.is_empty() || !codes.is_empty() {
        inputs.push(TickInputs { tick, events, codes, transcript });
    }
}

fn ending(course: Course, call: LoggedCall) -> LoggedEnding {
    match course {
        Course::Finished => LoggedEnding::Finished,
        Course::GoesOn => LoggedEnding::Stopped,
        Course::Faulted(kind) => fault(kind, call),
    }
}

/// What the machine had a part in is no fault of the sim's.
fn fault(kind: String, call: LoggedCall) -> LoggedEnding {
    match kind.as_str() {
        "DEADLINE" | "MEMORY" | "HOST" => LoggedEnding::Cut { kind },
        _ => LoggedEnding::Faulted { call, kind },
    }
}

/// The players of a made-up match.
struct Crowd {
    random: Random,
    seats: Vec<Seat>,
    /// Numbers given so far.
    given: u32,
}

/// Where one player is at a time.
#[derive(Clone, Copy)]
enum Seat {
    Joins { at: u64 },
    Taken(PlayerId),
}

impl Crowd {
    fn new(match_: MadeUp) -> Self {
        let mut random = Random(match_.seed);
        let mut seat = |_| Seat::Joins { at: random.below(JOIN_TICKS) };
        let seats = (0..match_.players).map(&mut seat).collect();
        Self { random, seats, given: 0 }
    }

    /// What they do in a tick.
    fn events(&mut self, tick: u64, surface: &Surface) -> Vec<Event> {
        (0..self.seats.len()).filter_map(|seat| self.event(seat, tick, surface)).collect()
    }

    fn event(&mut self, seat: usize, tick: u64, surface: &Surface) -> Option<Event> {
        match self.seats[seat] {
            Seat::Joins { at } if tick < at => None,
            Seat::Joins { .. } => {
                self.given += 1;
                let player = PlayerId(self.given);
                self.seats[seat] = Seat::Taken(player);
                Some(Event::Join { player, about: format!("Zoë {player}").into() })
            }
            Seat::Taken(player) if !surface.has(player) => {
                self.free(seat, tick);
                None
            }
            Seat::Taken(player) if self.random.once_in(LEAVE_TICKS) => {
                self.free(seat, tick);
                Some(Event::Leave { player, reason: 0 })
            }
            Seat::Taken(player) => self
                .random
                .once_in(SEND_TICKS)
                .then(|| Event::Message { player, bytes: self.message() }),
        }
    }

    fn free(&mut self, seat: usize, tick: u64) {
        self.seats[seat] = Seat::Joins { at: tick + 1 + self.random.below(JOIN_TICKS) };
    }

    fn message(&mut self) -> Bytes {
        let size = MESSAGE_BYTES.start() + self.random.below(*MESSAGE_BYTES.end());
        let mut bytes: Vec<u8> = (0..size).map(|_| self.random.next() as u8).collect();
        if !self.random.once_in(KINDS) {
            bytes[0] = self.random.below(KINDS) as u8;
        }
        bytes.into()
    }
}
