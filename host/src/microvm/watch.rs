//! The watch: interrupts threads that run a guest past a deadline. A guest that loops never leaves
//! the processor by itself; a signal to its thread makes KVM hand it back.
#![expect(unsafe_code, reason = "a signal for one thread of this process")]

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::lock::lock;

/// Between two signals: one that comes just before the thread enters the guest is lost.
const AGAIN: Duration = Duration::from_millis(1);

/// Cheap to clone; its thread ends with the last clone.
#[derive(Clone)]
pub(super) struct Watch {
    shared: Arc<Shared>,
    _alive: Arc<Alive>,
}

#[derive(Default)]
struct Shared {
    watched: Mutex<Watched>,
    changed: Condvar,
}

#[derive(Default)]
struct Watched {
    next: u64,
    threads: BTreeMap<u64, (Instant, libc::pthread_t)>,
    ends: bool,
}

/// Ends the thread of the watch.
struct Alive(Arc<Shared>);

/// The thread that made it is interrupted, past the deadline, again and again until it is dropped.
pub(super) struct Guard<'a> {
    watch: &'a Watch,
    number: u64,
    deadline: Instant,
}

impl Watch {
    pub(super) fn start() -> io::Result<Self> {
        catch_signal()?;
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        thread::Builder::new().name("vm watch".into()).spawn(move || of_thread.run())?;
        Ok(Self { _alive: Arc::new(Alive(Arc::clone(&shared))), shared })
    }

    /// Watches the calling thread until the answer is dropped.
    pub(super) fn over_this_thread(&self, deadline: Instant) -> Guard<'_> {
        // SAFETY: it takes nothing and can't fail.
        let thread = unsafe { libc::pthread_self() };
        let mut watched = lock(&self.shared.watched);
        let number = watched.next;
        watched.next += 1;
        let first = watched.first().is_none_or(|first| deadline < first);
        watched.threads.insert(number, (deadline, thread));
        if first {
            self.shared.changed.notify_one();
        }
        Guard { watch: self, number, deadline }
    }
}

impl Guard<'_> {
    pub(super) fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        lock(&self.watch.shared.watched).threads.remove(&self.number);
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        lock(&self.0.watched).ends = true;
        self.0.changed.notify_one();
    }
}

impl Watched {
    fn first(&self) -> Option<Instant> {
        self.threads.values().map(|(deadline, _)| *deadline).min()
    }

    /// Interrupts the threads that are late. They are here, and so have not ended.
    fn interrupt(&self, now: Instant) {
        for (_, thread) in self.threads.values().filter(|(deadline, _)| *deadline <= now) {
            // SAFETY: the thread lives: its guard has not been dropped, and that takes our lock.
            unsafe { libc::pthread_kill(*thread, signal()) };
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut watched = lock(&self.watched);
        while !watched.ends {
            let now = Instant::now();
            watched.interrupt(now);
            let wait = watched.first().map(|first| first.saturating_duration_since(now).max(AGAIN));
            watched = self.wait(watched, wait);
        }
    }

    fn wait<'a>(
        &self,
        watched: MutexGuard<'a, Watched>,
        at_most: Option<Duration>,
    ) -> MutexGuard<'a, Watched> {
        let Some(at_most) = at_most else {
            return self.changed.wait(watched).unwrap_or_else(PoisonError::into_inner);
        };
        self.changed.wait_timeout(watched, at_most).unwrap_or_else(PoisonError::into_inner).0
    }
}

/// One that nothing else here uses, and that says nothing to a thread but that it is interrupted.
fn signal() -> libc::c_int {
    libc::SIGRTMIN() + 7
}

/// Makes the signal end a system call, and do nothing else.
fn catch_signal() -> io::Result<()> {
    extern "C" fn nothing(_: libc::c_int) {}
    let handler: extern "C" fn(libc::c_int) = nothing;
    // SAFETY: all zero is an action with no flags (no SA_RESTART, so that the system call ends) and
    // an empty mask; the handler touches nothing.
    let failed = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        libc::sigaction(signal(), &raw const action, std::ptr::null_mut())
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeps_until_interrupted() {
        let long = libc::timespec { tv_sec: 3600, tv_nsec: 0 };
        // SAFETY: sleeps, and writes nothing.
        let ended = unsafe { libc::nanosleep(&raw const long, std::ptr::null_mut()) };
        assert_eq!((ended, io::Error::last_os_error().kind()), (-1, io::ErrorKind::Interrupted));
    }

    #[test]
    fn a_late_thread_is_interrupted_until_it_says_that_it_is_back() {
        let watch = Watch::start().unwrap();
        let waiting = watch.clone();
        let thread = thread::spawn(move || {
            let _others = waiting.over_this_thread(Instant::now() + Duration::from_hours(1));
            let guard = waiting.over_this_thread(Instant::now());
            // Each of these could take the only signal, if there were only one.
            sleeps_until_interrupted();
            sleeps_until_interrupted();
            drop(guard);
        });
        thread.join().unwrap();
        assert_eq!(lock(&watch.shared.watched).threads.len(), 0);
    }

    #[test]
    fn an_earlier_deadline_is_met_though_the_watch_sleeps_for_a_later_one() {
        let watch = Watch::start().unwrap();
        let _late = watch.over_this_thread(Instant::now() + Duration::from_hours(1));
        let _soon = watch.over_this_thread(Instant::now() + Duration::from_millis(20));
        sleeps_until_interrupted();
    }
}
