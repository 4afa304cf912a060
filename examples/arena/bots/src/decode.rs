//! Reads the sim's messages, strictly: every byte has a meaning, and no byte is left over.

use crate::protocol::{
    Hit, Kill, Malformed, Message, NOBODY, Obstacle, Over, OverReason, Place, PlayerState, Shot,
    Standing, State, VERSION, Welcome,
};

const UNITS: f32 = 16.0; // lengths cross as sixteenths of a unit
const NO_TIME_LIMIT: u16 = 0xffff;

/// Reads one message, whole.
pub fn decode(bytes: &[u8]) -> Result<Message, Malformed> {
    let mut reader = Reader { bytes, at: 0 };
    let message = match reader.u8()? {
        1 => Message::Welcome(reader.welcome()?),
        2 => Message::Roster(reader.roster()?),
        3 => Message::State(reader.state()?),
        4 => Message::Hit(reader.hit()?),
        5 => Message::Kill(reader.kill()?),
        6 => Message::Over(reader.over()?),
        value => return Err(Malformed::Value { field: "type", value: value.into() }),
    };
    match bytes.len() - reader.at {
        0 => Ok(message),
        left => Err(Malformed::Long(left)),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn welcome(&mut self) -> Result<Welcome, Malformed> {
        self.exactly("version", VERSION)?;
        let [slot, tick_hz] = [self.u8()?, self.u8()?];
        let [width, height, score_limit] = [self.u16()?, self.u16()?, self.u16()?];
        let [obstacles, boulders] = [self.u8()?, self.u8()?];
        Ok(Welcome {
            slot,
            tick_hz,
            width,
            height,
            score_limit,
            obstacles: self.list(obstacles, Self::obstacle)?,
            boulder_radii: self.list(boulders, Self::units)?,
        })
    }

    fn obstacle(&mut self) -> Result<Obstacle, Malformed> {
        Ok(Obstacle { at: self.place()?, half: self.place()?, round: self.units()? })
    }

    fn roster(&mut self) -> Result<Vec<Standing>, Malformed> {
        let players = self.u8()?;
        self.list(players, |reader| {
            Ok(Standing {
                slot: reader.u8()?,
                player: reader.u32()?,
                kills: reader.u16()?,
                deaths: reader.u16()?,
                name: reader.name()?,
            })
        })
    }

    fn state(&mut self) -> Result<State, Malformed> {
        let [players, boulders, shots] = [self.u8()?, self.u8()?, self.u8()?];
        let tick = self.u32()?;
        let seconds_left = self.u16()?;
        self.exactly("reserved", 0)?;
        self.exactly("reserved", 0)?;
        Ok(State {
            tick,
            seconds_left: (seconds_left != NO_TIME_LIMIT).then_some(seconds_left),
            players: self.list(players, Self::player)?,
            boulders: self.list(boulders, Self::place)?,
            shots: self.list(shots, Self::shot)?,
        })
    }

    fn player(&mut self) -> Result<PlayerState, Malformed> {
        let slot = self.u8()?;
        let flags = self.at_most("player flags", 3)?;
        Ok(PlayerState {
            slot,
            alive: flags & 1 != 0,
            shielded: flags & 2 != 0,
            health: self.u8()?,
            respawn: self.u8()?,
            at: self.place()?,
            aim: Place { x: self.fraction()?, y: self.fraction()? },
            sequence: self.u16()?,
        })
    }

    fn shot(&mut self) -> Result<Shot, Malformed> {
        Ok(Shot {
            id: self.u16()?,
            owner: self.u8()?,
            ricocheted: self.at_most("ricocheted", 1)? == 1,
            at: self.place()?,
        })
    }

    fn hit(&mut self) -> Result<Hit, Malformed> {
        Ok(Hit { shooter: self.u8()?, victim: self.u8()?, health: self.u8()?, at: self.place()? })
    }

    fn kill(&mut self) -> Result<Kill, Malformed> {
        let [shooter, victim] = [self.u8()?, self.u8()?];
        self.exactly("reserved", 0)?;
        Ok(Kill { shooter, victim, tick: self.u32()? })
    }

    fn over(&mut self) -> Result<Over, Malformed> {
        let reason = match self.at_most("reason", 2)? {
            0 => OverReason::Score,
            1 => OverReason::Time,
            _ => OverReason::Stopped,
        };
        let winner = self.u8()?;
        self.exactly("reserved", 0)?;
        Ok(Over { reason, winner: (winner != NOBODY).then_some(winner), tick: self.u32()? })
    }

    fn name(&mut self) -> Result<String, Malformed> {
        let len = self.u8()?;
        let bytes = self.take(len.into())?;
        String::from_utf8(bytes.to_vec()).map_err(|_| Malformed::Name)
    }

    fn place(&mut self) -> Result<Place, Malformed> {
        Ok(Place { x: self.units()?, y: self.units()? })
    }

    fn units(&mut self) -> Result<f32, Malformed> {
        Ok(f32::from(self.u16()?) / UNITS)
    }

    fn fraction(&mut self) -> Result<f32, Malformed> {
        Ok(f32::from(self.u8()?.cast_signed()) / 127.0)
    }

    fn exactly(&mut self, field: &'static str, wanted: u8) -> Result<(), Malformed> {
        match self.u8()? {
            value if value == wanted => Ok(()),
            value => Err(Malformed::Value { field, value: value.into() }),
        }
    }

    fn at_most(&mut self, field: &'static str, most: u8) -> Result<u8, Malformed> {
        match self.u8()? {
            value if value <= most => Ok(value),
            value => Err(Malformed::Value { field, value: value.into() }),
        }
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        let bytes = self.take(2)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from(self.u16()?) | u32::from(self.u16()?) << 16)
    }

    fn list<T>(
        &mut self,
        count: u8,
        mut read: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        (0..count).map(|_| read(self)).collect()
    }

    fn take(&mut self, len: usize) -> Result<&[u8], Malformed> {
        let short = Malformed::Short { at: self.at, len: self.bytes.len() };
        let taken = self.bytes.get(self.at..self.at + len).ok_or(short)?;
        self.at += len;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELCOME: &[u8] = &[
        1, 1, 3, 30, // type, version, slot, tick rate
        0x40, 0x06, 0x84, 0x03, 20, 0, // 1600 x 900, to 20
        1, 2, // obstacles, boulders
        0x00, 0x32, 0x20, 0x1c, 0, 0, 0x80, 0x02, 0xe0,
        0, // at 800, 450; half 0, 40; round 14
        0x40, 0x01, 0xe8, 0x01, // radii 20 and 30.5
    ];
    const STATE: &[u8] = &[
        3, 1, 1, 1, // type, players, boulders, shots
        5, 0, 1, 0, 90, 0, 0, 0, // tick 65541, 90 s left, reserved
        3, 3, 75, 0, 0x08, 0x02, 0x10, 0x04, 127, 0x81, 0x02, 0x01, // a player
        0x00, 0x01, 0x00, 0x02, // a boulder
        0xff, 0xff, 3, 1, 0x10, 0x00, 0x20, 0x00, // a shot
    ];

    #[test]
    fn a_welcome_is_read_field_by_field() {
        let Ok(Message::Welcome(welcome)) = decode(WELCOME) else {
            panic!("{:?}", decode(WELCOME))
        };
        assert_eq!((welcome.slot, welcome.tick_hz, welcome.score_limit), (3, 30, 20));
        assert_eq!((welcome.width, welcome.height), (1600, 900));
        let at = Place { x: 800.0, y: 450.0 };
        let half = Place { x: 0.0, y: 40.0 };
        assert_eq!(welcome.obstacles, [Obstacle { at, half, round: 14.0 }]);
        assert_eq!(welcome.boulder_radii, [20.0, 30.5]);
    }

    #[test]
    fn a_state_is_read_field_by_field() {
        let Ok(Message::State(state)) = decode(STATE) else { panic!("{:?}", decode(STATE)) };
        assert_eq!((state.tick, state.seconds_left), (65_541, Some(90)));
        let player = &state.players[0];
        assert!(player.alive && player.shielded);
        assert_eq!((player.slot, player.health, player.respawn, player.sequence), (3, 75, 0, 258));
        assert_eq!(player.at, Place { x: 32.5, y: 65.0 });
        assert_eq!(player.aim, Place { x: 1.0, y: -1.0 });
        assert_eq!(state.boulders, [Place { x: 16.0, y: 32.0 }]);
        let at = Place { x: 1.0, y: 2.0 };
        assert_eq!(state.shots, [Shot { id: 65_535, owner: 3, ricocheted: true, at }]);
    }

    #[test]
    fn the_small_messages_are_read() {
        let roster = decode(b"\x02\x01\x05\x07\x00\x00\x00\x02\x00\x01\x00\x03Ada");
        let ada = Standing { slot: 5, player: 7, kills: 2, deaths: 1, name: "Ada".into() };
        assert_eq!(roster, Ok(Message::Roster(vec![ada])));
        let hit = Hit { shooter: 1, victim: 2, health: 25, at: Place { x: 1.0, y: 2.0 } };
        assert_eq!(decode(&[4, 1, 2, 25, 16, 0, 32, 0]), Ok(Message::Hit(hit)));
        let kill = Kill { shooter: 1, victim: 2, tick: 513 };
        assert_eq!(decode(&[5, 1, 2, 0, 1, 2, 0, 0]), Ok(Message::Kill(kill)));
        let draw = Over { reason: OverReason::Time, winner: None, tick: 9 };
        assert_eq!(decode(&[6, 1, 255, 0, 9, 0, 0, 0]), Ok(Message::Over(draw)));
    }

    #[test]
    fn every_cut_and_every_extra_byte_is_noticed() {
        for message in [WELCOME, STATE] {
            for len in 0..message.len() {
                let cut = decode(&message[..len]);
                assert!(matches!(cut, Err(Malformed::Short { .. })), "{len}: {cut:?}");
            }
            let long = [message, &[0]].concat();
            assert_eq!(decode(&long), Err(Malformed::Long(1)));
        }
    }

    #[test]
    fn values_outside_the_layout_are_named() {
        let with = |message: &[u8], at: usize, value: u8| {
            let mut bytes = message.to_vec();
            bytes[at] = value;
            decode(&bytes).unwrap_err().to_string()
        };
        assert_eq!(with(STATE, 0, 7), "type is 7, which the layout does not allow");
        assert_eq!(with(WELCOME, 1, 2), "version is 2, which the layout does not allow");
        assert_eq!(with(STATE, 10, 1), "reserved is 1, which the layout does not allow");
        assert_eq!(with(STATE, 13, 4), "player flags is 4, which the layout does not allow");
        assert_eq!(with(STATE, 31, 2), "ricocheted is 2, which the layout does not allow");
        let no_text = b"\x02\x01\x05\x07\x00\x00\x00\x00\x00\x00\x00\x01\xff";
        assert_eq!(decode(no_text), Err(Malformed::Name));
    }
}
