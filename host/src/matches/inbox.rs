//! The inbox of a match: what sockets and operators put in, for the worker to take out at the
//! next tick. Bounded, and locked only to move things in or out.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, mpsc},
};

use bytes::Bytes;
use lattice_policies::{PlayerId, policy::MatchLimits};
use lattice_surface::HEADER_BYTES;

use super::link::{CloseReason, LinkId, SendError, SendQueue};
use super::{Runner, live::ConnectError};

/// Connections that may come and go between two ticks.
const MOST_CONTROLS: usize = 4_096;

/// What happened outside since the last tick, in order.
pub(crate) enum Input {
    Connect {
        player: PlayerId,
        name: Bytes,
        queue: Arc<SendQueue>,
    },
    Disconnect {
        player: PlayerId,
        link: LinkId,
    },
    Message {
        player: PlayerId,
        link: LinkId,
        bytes: Bytes,
    },
    /// What became of a fetch, as the sim will see it.
    Response {
        id: u32,
        status: i32,
        payload: Bytes,
    },
    Stop,
    /// Somebody wants to have the match after the tick.
    HandOver(mpsc::Sender<Box<Runner>>),
}

pub(crate) struct Inbox {
    state: Mutex<State>,
    limits: Arc<MatchLimits>,
}

#[derive(Default)]
struct State {
    inputs: Vec<Input>,
    connects: usize,
    messages: usize,
    message_bytes: usize,
    stop_asked: bool,
    left: BTreeSet<PlayerId>,
    ended: Option<CloseReason>,
}

impl Inbox {
    pub(super) fn new(limits: Arc<MatchLimits>) -> Self {
        Self { state: Mutex::default(), limits }
    }

    /// Takes a player's new connection.
    pub(super) fn connect(
        &self,
        player: PlayerId,
        name: Bytes,
    ) -> Result<Arc<SendQueue>, ConnectError> {
        let mut state = self.lock();
        if state.ended.is_some() {
            return Err(ConnectError::Ended);
        }
        if state.left.contains(&player) {
            return Err(ConnectError::Left);
        }
        if state.connects >= MOST_CONTROLS {
            return Err(ConnectError::Full);
        }
        state.connects += 1;
        let queue = Arc::new(SendQueue::new(&self.limits));
        state.inputs.push(Input::Connect { player, name, queue: Arc::clone(&queue) });
        Ok(queue)
    }

    pub(super) fn message(
        &self,
        player: PlayerId,
        link: LinkId,
        bytes: Bytes,
    ) -> Result<(), SendError> {
        let limit = self.limits.message_in_bytes as usize;
        if bytes.len() > limit {
            return Err(SendError::TooLarge { size: bytes.len(), limit });
        }
        let mut state = self.lock();
        if state.ended.is_some() {
            return Err(SendError::Ended);
        }
        let after = state.message_bytes + bytes.len() + HEADER_BYTES;
        if state.messages >= self.limits.event_queue_events as usize
            || after > self.limits.event_queue_bytes as usize
        {
            return Err(SendError::QueueFull);
        }
        state.messages += 1;
        state.message_bytes = after;
        state.inputs.push(Input::Message { player, link, bytes });
        Ok(())
    }

    /// Puts in what needs no room: a disconnect follows a connect, which was counted.
    pub(super) fn control(&self, input: Input) {
        let mut state = self.lock();
        if state.ended.is_none() {
            state.inputs.push(input);
        }
    }

    /// Puts in what became of a fetch. It needs no room: fetches in flight are bounded.
    pub(super) fn respond(&self, id: u32, status: i32, payload: Bytes) {
        self.control(Input::Response { id, status, payload });
    }

    /// Asks for the end of the match; once is enough.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        if state.ended.is_none() && !std::mem::replace(&mut state.stop_asked, true) {
            state.inputs.push(Input::Stop);
        }
    }

    /// Swaps what came in against `empty`, whose room is used again.
    pub(super) fn take(&self, empty: &mut Vec<Input>) {
        let mut state = self.lock();
        std::mem::swap(&mut state.inputs, empty);
        state.connects = 0;
        state.messages = 0;
        state.message_bytes = 0;
    }

    /// A player who left never comes back.
    pub(super) fn is_barred(&self, player: PlayerId) -> bool {
        self.lock().left.contains(&player)
    }

    /// A player who left never comes back.
    pub(super) fn bar(&self, player: PlayerId) {
        self.lock().left.insert(player);
    }

    /// Ends the match: nothing more is taken, and links not yet seated are closed.
    pub(super) fn end(&self, reason: CloseReason) {
        let mut state = self.lock();
        state.ended = Some(reason);
        for input in std::mem::take(&mut state.inputs) {
            if let Input::Connect { queue, .. } = input {
                queue.close(reason);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        crate::lock::lock(&self.state)
    }
}
