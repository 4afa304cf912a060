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
