//! The players of a match as the host sees them: who is connected, who is away, who has left.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use lattice_policies::PlayerId;
use lattice_surface::{Message, Recipient};

use super::{
    held::{Held, Outlet},
    link::{CloseReason, LinkId, SendQueue},
};

/// The seats of a match, in the order of the players' numbers. A player who is away keeps the seat
/// up to the grace period. Two maps, so that a tick looks only at those whom it concerns.
pub(super) struct Seats {
    connected: BTreeMap<PlayerId, Arc<SendQueue>>,
    away: BTreeMap<PlayerId, Instant>,
    outlet: Outlet,
}

impl Seats {
    /// Nobody is there. What the players are sent waits for the log, if there is one to wait for.
    pub(super) fn new(held: Option<&Held>) -> Self {
        let (connected, away) = Default::default();
        Self { connected, away, outlet: Outlet::new(held) }
    }

    pub(super) fn players(&self) -> u32 {
        (self.connected.len() + self.away.len()) as u32
    }

    pub(super) fn connected(&self) -> u32 {
        self.connected.len() as u32
    }

    /// Seats a connection; answers whether it is the player's first.
    pub(super) fn connect(&mut self, player: PlayerId, queue: Arc<SendQueue>) -> bool {
        let was_away = self.away.remove(&player).is_some();
        let older = self.connected.insert(player, queue);
        if let Some(older) = &older {
            self.outlet.close(older, CloseReason::Replaced);
        }
        !was_away && older.is_none()
    }

    /// Seats players who were in the match under a host before this one: away, since now.
    pub(super) fn seat_away(&mut self, players: impl Iterator<Item = PlayerId>, now: Instant) {
        self.away.extend(players.map(|player| (player, now)));
    }

    /// Marks the player as away, if it is this link that was lost and not one it replaced.
    pub(super) fn disconnect(&mut self, player: PlayerId, link: LinkId, now: Instant) {
        if self.is_link(player, link) {
            self.connected.remove(&player);
            self.away.insert(player, now);
        }
    }

    /// Whether `link` is the player's present one.
    pub(super) fn is_link(&self, player: PlayerId, link: LinkId) -> bool {
        self.connected.get(&player).is_some_and(|queue| queue.id == link)
    }

    /// Takes out the players who have been away for `grace`, in the order of their numbers.
    pub(super) fn take_gone(&mut self, grace: Duration, now: Instant) -> Vec<PlayerId> {
        let is_gone = |_: &PlayerId, since: &mut Instant| now >= *since + grace;
        self.away.extract_if(.., is_gone).map(|(player, _)| player).collect()
    }

    /// Takes a kicked player out and closes its link.
    pub(super) fn kick(&mut self, player: PlayerId, reason: i32) {
        self.away.remove(&player);
        if let Some(queue) = self.connected.remove(&player) {
            self.outlet.close(&queue, CloseReason::Kicked(reason));
        }
    }

    /// Hands a message to the queues it is for. Its bytes are copied once, however many they are.
    pub(super) fn deliver(&mut self, message: &Message<'_>) {
        let bytes = Bytes::copy_from_slice(message.bytes);
        let Self { connected, outlet, .. } = self;
        match message.to {
            Recipient::Player(player) => {
                outlet.push(connected.get(&player).into_iter(), &bytes, message.may_be_dropped);
            }
            Recipient::Everyone => {
                outlet.push(connected.values(), &bytes, message.may_be_dropped);
            }
        }
    }

    /// All that was said until after that tick leaves now, or when the log lets it.
    pub(super) fn hand_on(&mut self, tick: i64) {
        self.outlet.hand_on(tick);
    }

    /// Closes every link.
    pub(super) fn close(&mut self, reason: CloseReason) {
        for queue in self.connected.values() {
            self.outlet.close(queue, reason);
        }
        self.connected.clear();
        self.away.clear();
    }
}

impl Drop for Seats {
    /// Only a match that failed on the host's side still has seats when it is dropped.
    fn drop(&mut self) {
        // What its last tick said may stand in no log.
        self.outlet.forget_messages();
        self.close(CloseReason::Faulted);
        self.hand_on(i64::MIN);
    }
}
