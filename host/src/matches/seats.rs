//! The players of a match as the host sees them: who is connected, who is away, who has left.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use lattice_policies::PlayerId;
use lattice_surface::{Message, Recipient};

use super::link::{CloseReason, LinkId, SendQueue};

/// One player's place. It is kept while the player is away, up to the grace period.
enum Seat {
    Connected(Arc<SendQueue>),
    Away(Instant),
}

/// The seats of a match, in the order of the players' numbers.
#[derive(Default)]
pub(super) struct Seats {
    seats: BTreeMap<PlayerId, Seat>,
}

impl Seats {
    pub(super) fn players(&self) -> u32 {
        self.seats.len() as u32
    }

    pub(super) fn connected(&self) -> u32 {
        let connected = |seat: &&Seat| matches!(seat, Seat::Connected(_));
        self.seats.values().filter(connected).count() as u32
    }

    /// Seats a connection; answers whether it is the player's first.
    pub(super) fn connect(&mut self, player: PlayerId, queue: Arc<SendQueue>) -> bool {
        match self.seats.insert(player, Seat::Connected(queue)) {
            Some(Seat::Connected(older)) => {
                older.close(CloseReason::Replaced);
                false
            }
            Some(Seat::Away(_)) => false,
            None => true,
        }
    }

    /// Marks the player as away, if it is this link that was lost and not one it replaced.
    pub(super) fn disconnect(&mut self, player: PlayerId, link: LinkId, now: Instant) {
        if self.is_link(player, link) {
            self.seats.insert(player, Seat::Away(now));
        }
    }

    /// Whether `link` is the player's present one.
    pub(super) fn is_link(&self, player: PlayerId, link: LinkId) -> bool {
        matches!(self.seats.get(&player), Some(Seat::Connected(queue)) if queue.id == link)
    }

    /// Takes out the players who have been away for `grace`, in the order of their numbers.
    pub(super) fn take_gone(&mut self, grace: Duration, now: Instant) -> Vec<PlayerId> {
        let gone = |seat: &Seat| matches!(seat, Seat::Away(since) if now >= *since + grace);
        let players: Vec<_> =
            self.seats.iter().filter(|(_, seat)| gone(seat)).map(|(player, _)| *player).collect();
        for player in &players {
            self.seats.remove(player);
        }
        players
    }

    /// Takes a kicked player out and closes its link.
    pub(super) fn kick(&mut self, player: PlayerId, reason: i32) {
        if let Some(Seat::Connected(queue)) = self.seats.remove(&player) {
            queue.close(CloseReason::Kicked(reason));
        }
    }

    /// Hands a message to the queues it is for. Its bytes are copied once, however many they are.
    pub(super) fn deliver(&self, message: &Message<'_>) {
        let bytes = Bytes::copy_from_slice(message.bytes);
        let push = |seat: &Seat| {
            if let Seat::Connected(queue) = seat {
                queue.push(&bytes, message.may_be_dropped);
            }
        };
        match message.to {
            Recipient::Player(player) => self.seats.get(&player).into_iter().for_each(push),
            Recipient::Everyone => self.seats.values().for_each(push),
        }
    }

    /// Closes every link.
    pub(super) fn close(&mut self, reason: CloseReason) {
        for seat in self.seats.values() {
            if let Seat::Connected(queue) = seat {
                queue.close(reason);
            }
        }
        self.seats.clear();
    }
}

impl Drop for Seats {
    /// Only a match that failed on the host's side still has seats when it is dropped.
    fn drop(&mut self) {
        self.close(CloseReason::Faulted);
    }
}
