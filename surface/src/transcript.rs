//! The transcript: all that a sim said by host calls that succeeded, in their order, as bytes of
//! one call into the guest and as one chain of hashes over all that count.
//!
//! Two runs of the same match have the same transcript, whatever the machine. What faulted is not
//! in it, nor is anything that depends on a socket.

use lattice_policies::{PlayerId, Sha256};

use crate::codec::Reader;

/// What the chain begins with: the SHA-256 of this text.
const BEGINNING: &[u8] = b"lattice transcript 1";

/// What a sim says, by the number that stands before it in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Saying {
    /// `u32 level`, text, as far as it is kept.
    Log = 1,
    /// `u32 player`, `u32 flags`, bytes.
    Send = 2,
    /// `u32 flags`, bytes.
    Broadcast = 3,
    /// `u32 player`, `i32 reason`.
    Kick = 4,
    /// `u32 id`, `u32 method`, URL, header lines, body.
    Request = 5,
    /// Bytes; the last of the call.
    Result = 6,
    /// Name, `u64` bits of the value; the last of the call.
    Gauge = 7,
    /// `u64`: the sim's digest of its state after the tick, as its two halves, the lower first.
    Hash = 8,
}

/// What a sim said by one host call, read back from a transcript's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'a> {
    /// The text as far as it was kept.
    Log {
        level: u32,
        text: &'a [u8],
    },
    Send {
        player: PlayerId,
        flags: u32,
        bytes: &'a [u8],
    },
    Broadcast {
        flags: u32,
        bytes: &'a [u8],
    },
    Kick {
        player: PlayerId,
        reason: i32,
    },
    Request {
        id: u32,
        method: u32,
        url: &'a [u8],
        headers: &'a [u8],
        body: &'a [u8],
    },
    Result {
        bytes: &'a [u8],
    },
    /// The value as the bytes of an `f64`, so that each NaN is itself.
    Gauge {
        name: &'a [u8],
        value: &'a [u8],
    },
    /// The sim's digest of its state after the tick.
    Hash {
        value: u64,
    },
}

impl<'a> Said<'a> {
    /// Takes the first saying off the bytes. `None` at their end, and where no transcript has
    /// such bytes.
    pub fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let (&kind, mut rest) = bytes.split_first()?;
        let rest = &mut rest;
        let said = match kind {
            1 => Said::Log { level: take_number(rest)?, text: take_bytes(rest)? },
            2 => {
                let (player, flags) = (PlayerId(take_number(rest)?), take_number(rest)?);
                Said::Send { player, flags, bytes: take_bytes(rest)? }
            }
            3 => Said::Broadcast { flags: take_number(rest)?, bytes: take_bytes(rest)? },
            4 => {
                let player = PlayerId(take_number(rest)?);
                Said::Kick { player, reason: take_number(rest)? as i32 }
            }
            5 => {
                let (id, method) = (take_number(rest)?, take_number(rest)?);
                let (url, headers) = (take_bytes(rest)?, take_bytes(rest)?);
                Said::Request { id, method, url, headers, body: take_bytes(rest)? }
            }
            6 => Said::Result { bytes: take_bytes(rest)? },
            7 => Said::Gauge { name: take_bytes(rest)?, value: take_bytes(rest)? },
            8 => {
                let (low, high) = (take_number(rest)?, take_number(rest)?);
                Said::Hash { value: u64::from(high) << 32 | u64::from(low) }
            }
            _ => return None,
        };
        *bytes = rest;
        Some(said)
    }
}

fn take_number(rest: &mut &[u8]) -> Option<u32> {
    let (number, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u32::from_le_bytes(*number))
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let size = take_number(rest)?;
    let (bytes, behind) = rest.split_at_checked(size as usize)?;
    *rest = behind;
    Some(bytes)
}

/// A part of what is said.
pub(crate) enum Part<'a> {
    Number(u32),
    /// With its length before it.
    Bytes(&'a [u8]),
}

/// The transcript of one match, up to the last call that counts.
#[derive(Debug)]
pub(crate) struct Transcript {
    chain: Sha256,
    /// Of `_initialize` and `init` 0, of tick `t` `t + 1`, of `shutdown` one more than the last.
    call: u64,
    said: Vec<u8>,
}

impl Default for Transcript {
    fn default() -> Self {
        Self { chain: Sha256::of(BEGINNING), call: 0, said: Vec::new() }
    }
}

impl Transcript {
    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.chain.0);
        out.extend_from_slice(&self.call.to_le_bytes());
    }

    /// Reads a transcript as [`save`](Self::save) writes it: the next call goes on with its chain.
    pub(crate) fn restore(from: &mut Reader<'_>) -> Result<Self, &'static str> {
        Ok(Self { chain: Sha256(from.array()?), call: from.count()?, said: Vec::new() })
    }

    /// The chain after the last call that counts.
    pub(crate) fn chain(&self) -> Sha256 {
        self.chain
    }

    /// What the running call has said, or the last one that ended.
    pub(crate) fn said(&self) -> &[u8] {
        &self.said
    }

    pub(crate) fn begin(&mut self, is_next: bool) {
        self.said.clear();
        self.call += u64::from(is_next);
    }

    pub(crate) fn say(&mut self, saying: Saying, parts: &[Part<'_>]) {
        self.said.push(saying as u8);
        for part in parts {
            match part {
                Part::Number(number) => self.said.extend_from_slice(&number.to_le_bytes()),
                Part::Bytes(bytes) => {
                    self.said.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                    self.said.extend_from_slice(bytes);
                }
            }
        }
    }

    /// Makes what was said count. A silent call leaves the chain as it is: the number of the next
    /// that speaks tells how many were silent.
    pub(crate) fn commit(&mut self) {
        if !self.said.is_empty() {
            let call = self.call.to_le_bytes();
            self.chain = Sha256::of_parts(&[&self.chain.0, &call, &self.said]);
        }
    }

    pub(crate) fn discard(&mut self) {
        self.said.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_read_back() {
        let mut transcript = Transcript::default();
        let (number, bytes) = (Part::Number, Part::Bytes);
        transcript.say(Saying::Log, &[number(2), bytes(b"text")]);
        transcript.say(Saying::Send, &[number(7), number(1), bytes(b"to one")]);
        transcript.say(Saying::Broadcast, &[number(0), bytes(b"")]);
        transcript.say(Saying::Kick, &[number(7), number(-5_i32 as u32)]);
        let request = [number(1), number(2), bytes(b"url"), bytes(b"headers"), bytes(b"body")];
        transcript.say(Saying::Request, &request);
        transcript.say(Saying::Result, &[bytes(b"result")]);
        transcript.say(Saying::Gauge, &[bytes(b"name"), bytes(&[1; 8])]);

        let mut rest = transcript.said();
        let said: Vec<_> = std::iter::from_fn(|| Said::take(&mut rest)).collect();
        let player = PlayerId(7);
        let (url, headers, body) = (&b"url"[..], &b"headers"[..], &b"body"[..]);
        let expected = [
            Said::Log { level: 2, text: b"text" },
            Said::Send { player, flags: 1, bytes: b"to one" },
            Said::Broadcast { flags: 0, bytes: b"" },
            Said::Kick { player, reason: -5 },
            Said::Request { id: 1, method: 2, url, headers, body },
            Said::Result { bytes: b"result" },
            Said::Gauge { name: b"name", value: &[1; 8] },
        ];
        assert_eq!((said.as_slice(), rest), (&expected[..], &[][..]));
    }

    #[test]
    fn bytes_that_were_cut_off_are_nothing_said() {
        let mut transcript = Transcript::default();
        transcript.say(Saying::Log, &[Part::Number(2), Part::Bytes(b"text")]);
        let whole = transcript.said();
        for size in 0..whole.len() {
            let mut rest = &whole[..size];
            assert_eq!((Said::take(&mut rest), rest.len()), (None, size));
        }
    }
}
