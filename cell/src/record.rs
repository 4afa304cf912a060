//! Records: the calls that a cell has answered by itself, in the outlet until the host takes them to
//! the surface. A record is `u32` the function's place in the table, `i32` what the sim was
//! answered, `u32` pointer, length and two numbers, `u32` how many bytes follow, `u32` zero; then
//! those bytes, up to a multiple of 8.

use lattice_policies::{PlayerId, functions::HOST_FUNCTIONS};
use lattice_surface::{Call, PromptLimits};
use thiserror::Error;

use crate::places::{BROADCAST, EVENT_NEXT, EVENT_PEEK, KICK, LOG, RESULT, SEND};

const HEADER: usize = 32;

/// A call that was answered, with what of its range the surface looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record<'a> {
    /// As the sim made it, its pointer an offset in the image.
    pub call: Call,
    pub answer: i32,
    pub bytes: &'a [u8],
}

/// What no cell writes that is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("at byte {at} of the ring's outlet, {why}")]
pub struct BadRecord {
    pub at: usize,
    pub why: &'static str,
}

impl<'a> Record<'a> {
    /// Bytes of a record with so many bytes behind its header.
    pub fn size(bytes: usize) -> usize {
        HEADER + bytes.next_multiple_of(8)
    }

    /// How many bytes of the call's range the surface looks at: those of one that is too long are
    /// cut so that it still is.
    pub fn looked_at(call: &Call, limits: &PromptLimits) -> u32 {
        let (len, most) = match *call {
            Call::Log { len, .. } => (len, limits.log_record_bytes),
            Call::Send { len, .. } | Call::Broadcast { len, .. } => (len, limits.message_out_bytes),
            Call::Result { len, .. } => (len, limits.result_bytes),
            _ => (0, 0),
        };
        len.min(most.saturating_add(1))
    }

    /// Writes the record at the beginning of `out`, and answers its size; `None` if there is no
    /// room, or if it is of a call that is never answered by a cell. Allocates nothing.
    pub fn encode(&self, out: &mut [u8]) -> Option<usize> {
        let (function, ptr, len, a, b) = numbers(&self.call)?;
        let size = Self::size(self.bytes.len());
        let (header, rest) = out.get_mut(..size)?.split_at_mut(HEADER);
        let copied = self.bytes.len() as u32;
        let fields = [function, self.answer as u32, ptr, len, a, b, copied, 0];
        for (to, field) in header.chunks_exact_mut(4).zip(fields) {
            to.copy_from_slice(&field.to_le_bytes());
        }
        let (bytes, padding) = rest.split_at_mut(self.bytes.len());
        bytes.copy_from_slice(self.bytes);
        padding.fill(0);
        Some(size)
    }

    /// The records of an outlet, to be copied out of the ring before.
    pub fn read(outlet: &'a [u8]) -> impl Iterator<Item = Result<Self, BadRecord>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let rest = outlet.get(at..).filter(|rest| !rest.is_empty())?;
            let read = Self::decode(rest).map_err(|why| BadRecord { at, why });
            at = read.map_or(outlet.len(), |(_, size)| at + size);
            Some(read.map(|(record, _)| record))
        })
    }

    fn decode(rest: &'a [u8]) -> Result<(Self, usize), &'static str> {
        let cut = "a record is cut";
        let (header, behind) = rest.split_at_checked(HEADER).ok_or(cut)?;
        let mut fields = header.as_chunks().0.iter().map(|it: &[u8; 4]| u32::from_le_bytes(*it));
        let mut field = || fields.next().unwrap_or(0);
        let (function, answer, ptr, len) = (field(), field() as i32, field(), field());
        let (a, b, copied, zero) = (field(), field(), field() as usize, field());
        let size = Self::size(copied);
        let bytes = behind.get(..copied).filter(|_| size <= rest.len()).ok_or(cut)?;
        if zero != 0 {
            return Err("a record has no zero where it has to");
        }
        let call = call(function, ptr, len, a, b)?;
        Ok((Self { call, answer, bytes }, size))
    }
}

/// The function, pointer, length and two numbers of a call that a cell answers.
fn numbers(call: &Call) -> Option<(u32, u32, u32, u32, u32)> {
    Some(match *call {
        Call::Log { level, ptr, len } => (LOG, ptr, len, level, 0),
        Call::EventPeek => (EVENT_PEEK, 0, 0, 0, 0),
        Call::EventNext { ptr, cap } => (EVENT_NEXT, ptr, cap, 0, 0),
        Call::Send { player, ptr, len, flags } => (SEND, ptr, len, player.0, flags),
        Call::Broadcast { ptr, len, flags } => (BROADCAST, ptr, len, 0, flags),
        Call::Kick { player, reason } => (KICK, 0, 0, player.0, reason as u32),
        Call::Result { ptr, len } => (RESULT, ptr, len, 0, 0),
        _ => return None,
    })
}

fn call(function: u32, ptr: u32, len: u32, a: u32, b: u32) -> Result<Call, &'static str> {
    let call = match function {
        LOG => Call::Log { level: a, ptr, len },
        EVENT_PEEK => Call::EventPeek,
        EVENT_NEXT => Call::EventNext { ptr, cap: len },
        SEND => Call::Send { player: PlayerId(a), ptr, len, flags: b },
        BROADCAST => Call::Broadcast { ptr, len, flags: b },
        KICK => Call::Kick { player: PlayerId(a), reason: b as i32 },
        RESULT => Call::Result { ptr, len },
        _ if (function as usize) < HOST_FUNCTIONS.len() => {
            return Err("a record is of a function that no cell answers");
        }
        _ => return Err("a record is of a function that there is not"),
    };
    if numbers(&call) == Some((function, ptr, len, a, b)) {
        return Ok(call);
    }
    Err("a record has a number where it has none")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLS: [Call; 7] = [
        Call::Log { level: 1, ptr: 2, len: 3 },
        Call::EventPeek,
        Call::EventNext { ptr: 4, cap: 5 },
        Call::Send { player: PlayerId(6), ptr: 7, len: 8, flags: 1 },
        Call::Broadcast { ptr: 9, len: 10, flags: 0 },
        Call::Kick { player: PlayerId(11), reason: -12 },
        Call::Result { ptr: 13, len: 14 },
    ];

    #[test]
    fn the_numbers_are_the_tables_places() {
        for call in CALLS {
            let (function, ..) = numbers(&call).unwrap();
            assert_eq!(HOST_FUNCTIONS[function as usize].name, call.function().name);
        }
    }

    #[test]
    fn records_read_back_one_behind_the_other() {
        let mut outlet = [0xff; 1024];
        let mut used = 0;
        let records = CALLS.map(|call| Record { call, answer: -3, bytes: b"0123456789" });
        for record in &records {
            used += record.encode(&mut outlet[used..]).unwrap();
        }
        let read: Result<Vec<_>, _> = Record::read(&outlet[..used]).collect();
        assert_eq!(read.unwrap(), records);
        assert!(records[0].encode(&mut outlet[..47]).is_none(), "there is no room");
    }

    #[test]
    fn a_malformed_outlet_is_named_and_read_no_further() {
        let mut outlet = [0; 64];
        let record = Record { call: CALLS[3], answer: 0, bytes: b"12345" };
        assert_eq!(record.encode(&mut outlet), Some(40));
        let errors = |outlet: &[u8]| Record::read(outlet).filter(Result::is_err).count();
        for cut in 1..40 {
            assert_eq!((errors(&outlet[..cut]), Record::read(&outlet[..cut]).count()), (1, 1));
        }
        for (at, byte) in [(0, 6), (0, 200), (24, 255), (27, 255), (28, 1)] {
            let mut bad = outlet;
            bad[at] = byte;
            assert_eq!(errors(&bad[..40]), 1, "byte {at}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_to_what_still_is() {
        let limits = PromptLimits {
            message_out_bytes: 10,
            tick_messages: 1,
            tick_message_bytes: 1,
            log_record_bytes: 20,
            result_bytes: u32::MAX,
        };
        let send = |len| Call::Send { player: PlayerId(1), ptr: 0, len, flags: 0 };
        let looked_at = |call: Call| Record::looked_at(&call, &limits);
        assert_eq!([0, 10, 11, 12].map(send).map(looked_at), [0, 10, 11, 11]);
        assert_eq!(looked_at(Call::Result { ptr: 0, len: 7 }), 7);
        assert_eq!(looked_at(Call::EventNext { ptr: 0, cap: 7 }), 0);
    }
}
