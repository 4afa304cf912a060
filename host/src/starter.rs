//! Starters: threads that bring matches to where their ticks go on. An `init` may take ten ticks'
//! fuel, and a log that is run again far more, and neither must make other matches' ticks late; and
//! once the first tick has run, it is known how heavy the match is. A native match needs none.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, mpsc},
    thread,
};

use crate::{
    fleet::Registry,
    lock::lock,
    matches::{LiveMatch, MatchSpec, Runner},
    worker::{Lanes, yield_to_others},
};

/// Matches that wait for their turn.
const WAITING: usize = 256;
const STACK_BYTES: usize = 8 << 20;

type Order = (MatchSpec, LiveMatch);

/// Some threads, of which each takes the next order.
pub(crate) struct Starter {
    orders: mpsc::SyncSender<Order>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Starter {
    /// Starts so many threads of that name.
    pub(crate) fn start(
        name: &str,
        threads: usize,
        registry: &Arc<Registry>,
        lanes: &Arc<Lanes>,
    ) -> io::Result<Self> {
        let (orders, inbox) = mpsc::sync_channel::<Order>(WAITING);
        let inbox = Arc::new(Mutex::new(inbox));
        let spawn = |_| {
            let (inbox, registry, lanes) =
                (Arc::clone(&inbox), Arc::clone(registry), Arc::clone(lanes));
            let thread = thread::Builder::new().name(name.into()).stack_size(STACK_BYTES);
            thread.spawn(move || carry_out(&inbox, &registry, &lanes))
        };
        let threads = (0..threads).map(spawn).collect::<Result<_, _>>()?;
        Ok(Self { orders, threads })
    }

    /// Hands in a match; `false` if too many wait already.
    pub(crate) fn order(&self, spec: MatchSpec, live: LiveMatch) -> bool {
        self.orders.try_send((spec, live)).is_ok()
    }

    /// Takes no more orders and waits for the ones it has.
    pub(crate) fn end(self) {
        drop(self.orders);
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

/// Brings a native match up, on the thread that then is its own: how long its `init` takes, or its
/// log, is nobody else's. `false` if there is no such thread to be had.
pub(crate) fn begin_alone(
    spec: MatchSpec,
    live: LiveMatch,
    registry: Arc<Registry>,
    lanes: &Arc<Lanes>,
) -> bool {
    lanes.begin_alone(move || Some(Runner::start(&spec, live, registry)?.begin())).is_ok()
}

fn carry_out(inbox: &Mutex<mpsc::Receiver<Order>>, registry: &Arc<Registry>, lanes: &Arc<Lanes>) {
    yield_to_others();
    loop {
        let order = lock(inbox).recv();
        let Ok((spec, live)) = order else { return };
        let start = || {
            let runner = Runner::start(&spec, live, Arc::clone(registry))?;
            Some(runner.begin())
        };
        if let Ok(Some(next)) = catch_unwind(AssertUnwindSafe(start)) {
            lanes.pass_on(next);
        }
    }
}
