//! The keeper of snapshots: writes them on a thread of its own, since a large one takes long, and
//! what matches report must not wait for it. One that can't be written is let go: the one before
//! does as well.

use std::{
    io,
    sync::{Arc, mpsc},
    thread,
};

use lattice_host::Snapshot;
use lattice_policies::MatchId;
use lattice_store::{NewSnapshot, Store, StoreError};

use super::queue::Queue;

/// Snapshots of a match that are kept, beside those that its log needs.
const KEPT: usize = 2;

pub(super) struct Keeper {
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<thread::JoinHandle<()>>,
}

enum Order {
    Keep(MatchId, Arc<Snapshot>),
    Rest(MatchId, i64),
}

impl Keeper {
    pub(super) fn start(store: Store, queue: Arc<Queue>) -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel();
        let run = move || {
            for order in inbox {
                carry_out(&store, &queue, order);
            }
        };
        let thread = thread::Builder::new().name("snapshots".into()).spawn(run)?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Has a snapshot written. All that came into the match before it must be written.
    pub(super) fn keep(&self, id: MatchId, snapshot: Arc<Snapshot>) {
        self.order(Order::Keep(id, snapshot));
    }

    /// Writes down, behind its last snapshot, that a match stands still before that tick.
    pub(super) fn rest(&self, id: MatchId, tick: i64) {
        self.order(Order::Rest(id, tick));
    }

    /// Waits until all is written.
    pub(super) fn end(&mut self) {
        self.orders = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that writes snapshots panicked");
        }
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // It is gone only after a panic, which is told at the end.
            let _ = orders.send(order);
        }
    }
}

fn carry_out(store: &Store, queue: &Queue, order: Order) {
    match order {
        Order::Keep(id, snapshot) => {
            if let Err(error) = keep(store, &id, &snapshot, false) {
                tracing::warn!(%id, %error, "a snapshot is not kept");
            }
            queue.snapshot_done(&snapshot);
        }
        Order::Rest(id, tick) => {
            if let Err(error) = store.rest(&id, tick) {
                tracing::error!(%id, %error, "that a match stands still is not written");
            }
        }
    }
}

/// Writes a snapshot; a `base` is one that a segment of the log begins with, and is never let go.
pub(crate) fn keep(
    store: &Store,
    match_id: &MatchId,
    snapshot: &Snapshot,
    base: bool,
) -> Result<(), StoreError> {
    let head = snapshot.head();
    let filled = &snapshot.memory.filled;
    let pages: Vec<_> = filled.iter().map(|(number, page)| (*number, page.hash)).collect();
    let bytes = |number: u32| filled.get(&number).map_or(&[][..], |page| &page.bytes);
    let (tick, state) = (snapshot.tick, snapshot.state());
    let (head, pages, bytes) = (head.as_slice(), pages.as_slice(), &bytes);
    store.put_snapshot(&NewSnapshot { match_id, tick, state, head, pages, bytes, base, keep: KEPT })
}
