//! What a match under a strict log has said and that may not leave yet. It leaves when the log's
//! chunks that were handed on before it, and the mark over its tick, are durable: at once then, in
//! its order, on the thread that says so. Never decides what is said, and never waits.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;

use super::{CloseReason, link::SendQueue};

/// What a delivery takes in memory beside its message.
const DELIVERY_BYTES: usize = 64;

/// What waits for the log of one match. Cheap to clone.
#[derive(Clone)]
pub(super) struct Held {
    state: Arc<Mutex<State>>,
}

struct State {
    batches: VecDeque<(Due, Batch)>,
    /// What they take in memory.
    bytes: usize,
    /// The chunks that were handed on and are not durable together with all before them.
    chunks: VecDeque<Chunk>,
    /// So many chunks are durable, and so is this mark.
    durable: Due,
    is_lost: bool,
}

struct Chunk {
    mark: i64,
    is_durable: bool,
}

/// What has to be durable before something leaves: so many chunks, and a mark not before the tick.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    chunks: u64,
    tick: i64,
}

impl Due {
    fn is_met_by(self, durable: Due) -> bool {
        self.chunks <= durable.chunks && self.tick <= durable.tick
    }
}

/// Whether a match may run its next tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    Free,
    /// The log has to come after first.
    Wait,
    /// A part of the log will never be durable.
    Lost,
}

impl Held {
    /// Nothing waits yet, and the match's inputs through that tick are durable.
    pub(super) fn new(mark: i64) -> Self {
        let state = State {
            batches: VecDeque::new(),
            bytes: 0,
            chunks: VecDeque::new(),
            durable: Due { chunks: 0, tick: mark },
            is_lost: false,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// A chunk with that mark is handed on; what is put in from now on waits for it.
    pub(super) fn hand_on(&self, mark: i64) -> Written {
        let mut state = self.lock();
        state.chunks.push_back(Chunk { mark, is_durable: false });
        Written { chunk: state.handed_on(), held: Some(self.clone()) }
    }

    /// Has what was said until after that tick leave when it may.
    fn put(&self, tick: i64, batch: Batch) {
        let mut state = self.lock();
        if state.is_lost {
            return batch.close();
        }
        let due = Due { chunks: state.handed_on(), tick };
        state.bytes += batch.bytes;
        state.batches.push_back((due, batch));
        state.release();
    }

    /// What has to be durable for something of that tick that the chunk to come has a record of.
    pub(super) fn due_with_next(&self, tick: i64) -> Due {
        Due { chunks: self.lock().handed_on() + 1, tick }
    }

    pub(super) fn is_met(&self, due: Due) -> bool {
        let state = self.lock();
        !state.is_lost && due.is_met_by(state.durable)
    }

    /// Whether `tick` may run: not while more than `most_bytes` wait, nor more than `ahead` ticks
    /// behind the durable mark.
    pub(super) fn pass(&self, tick: i64, most_bytes: usize, ahead: i64) -> Pass {
        let state = self.lock();
        match state.is_lost {
            true => Pass::Lost,
            false if state.bytes > most_bytes || tick > state.durable.tick + ahead => Pass::Wait,
            false => Pass::Free,
        }
    }

    fn written(&self, chunk: u64) {
        let mut state = self.lock();
        let at = chunk - state.durable.chunks - 1;
        if let Some(chunk) = state.chunks.get_mut(at as usize) {
            chunk.is_durable = true;
        }
        state.release();
    }

    /// What waits never leaves, and the links that end with it end now.
    fn lose(&self) {
        let mut state = self.lock();
        state.is_lost = true;
        state.bytes = 0;
        for (_, batch) in std::mem::take(&mut state.batches) {
            batch.close();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        crate::lock::lock(&self.state)
    }
}

impl State {
    fn handed_on(&self) -> u64 {
        self.durable.chunks + self.chunks.len() as u64
    }

    /// Lets go what may leave.
    fn release(&mut self) {
        while let Some(chunk) = self.chunks.pop_front_if(|chunk| chunk.is_durable) {
            let tick = self.durable.tick.max(chunk.mark);
            self.durable = Due { chunks: self.durable.chunks + 1, tick };
        }
        let durable = self.durable;
        while let Some((_, batch)) = self.batches.pop_front_if(|(due, _)| due.is_met_by(durable)) {
            self.bytes -= batch.bytes;
            batch.deliver();
        }
    }
}

/// Says of a chunk of a match's input log what became of it. Whoever takes the chunk calls
/// [`done`](Self::done) when it is durable and so is its mark; one that is dropped is lost.
pub struct Written {
    /// Taken when it is said.
    held: Option<Held>,
    chunk: u64,
}

impl Written {
    /// The chunk and its mark are durable. What waits for that is handed to the players' links.
    pub fn done(mut self) {
        if let Some(held) = self.held.take() {
            held.written(self.chunk);
        }
    }

    /// The chunk will never be durable: its match ends, and nothing that waits for it leaves.
    pub fn lost(self) {
        drop(self);
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        self.held.take().into_iter().for_each(|held| held.lose());
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written").field("chunk", &self.chunk).finish_non_exhaustive()
    }
}

/// The way to the players' links: straight, or by what waits for the log.
pub(super) enum Outlet {
    Straight,
    Held { held: Held, batch: Batch },
}

impl Outlet {
    pub(super) fn new(held: Option<&Held>) -> Self {
        let waiting = |held: &Held| Self::Held { held: held.clone(), batch: Batch::default() };
        held.map_or(Self::Straight, waiting)
    }

    /// Hands one message to each of the queues.
    pub(super) fn push<'a>(
        &mut self,
        queues: impl Iterator<Item = &'a Arc<SendQueue>>,
        bytes: &Bytes,
        may_be_dropped: bool,
    ) {
        match self {
            Self::Straight => queues.for_each(|queue| queue.push(bytes, may_be_dropped)),
            Self::Held { batch, .. } => {
                batch.bytes += bytes.len();
                for queue in queues {
                    let (queue, bytes) = (Arc::clone(queue), bytes.clone());
                    batch.add(Delivery::Message { queue, bytes, may_be_dropped });
                }
            }
        }
    }

    /// Closes the link behind all that was pushed.
    pub(super) fn close(&mut self, queue: &Arc<SendQueue>, reason: CloseReason) {
        match self {
            Self::Straight => queue.close(reason),
            Self::Held { batch, .. } => {
                batch.add(Delivery::Close { queue: Arc::clone(queue), reason });
            }
        }
    }

    /// Has all that was pushed until after that tick leave when it may.
    pub(super) fn hand_on(&mut self, tick: i64) {
        if let Self::Held { held, batch } = self
            && !batch.deliveries.is_empty()
        {
            held.put(tick, std::mem::take(batch));
        }
    }

    /// Forgets the messages that were not handed on.
    pub(super) fn forget_messages(&mut self) {
        if let Self::Held { batch, .. } = self {
            batch.deliveries.retain(|delivery| matches!(delivery, Delivery::Close { .. }));
        }
    }
}

/// What there is for the players' links after a tick, in its order.
#[derive(Default)]
pub(super) struct Batch {
    deliveries: Vec<Delivery>,
    bytes: usize,
}

enum Delivery {
    Message { queue: Arc<SendQueue>, bytes: Bytes, may_be_dropped: bool },
    Close { queue: Arc<SendQueue>, reason: CloseReason },
}

impl Batch {
    fn add(&mut self, delivery: Delivery) {
        self.bytes += DELIVERY_BYTES;
        self.deliveries.push(delivery);
    }

    fn deliver(self) {
        for delivery in self.deliveries {
            match delivery {
                Delivery::Message { queue, bytes, may_be_dropped } => {
                    queue.push(&bytes, may_be_dropped);
                }
                Delivery::Close { queue, reason } => queue.close(reason),
            }
        }
    }

    /// Closes the links, and forgets the messages.
    fn close(self) {
        for delivery in self.deliveries {
            if let Delivery::Close { queue, reason } = delivery {
                queue.close(reason);
            }
        }
    }
}
