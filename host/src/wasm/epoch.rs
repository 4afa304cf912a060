//! The engine's clock: a thread that advances the epoch, by which a guest that overstays its
//! deadline is interrupted. A guard of the machine; the guests' working limit is fuel.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// Length of an epoch. A deadline is met within one of them.
const EPOCH: Duration = Duration::from_millis(10);

/// Epochs that cover `deadline_ms` at least.
pub(crate) fn epochs(deadline_ms: u64) -> u64 {
    deadline_ms.div_ceil(EPOCH.as_millis() as u64) + 1
}

/// Advances the engine's epoch until dropped.
pub(crate) struct EpochClock {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl EpochClock {
    pub(crate) fn start(engine: wasmtime::Engine) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = move || {
            while !stopped.load(Ordering::Relaxed) {
                thread::sleep(EPOCH);
                engine.increment_epoch();
            }
        };
        let thread = thread::Builder::new().name("epoch".into()).spawn(run)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for EpochClock {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
