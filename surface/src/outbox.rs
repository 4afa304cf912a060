//! The outbox: what a sim queued in a tick, handed on when the tick has ended well.

use std::{collections::BTreeSet, ops::Range};

use lattice_policies::{Code, PlayerId, policy::MatchLimits};

use crate::{
    codec::{Reader, put_list},
    prompt::{MAY_BE_DROPPED, Quota},
};

/// Whom a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    Player(PlayerId),
    Everyone,
}

/// One queued message; its bytes stand in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    pub to: Recipient,
    pub bytes: &'a [u8],
    pub may_be_dropped: bool,
}

/// A player whom the sim removed, with the reason it gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kick {
    pub player: PlayerId,
    pub reason: i32,
}

struct Entry {
    to: Recipient,
    range: Range<usize>,
    may_be_dropped: bool,
}

/// A tick's messages and kicks. Its buffers are kept from tick to tick.
#[derive(Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    quota: Quota,
    kicks: Vec<Kick>,
    kicked: BTreeSet<PlayerId>,
}

impl Outbox {
    /// The messages, in the order in which the sim queued them.
    pub fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        self.entries.iter().map(|entry| Message {
            to: entry.to,
            bytes: &self.bytes[entry.range.clone()],
            may_be_dropped: entry.may_be_dropped,
        })
    }

    pub fn kicks(&self) -> &[Kick] {
        &self.kicks
    }

    /// Keeps the kicks, whose leaves are still to come. The messages have been handed on.
    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        put_list(out, self.kicks.iter(), |out, kick| {
            out.extend_from_slice(&kick.player.0.to_le_bytes());
            out.extend_from_slice(&kick.reason.to_le_bytes());
        });
    }

    /// Reads an outbox as [`save`](Self::save) writes it.
    pub(crate) fn restore(from: &mut Reader<'_>) -> Result<Self, &'static str> {
        let kicks = from.list(|from| {
            let player = PlayerId(u32::from_le_bytes(from.array()?));
            Ok(Kick { player, reason: i32::from_le_bytes(from.array()?) })
        })?;
        let kicked: BTreeSet<_> = kicks.iter().map(|kick| kick.player).collect();
        if kicked.len() < kicks.len() {
            return Err("a player who is kicked twice");
        }
        Ok(Self { kicks, kicked, ..Self::default() })
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.quota = Quota::default();
        self.kicks.clear();
        self.kicked.clear();
    }

    pub(crate) fn queue(
        &mut self,
        to: Recipient,
        message: &[u8],
        flags: u32,
        limits: &MatchLimits,
    ) -> Result<(), Code> {
        self.quota.take(message.len(), flags, &limits.into())?;
        let start = self.bytes.len();
        let end = start + message.len();
        self.bytes.extend_from_slice(message);
        let may_be_dropped = flags & MAY_BE_DROPPED != 0;
        self.entries.push(Entry { to, range: start..end, may_be_dropped });
        Ok(())
    }

    /// The first kick of a player in a tick counts; each player is in the list once at most.
    pub(crate) fn kick(&mut self, player: PlayerId, reason: i32) {
        if self.kicked.insert(player) {
            self.kicks.push(Kick { player, reason });
        }
    }
}
