//! Threads of native matches, one each. What a native sim computes is bounded by its deadline alone,
//! so none may share a thread with a match that it could make late; and its thread sleeps while the
//! sim runs, in its own process.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Instant,
};

use super::{Lanes, STACK_BYTES};
use crate::{
    lock::lock,
    matches::{Next, Runner},
};

/// The threads that there are.
#[derive(Default)]
pub(super) struct Alone {
    state: Mutex<State>,
    /// Told once, when all of them have to end.
    closing: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Alone {
    /// A thread for what brings a match up, and then for its ticks.
    pub(super) fn begin(
        &self,
        lanes: &Arc<Lanes>,
        bring: impl FnOnce() -> Option<Next> + Send + 'static,
    ) -> io::Result<()> {
        let lanes = Arc::clone(lanes);
        let run = move || {
            if let Ok(Some(next)) = catch_unwind(AssertUnwindSafe(bring)) {
                lanes.alone.go_on(next, &lanes);
            }
        };
        let mut state = lock(&self.state);
        state.threads.retain(|thread| !thread.is_finished());
        let thread = thread::Builder::new().name("native".into()).stack_size(STACK_BYTES);
        state.threads.push(thread.spawn(run)?);
        Ok(())
    }

    /// Has every match leave off at once, and waits for the threads.
    pub(super) fn end(&self) {
        let threads = {
            let mut state = lock(&self.state);
            state.closed = true;
            std::mem::take(&mut state.threads)
        };
        self.closing.notify_all();
        for thread in threads {
            let _ = thread.join();
        }
    }

    /// Runs tick after tick, until the match is done with or has to be handed on.
    fn go_on(&self, mut next: Next, lanes: &Arc<Lanes>) {
        while let Next::Tick(runner, _) = next {
            if !self.wait(runner.due()) {
                return runner.leave_off();
            }
            next = match tick(runner) {
                Some(next) => next,
                None => return,
            };
        }
        lanes.pass_on(next);
    }

    /// Until it is time; `false` if the threads have to end before.
    fn wait(&self, due: Instant) -> bool {
        let mut state = lock(&self.state);
        while !state.closed {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            let waited = self.closing.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }
}

/// A panic here is a bug of ours, and ends the match that it struck.
fn tick(runner: Box<Runner>) -> Option<Next> {
    catch_unwind(AssertUnwindSafe(|| runner.run_tick(Instant::now()))).ok()
}
