//! What one bot saw and did in a match: the figures of its closing line, and whether it played.

use std::collections::BTreeSet;
use std::fmt;

use crate::protocol::{Message, OverReason, Place, State};

/// Less than this, in units, is being pushed, not playing.
const MOVED: f32 = 50.0;

#[derive(Debug, Default)]
pub struct Tally {
    pub slot: Option<u8>,
    pub states: u64,
    pub first_tick: Option<u32>,
    pub last_tick: Option<u32>,
    /// Units, spawns left out.
    pub distance: f32,
    pub shots: u64,
    /// Shots of the own that hit someone.
    pub hits: u64,
    pub kills: u64,
    pub deaths: u64,
    /// Slots of players that were seen in states.
    pub seen: BTreeSet<u8>,
    pub over: Option<OverReason>,
    last_place: Option<Place>,
    last_shot: Option<u16>,
}

impl Tally {
    pub fn count(&mut self, message: &Message) {
        match message {
            Message::Welcome(welcome) => self.slot = Some(welcome.slot),
            Message::State(state) => self.state(state),
            Message::Hit(hit) => self.hits += u64::from(self.slot == Some(hit.shooter)),
            Message::Kill(kill) => {
                self.kills += u64::from(self.slot == Some(kill.shooter));
                self.deaths += u64::from(self.slot == Some(kill.victim));
            }
            Message::Over(over) => self.over = Some(over.reason),
            Message::Roster(_) => {}
        }
    }

    /// Ticks from the first state to the last.
    pub fn ticks(&self) -> u32 {
        self.last_tick.unwrap_or(0) - self.first_tick.unwrap_or(0)
    }

    pub fn moved(&self) -> bool {
        self.distance > MOVED
    }

    pub fn saw(&self, other: &Self) -> bool {
        other.slot.is_some_and(|slot| self.seen.contains(&slot))
    }

    fn state(&mut self, state: &State) {
        self.states += 1;
        self.first_tick.get_or_insert(state.tick);
        self.last_tick = Some(state.tick);
        self.seen.extend(state.players.iter().filter(|player| player.alive).map(|p| p.slot));
        self.count_distance(state);
        self.count_shots(state);
    }

    fn count_distance(&mut self, state: &State) {
        let own = state.players.iter().find(|player| Some(player.slot) == self.slot);
        let place = own.filter(|own| own.alive).map(|own| own.at);
        if let (Some(before), Some(now)) = (self.last_place, place) {
            self.distance += before.distance(now);
        }
        self.last_place = place;
    }

    // Ids count up and wrap, so a shot is new if its id is ahead of the newest known.
    fn count_shots(&mut self, state: &State) {
        let known = self.last_shot;
        let own = state.shots.iter().filter(|shot| Some(shot.owner) == self.slot);
        let new = own.map(|shot| shot.id).filter(|id| known.is_none_or(|last| is_ahead(*id, last)));
        for id in new {
            self.shots += 1;
            if self.last_shot.is_none_or(|last| is_ahead(id, last)) {
                self.last_shot = Some(id);
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "states {} ticks {} distance {:.0}", self.states, self.ticks(), self.distance)?;
        write!(f, " shots {} hits {}", self.shots, self.hits)?;
        write!(f, " kills {} deaths {}", self.kills, self.deaths)?;
        write!(f, " players seen {}", self.seen.len())?;
        self.over.map_or(Ok(()), |reason| write!(f, " over ({reason})"))
    }
}

fn is_ahead(id: u16, of: u16) -> bool {
    id != of && id.wrapping_sub(of) < 0x8000
}
