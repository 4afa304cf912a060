//! The starter: a thread that instantiates matches and runs their `init` and tick 0. An `init` may
//! take ten ticks' fuel and must not make other matches' ticks late; and once tick 0 has run, it
//! is known how heavy the match is.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread,
};

use crate::{
    fleet::Registry,
    matches::{LiveMatch, MatchSpec, Runner},
    worker::{Lanes, yield_to_others},
};

/// Matches that wait for their `init`.
const WAITING: usize = 256;
const STACK_BYTES: usize = 8 << 20;

pub(crate) struct Starter {
    orders: mpsc::SyncSender<(MatchSpec, LiveMatch)>,
    thread: thread::JoinHandle<()>,
}

impl Starter {
    pub(crate) fn start(registry: Arc<Registry>, lanes: Arc<Lanes>) -> io::Result<Self> {
        let (orders, inbox) = mpsc::sync_channel::<(MatchSpec, LiveMatch)>(WAITING);
        let run = move || {
            yield_to_others();
            for (spec, live) in inbox {
                let start = || {
                    let runner = Runner::start(&spec, live, Arc::clone(&registry))?;
                    Some(runner.begin())
                };
                let next = catch_unwind(AssertUnwindSafe(start));
                next.into_iter().flatten().for_each(|next| lanes.pass_on(next));
            }
        };
        let thread =
            thread::Builder::new().name("starter".into()).stack_size(STACK_BYTES).spawn(run)?;
        Ok(Self { orders, thread })
    }

    /// Hands in a match; `false` if too many wait already.
    pub(crate) fn order(&self, spec: MatchSpec, live: LiveMatch) -> bool {
        self.orders.try_send((spec, live)).is_ok()
    }

    /// Takes no more orders and waits for the ones it has.
    pub(crate) fn end(self) {
        drop(self.orders);
        let _ = self.thread.join();
    }
}
