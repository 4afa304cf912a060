//! Notices that a cell's process has ended, and wakes who waits for its turn. Never waits for a
//! process itself: its owner reads how it ended.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use rustix::{
    buffer::spare_capacity,
    event::{EventfdFlags, epoll, eventfd},
    thread::futex,
};

use super::ring::Ring;
use crate::lock::lock;

/// What the reaper knows of a process, shared with its owner.
pub(super) struct Watched {
    pub(super) pidfd: OwnedFd,
    pub(super) ring: Ring,
    ended: AtomicBool,
}

impl Watched {
    pub(super) fn new(pidfd: OwnedFd, ring: Ring) -> Arc<Self> {
        Arc::new(Self { pidfd, ring, ended: AtomicBool::new(false) })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// The number that the waiting worker looks at changes after the mark is set.
    fn end(&self) {
        self.ended.store(true, Ordering::Release);
        let word = &self.ring.control().to_host;
        word.fetch_add(1, Ordering::Release);
        let _ = futex::wake(word, futex::Flags::empty(), 1);
    }
}

/// The thread that watches all processes.
pub(super) struct Reaper {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

struct Shared {
    epoll: OwnedFd,
    stop: OwnedFd,
    watched: Mutex<HashMap<u64, Arc<Watched>>>,
}

/// The epoll name of the descriptor that stops the thread.
const STOP: u64 = u64::MAX;

impl Reaper {
    pub(super) fn start() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
        epoll::add(&epoll, &stop, epoll::EventData::new_u64(STOP), epoll::EventFlags::IN)?;
        let shared = Arc::new(Shared { epoll, stop, watched: Mutex::default() });
        let run = Arc::clone(&shared);
        let thread = thread::Builder::new().name("reaper".into()).spawn(move || run.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Watches a process; `id` is no other's.
    pub(super) fn watch(&self, id: u64, process: &Arc<Watched>) -> io::Result<()> {
        lock(&self.shared.watched).insert(id, Arc::clone(process));
        let data = epoll::EventData::new_u64(id);
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ONESHOT;
        epoll::add(&self.shared.epoll, process.pidfd.as_fd(), data, flags)
            .inspect_err(|_| self.forget(id))
            .map_err(io::Error::from)
    }

    pub(super) fn unwatch(&self, id: u64, process: &Watched) {
        let _ = epoll::delete(&self.shared.epoll, process.pidfd.as_fd());
        self.forget(id);
    }

    fn forget(&self, id: u64) {
        lock(&self.shared.watched).remove(&id);
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        let _ = rustix::io::write(&self.shared.stop, &1u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut events = Vec::with_capacity(64);
        loop {
            match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                // It is this thread's own descriptor: nothing else can be wrong with it.
                Err(_) => return,
            }
            for event in events.drain(..) {
                let id = event.data.u64();
                if id == STOP {
                    return;
                }
                let ended = lock(&self.watched).get(&id).cloned();
                if let Some(process) = ended {
                    process.end();
                }
            }
        }
    }
}
