//! The transcript: all that a sim said by host calls that succeeded, in their order, as bytes of
//! one call into the guest and as one chain of hashes over all that count.
//!
//! Two runs of the same match have the same transcript, whatever the machine. What faulted is not
//! in it, nor is anything that depends on a socket.

use lattice_policies::Sha256;

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
