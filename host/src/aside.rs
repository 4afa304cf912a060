//! Threads for what would make ticks late: copying and hashing a match's memory. One job at a time,
//! in the order in which they came.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use crate::{lock::lock, worker::yield_to_others};

type Job = Box<dyn FnOnce() + Send>;

/// A thread that does jobs. It takes all that come: whoever hands them in minds
/// [`waiting`](Self::waiting).
pub(crate) struct Aside {
    /// Taken when the thread has to end.
    open: Mutex<Option<Open>>,
    waiting: Arc<AtomicUsize>,
}

/// The way to a thread that has not ended.
struct Open {
    /// Each with the bytes that it holds.
    jobs: mpsc::Sender<(usize, Job)>,
    thread: thread::JoinHandle<()>,
}

impl Aside {
    pub(crate) fn start(name: &str) -> io::Result<Self> {
        let (jobs, inbox) = mpsc::channel::<(usize, Job)>();
        let waiting = Arc::new(AtomicUsize::new(0));
        let done = Arc::clone(&waiting);
        let run = move || {
            yield_to_others();
            for (bytes, job) in inbox {
                // A panic is a bug of ours, and strikes the match whose job it is.
                let _ = catch_unwind(AssertUnwindSafe(job));
                done.fetch_sub(bytes, Ordering::Relaxed);
            }
        };
        let thread = thread::Builder::new().name(name.into()).spawn(run)?;
        Ok(Self { open: Mutex::new(Some(Open { jobs, thread })), waiting })
    }

    /// Bytes that the jobs hold which are not done.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Hands in a job that holds so many bytes. Once the thread has ended it is done here.
    pub(crate) fn run(&self, bytes: usize, job: impl FnOnce() + Send + 'static) {
        let open = lock(&self.open);
        let Some(Open { jobs, .. }) = open.as_ref() else {
            drop(open);
            return job();
        };
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
        // The thread ends only when the sender is gone, so it takes every job.
        let _ = jobs.send((bytes, Box::new(job)));
    }

    /// Waits until the jobs that were handed in so far are done. Not to be called in one.
    pub(crate) fn settle(&self) {
        let (done, settled) = mpsc::channel();
        self.run(0, move || drop(done));
        let _: Result<(), _> = settled.recv();
    }

    /// Waits until all jobs are done. Those that come later are done where they are handed in.
    pub(crate) fn end(&self) {
        let open = lock(&self.open).take();
        if let Some(Open { jobs, thread }) = open {
            drop(jobs);
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_done_in_their_order_and_a_panic_ends_only_its_own() {
        let aside = Aside::start("test").unwrap();
        let done = Arc::new(Mutex::new(Vec::new()));
        for number in 0..10 {
            let done = Arc::clone(&done);
            aside.run(7, move || {
                assert_ne!(number, 3, "this one fails");
                done.lock().unwrap().push(number);
            });
        }
        aside.settle();
        assert_eq!(done.lock().unwrap().len(), 9);
        aside.end();
        assert_eq!(
            (&*done.lock().unwrap(), aside.waiting()),
            (&vec![0, 1, 2, 4, 5, 6, 7, 8, 9], 0)
        );
        let after = Arc::clone(&done);
        aside.run(7, move || after.lock().unwrap().push(10));
        assert_eq!(done.lock().unwrap().last(), Some(&10));
    }
}
