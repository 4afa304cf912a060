//! The link between a player's socket and a match: a bounded queue each way.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use lattice_policies::{PlayerId, policy::MatchLimits};
use thiserror::Error;
use tokio::sync::Notify;

use super::inbox::{Inbox, Input};

/// Why a player's link was closed by the match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The sim finished.
    Ended,
    /// The match was stopped, as asked.
    Stopped,
    /// The match faulted.
    Faulted,
    /// The sim removed the player, with this reason.
    Kicked(i32),
    /// The player did not keep up with what the sim sent.
    TooSlow,
    /// The same player connected anew.
    Replaced,
    /// The host is going down.
    HostStopping,
}

/// What a socket has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    Message(Bytes),
    Closed(CloseReason),
}

/// Why a player's message was not taken. None of them ends the link by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    #[error("the message is {size} bytes, and the limit is {limit}")]
    TooLarge { size: usize, limit: usize },
    #[error("the sim has more to read than its queue holds")]
    QueueFull,
    #[error("the match has ended")]
    Ended,
}

/// One player's connection. Dropping it tells the match that the player is away.
pub struct PlayerLink {
    player: PlayerId,
    id: LinkId,
    queue: Arc<SendQueue>,
    inbox: Arc<Inbox>,
}

impl PlayerLink {
    pub(super) fn new(player: PlayerId, queue: Arc<SendQueue>, inbox: Arc<Inbox>) -> Self {
        Self { player, id: queue.id, queue, inbox }
    }

    /// Queues a message for the sim; it is delivered with the next tick.
    pub fn send(&self, bytes: Bytes) -> Result<(), SendError> {
        self.inbox.message(self.player, self.id, bytes)
    }

    /// Waits for what the match has for this player. After `Closed` it answers the same again.
    pub async fn next(&self) -> Outgoing {
        loop {
            let changed = self.queue.changed.notified();
            if let Some(outgoing) = self.queue.pop() {
                return outgoing;
            }
            changed.await;
        }
    }
}

impl Drop for PlayerLink {
    fn drop(&mut self) {
        self.inbox.control(Input::Disconnect { player: self.player, link: self.id });
    }
}

/// Tells one connection of a player from the one before.
pub(super) type LinkId = u64;

static NEXT_LINK: AtomicU64 = AtomicU64::new(1);

/// What waits for one player's socket. Bounded: droppable messages go first, then the player.
pub(super) struct SendQueue {
    pub(super) id: LinkId,
    waiting: Mutex<Waiting>,
    changed: Notify,
    most_bytes: usize,
    most_messages: usize,
}

/// Messages in two queues, each in order, so that the oldest droppable one is found at once.
#[derive(Default)]
struct Waiting {
    kept: VecDeque<(u64, Bytes)>,
    droppable: VecDeque<(u64, Bytes)>,
    /// The place in the order that the next message gets.
    next: u64,
    bytes: usize,
    closed: Option<CloseReason>,
}

impl SendQueue {
    pub(super) fn new(limits: &MatchLimits) -> Self {
        Self {
            id: NEXT_LINK.fetch_add(1, Ordering::Relaxed),
            waiting: Mutex::default(),
            changed: Notify::new(),
            most_bytes: limits.send_queue_bytes as usize,
            most_messages: limits.send_queue_messages as usize,
        }
    }

    /// Queues a message, makes room for it if needed, or closes the link as too slow.
    pub(super) fn push(&self, bytes: &Bytes, may_be_dropped: bool) {
        let mut waiting = self.lock();
        if waiting.closed.is_some() {
            return;
        }
        while !self.fits(&waiting, bytes) && waiting.drop_oldest() {}
        if self.fits(&waiting, bytes) {
            waiting.push(bytes.clone(), may_be_dropped);
        } else if !may_be_dropped {
            *waiting = Waiting { closed: Some(CloseReason::TooSlow), ..Waiting::default() };
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Closes the link when what waits has been sent.
    pub(super) fn close(&self, reason: CloseReason) {
        self.lock().closed.get_or_insert(reason);
        self.changed.notify_one();
    }

    fn pop(&self) -> Option<Outgoing> {
        let mut waiting = self.lock();
        if let Some(bytes) = waiting.pop() {
            return Some(Outgoing::Message(bytes));
        }
        waiting.closed.map(Outgoing::Closed)
    }

    fn fits(&self, waiting: &Waiting, bytes: &Bytes) -> bool {
        waiting.kept.len() + waiting.droppable.len() < self.most_messages
            && waiting.bytes + bytes.len() <= self.most_bytes
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        crate::lock::lock(&self.waiting)
    }
}

impl Waiting {
    fn push(&mut self, bytes: Bytes, may_be_dropped: bool) {
        self.bytes += bytes.len();
        let queue = if may_be_dropped { &mut self.droppable } else { &mut self.kept };
        queue.push_back((self.next, bytes));
        self.next += 1;
    }

    /// Takes the older of the two queues' first messages.
    fn pop(&mut self) -> Option<Bytes> {
        let place =
            |queue: &VecDeque<(u64, Bytes)>| queue.front().map_or(u64::MAX, |first| first.0);
        let kept_first = place(&self.kept) < place(&self.droppable);
        let queue = if kept_first { &mut self.kept } else { &mut self.droppable };
        let (_, bytes) = queue.pop_front()?;
        self.bytes -= bytes.len();
        Some(bytes)
    }

    /// Drops the oldest droppable message; `false` if there is none.
    fn drop_oldest(&mut self) -> bool {
        let Some((_, bytes)) = self.droppable.pop_front() else { return false };
        self.bytes -= bytes.len();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(messages: u32, bytes: u32) -> SendQueue {
        SendQueue::new(&MatchLimits {
            send_queue_messages: messages,
            send_queue_bytes: bytes,
            ..MatchLimits::default()
        })
    }

    fn drain(queue: &SendQueue) -> Vec<Outgoing> {
        let mut all = Vec::new();
        while let Some(outgoing) = queue.pop() {
            let closed = matches!(outgoing, Outgoing::Closed(_));
            all.push(outgoing);
            if closed {
                break;
            }
        }
        all
    }

    fn message(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn droppable_messages_go_first() {
        let queue = queue(3, 1_000);
        queue.push(&message("state 1"), true);
        queue.push(&message("score"), false);
        queue.push(&message("state 2"), true);
        queue.push(&message("state 3"), true);
        let left = drain(&queue);
        let texts = ["score", "state 2", "state 3"];
        assert_eq!(left, texts.map(|text| Outgoing::Message(message(text))));
    }

    #[test]
    fn a_player_who_does_not_keep_up_is_dropped_and_costs_no_more() {
        let queue = queue(1_000, 10);
        queue.push(&message("12345"), false);
        queue.push(&message("67890"), false);
        assert_eq!(queue.lock().closed, None);
        queue.push(&message("!"), false);
        queue.push(&message("later"), false);
        assert_eq!(drain(&queue), [Outgoing::Closed(CloseReason::TooSlow)]);
    }

    #[test]
    fn what_waits_is_sent_before_the_end_is_told_and_the_first_reason_counts() {
        let queue = queue(10, 100);
        queue.push(&message("last"), false);
        queue.close(CloseReason::Ended);
        queue.close(CloseReason::HostStopping);
        queue.push(&message("after"), false);
        let all = drain(&queue);
        assert_eq!(all, [Outgoing::Message(message("last")), Outgoing::Closed(CloseReason::Ended)]);
    }
}
