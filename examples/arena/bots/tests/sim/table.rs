//! A table of bots around one sim: each with the pilot and the referee of the real client, without
//! a socket between them.

use arena_bots::decode::decode;
use arena_bots::pilot::Pilot;
use arena_bots::protocol::Message;
use arena_bots::referee::Referee;
use arena_bots::tally::Tally;

use crate::host::{JOIN, MESSAGE, Sent, Sim};

pub(crate) struct Seat {
    pub(crate) player: u32,
    pub(crate) tally: Tally,
    pilot: Pilot,
    referee: Referee,
    sequence: u16,
}

impl Seat {
    fn new(player: u32) -> Self {
        Self {
            player,
            tally: Tally::default(),
            pilot: Pilot::new(player.into()),
            referee: Referee::default(),
            sequence: 0,
        }
    }

    /// Reads, judges and counts what this player is sent.
    fn see(&mut self, sent: &Sent) -> Message {
        let message = decode(&sent.bytes).unwrap_or_else(|why| panic!("{why}: {:?}", sent.bytes));
        self.referee
            .judge(&message)
            .unwrap_or_else(|why| panic!("player {} saw: {why}", self.player));
        self.tally.count(&message);
        message
    }

    fn answer(&mut self, message: &Message, sim: &mut Sim) {
        let (Some(arena), Message::State(state)) = (self.referee.arena(), message) else { return };
        let input = self.pilot.steer(arena, state);
        self.sequence = self.sequence.wrapping_add(1);
        sim.event(MESSAGE, self.player, &input.encode(self.sequence));
    }
}

pub(crate) struct Table {
    pub(crate) sim: Sim,
    pub(crate) seats: Vec<Seat>,
    pub(crate) transcript: Vec<Sent>,
    pub(crate) most_fuel: u64,
}

impl Table {
    /// Players 1 to `players`, who join in the first tick.
    pub(crate) fn of(players: u32, config: &str, seed: i64, tick_hz: i32) -> Self {
        let mut sim = Sim::start(config, seed, tick_hz);
        assert_eq!(sim.init, 0, "{:?}", sim.platform().log);
        for player in 1..=players {
            sim.event(JOIN, player, format!("Bot {player}").as_bytes());
        }
        let seats = (1..=players).map(Seat::new).collect();
        Self { sim, seats, transcript: Vec::new(), most_fuel: 0 }
    }

    /// One tick, seen and answered by every seat; what the tick returned.
    pub(crate) fn tick(&mut self) -> i32 {
        let (code, sent) = self.sim.tick();
        self.most_fuel = self.most_fuel.max(self.sim.fuel);
        for sent in &sent {
            for seat in &mut self.seats {
                if sent.player.is_none_or(|player| player == seat.player) {
                    let message = seat.see(sent);
                    seat.answer(&message, &mut self.sim);
                }
            }
        }
        self.transcript.extend(sent);
        code
    }

    /// So many ticks, none of which may end the match.
    pub(crate) fn play(&mut self, ticks: u32) {
        for tick in 0..ticks {
            assert_eq!(self.tick(), 0, "tick {tick} goes on");
        }
    }

    /// Ticks until the match ends by itself, at most so many; whether it did.
    pub(crate) fn play_to_the_end(&mut self, most_ticks: u32) -> bool {
        (0..most_ticks).any(|_| self.tick() == 1)
    }
}
