//! The bytes between the arena sim and a player, as `examples/arena/README.md` lays them out.
//! Owns the messages and the encoding of a player's; [`crate::decode`] reads the sim's. Never judges
//! what the values mean: that is [`crate::referee`]'s.

use std::fmt;

/// The version that this parser understands; a welcome with another one is malformed.
pub const VERSION: u8 = 1;
/// In place of a slot: no player.
pub const NOBODY: u8 = 255;

/// One message of the sim. Lengths and places are in arena units.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    Welcome(Welcome),
    Roster(Vec<Standing>),
    State(State),
    Hit(Hit),
    Kill(Kill),
    Over(Over),
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Place {
    pub x: f32,
    pub y: f32,
}

impl Place {
    /// In units.
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// What does not change in a match, and which slot the receiver plays.
#[derive(Debug, Clone, PartialEq)]
pub struct Welcome {
    pub slot: u8,
    pub tick_hz: u8,
    pub width: u16,
    pub height: u16,
    /// Kills that win; 0: none.
    pub score_limit: u16,
    pub obstacles: Vec<Obstacle>,
    pub boulder_radii: Vec<f32>,
}

/// All points within `round` of the box `at ± half`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Obstacle {
    pub at: Place,
    pub half: Place,
    pub round: f32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub slot: u8,
    /// The platform's number.
    pub player: u32,
    pub kills: u16,
    pub deaths: u16,
    pub name: String,
}

/// All that moves, at the end of a tick.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub tick: u32,
    pub seconds_left: Option<u16>,
    pub players: Vec<PlayerState>,
    pub boulders: Vec<Place>,
    pub shots: Vec<Shot>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PlayerState {
    pub slot: u8,
    pub alive: bool,
    pub shielded: bool,
    /// 1 to 100 for the living, 0 for the dead.
    pub health: u8,
    /// Tenths of a second until the dead come back.
    pub respawn: u8,
    pub at: Place,
    /// Where the player aims; 1 long, up to rounding.
    pub aim: Place,
    /// Of the newest input that the sim took.
    pub sequence: u16,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Shot {
    pub id: u16,
    pub owner: u8,
    pub ricocheted: bool,
    pub at: Place,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub shooter: u8,
    pub victim: u8,
    /// What the victim has left; 0 is a kill.
    pub health: u8,
    pub at: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    pub shooter: u8,
    pub victim: u8,
    pub tick: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Over {
    pub reason: OverReason,
    /// The winner's slot.
    pub winner: Option<u8>,
    pub tick: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverReason {
    Score,
    Time,
    Stopped,
}

/// Why bytes are not a message of the sim.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the message ends in the middle of a field, at byte {at} of {len}")]
    Short { at: usize, len: usize },
    #[error("{0} bytes follow the message")]
    Long(usize),
    #[error("{field} is {value}, which the layout does not allow")]
    Value { field: &'static str, value: u32 },
    #[error("a name is not UTF-8")]
    Name,
}

/// What a player wants to do from now on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Input {
    /// Direction and share of the full acceleration, at most 1 long.
    pub movement: Place,
    /// Any length above 0; zero aims where the movement goes.
    pub aim: Place,
    pub fire: bool,
}

impl Input {
    /// The message; the sim repeats `sequence` in its states once it took the input.
    pub fn encode(&self, sequence: u16) -> [u8; 8] {
        let [low, high] = sequence.to_le_bytes();
        let [move_x, move_y] = encode_vector(self.movement);
        let [aim_x, aim_y] = encode_vector(self.aim);
        [1, u8::from(self.fire), move_x, move_y, aim_x, aim_y, low, high]
    }
}

/// Asks for the welcome: what a client sends that is shown a state before any welcome, because it
/// came back into a running match.
pub fn encode_hello() -> [u8; 2] {
    [2, VERSION]
}

fn encode_vector(v: Place) -> [u8; 2] {
    let size = v.x.hypot(v.y).max(1.0);
    [v.x, v.y].map(|part| ((part / size * 127.0).round() as i8).to_le_bytes()[0])
}

impl fmt::Display for OverReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Score => "score",
            Self::Time => "time",
            Self::Stopped => "stopped",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_eight_bytes_with_vectors_of_at_most_127() {
        let movement = Place { x: -1.0, y: 0.0 };
        let aim = Place { x: 30.0, y: 40.0 };
        let input = Input { movement, aim, fire: true };
        assert_eq!(input.encode(0x0201), [1, 1, 0x81, 0, 76, 102, 1, 2]);
        assert_eq!(Input::default().encode(0), [1, 0, 0, 0, 0, 0, 0, 0]);
    }
}
