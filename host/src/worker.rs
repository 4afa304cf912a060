//! Workers: plain threads that own matches and always run the one whose tick is due first.
//!
//! There are two lanes of workers. A match whose ticks take long moves to the heavy lane, whose
//! threads yield to the others by priority, so that the kernel keeps it from delaying the many
//! matches whose ticks are short. A native match is in neither, and has a thread of its own.

mod alone;

use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Instant,
};

use lattice_policies::admission::Packaging;

use self::alone::Alone;
use crate::matches::{Next, Runner, TickTimes};

/// A single tick longer than this makes a match heavy.
const HEAVY_TICK_US: u64 = 10_000;
/// So does an average over this.
const HEAVY_AVERAGE_US: u64 = 5_000;
/// An average under this makes it light again.
const LIGHT_AVERAGE_US: u64 = 2_500;
/// The heavy lane's niceness, relative to the host's.
pub(crate) const YIELDING: i32 = 5;
/// The stack of a worker: the guest's own limit lies within it, host functions above that.
const STACK_BYTES: usize = 8 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Light,
    Heavy,
}

/// All workers of a fleet.
pub(crate) struct Workers {
    lanes: Arc<Lanes>,
    threads: Vec<thread::JoinHandle<()>>,
}

/// The way to every worker.
pub(crate) struct Lanes {
    light: Vec<Mailbox>,
    heavy: Vec<Mailbox>,
    alone: Alone,
}

impl Workers {
    /// Starts `count` threads a lane.
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let mailboxes = || (0..count).map(|_| Mailbox::default()).collect();
        let lanes =
            Arc::new(Lanes { light: mailboxes(), heavy: mailboxes(), alone: Alone::default() });
        let mut threads = Vec::new();
        for at in 0..count {
            for lane in [Lane::Light, Lane::Heavy] {
                let worker = Worker::new(Arc::clone(&lanes), lane, at);
                let name = format!("{}-{at}", if lane == Lane::Light { "tick" } else { "heavy" });
                let thread = thread::Builder::new().name(name).stack_size(STACK_BYTES);
                threads.push(thread.spawn(move || worker.run())?);
            }
        }
        Ok(Self { lanes, threads })
    }

    pub(crate) fn lanes(&self) -> &Arc<Lanes> {
        &self.lanes
    }

    /// Has every match leave off at once, and waits for the threads.
    pub(crate) fn end(self) {
        self.lanes.light.iter().chain(&self.lanes.heavy).for_each(Mailbox::close);
        self.lanes.alone.end();
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

impl Lanes {
    /// Hands a new match to the worker with the least to do, and a native one to a thread of its own.
    pub(crate) fn place(self: &Arc<Self>, runner: Box<Runner>) {
        if runner.program().packaging() == Packaging::Wasm {
            return self.move_to(Lane::of(&runner, Lane::Light), runner);
        }
        let now = Instant::now();
        if let Err(error) = self.begin_alone(move || Some(Next::Tick(runner, now))) {
            tracing::error!(%error, "a native match has ended, as it got no thread");
        }
    }

    /// Brings a native match up, and runs it, on a thread of its own.
    pub(crate) fn begin_alone(
        self: &Arc<Self>,
        bring: impl FnOnce() -> Option<Next> + Send + 'static,
    ) -> io::Result<()> {
        self.alone.begin(self, bring)
    }

    /// Does with a runner what it needs next; one that goes on is placed again.
    pub(crate) fn pass_on(self: &Arc<Self>, next: Next) {
        match next {
            Next::Tick(runner, _) => self.place(runner),
            Next::Aside(runner) => {
                let lanes = Arc::clone(self);
                runner.copies().run(0, move || {
                    runner.aside().into_iter().for_each(|runner| lanes.place(runner));
                });
            }
            Next::HandOver(runner, to) => {
                to.send(runner).err().into_iter().for_each(|unsent| self.place(unsent.0));
            }
            Next::Ended => {}
        }
    }

    fn move_to(&self, lane: Lane, runner: Box<Runner>) {
        let least = self.of(lane).iter().min_by_key(|mailbox| mailbox.load.load(Relaxed));
        if let Some(mailbox) = least {
            mailbox.put(runner);
        }
    }

    fn of(&self, lane: Lane) -> &[Mailbox] {
        match lane {
            Lane::Light => &self.light,
            Lane::Heavy => &self.heavy,
        }
    }
}

impl Lane {
    /// Where a match belongs that is in `self` now.
    fn of(runner: &Runner, now: Lane) -> Lane {
        let TickTimes { last, average } = runner.times();
        if last > HEAVY_TICK_US || average > HEAVY_AVERAGE_US {
            Lane::Heavy
        } else if average < LIGHT_AVERAGE_US {
            Lane::Light
        } else {
            now
        }
    }
}

/// A thread's share of a core that a match takes, in millionths, and a little for being there.
fn share(runner: &Runner) -> u64 {
    const BEING_THERE: u64 = 1_000;
    runner.times().average * u64::from(runner.tick_hz()) + BEING_THERE
}

/// How matches come to a worker.
#[derive(Default)]
struct Mailbox {
    state: Mutex<Mail>,
    changed: Condvar,
    /// The sum of its matches' shares.
    load: AtomicU64,
}

#[derive(Default)]
struct Mail {
    #[allow(clippy::vec_box, reason = "a runner moves from queue to queue by its pointer")]
    arrived: Vec<Box<Runner>>,
    closed: bool,
}

impl Mailbox {
    fn put(&self, runner: Box<Runner>) {
        let mut mail = self.lock();
        if mail.closed {
            drop(mail);
            return runner.leave_off();
        }
        self.load.fetch_add(share(&runner), Relaxed);
        mail.arrived.push(runner);
        drop(mail);
        self.changed.notify_one();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Mail> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Worker {
    lanes: Arc<Lanes>,
    lane: Lane,
    at: usize,
    due: BinaryHeap<Due>,
    /// The time when it was last looked at: once a tick, as each look costs.
    now: Instant,
}

impl Worker {
    fn new(lanes: Arc<Lanes>, lane: Lane, at: usize) -> Self {
        Self { lanes, lane, at, due: BinaryHeap::new(), now: Instant::now() }
    }

    fn run(mut self) {
        sleep_roughly();
        if self.lane == Lane::Heavy {
            yield_to_others();
        }
        while self.wait() {
            if let Some(next) = self.due.pop() {
                self.run_tick(next);
            }
        }
        for due in self.due.drain() {
            due.runner.leave_off();
        }
    }

    /// Takes in new matches and waits until a tick is due; `false` when the worker has to end.
    fn wait(&mut self) -> bool {
        let lanes = Arc::clone(&self.lanes);
        let mailbox = &lanes.of(self.lane)[self.at];
        let mut mail = mailbox.lock();
        loop {
            for runner in mail.arrived.drain(..) {
                let share = share(&runner);
                self.due.push(Due { at: runner.due(), share, runner });
            }
            if mail.closed {
                return false;
            }
            if self.due.peek().is_some_and(|next| next.at <= self.now) {
                return true;
            }
            self.now = Instant::now();
            mail = match self.due.peek() {
                None => mailbox.changed.wait(mail).unwrap_or_else(PoisonError::into_inner),
                Some(next) if next.at > self.now => {
                    let woken = mailbox.changed.wait_timeout(mail, next.at - self.now);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                Some(_) => return true,
            };
        }
    }

    fn run_tick(&mut self, due: Due) {
        let mailbox = &self.lanes.of(self.lane)[self.at];
        // A panic here is a bug of ours. It ends the match it struck (the runner's drop tells
        // so), and not the worker's other matches.
        let next = catch_unwind(AssertUnwindSafe(|| due.runner.run_tick(self.now)));
        mailbox.load.fetch_sub(due.share, Relaxed);
        let Ok(Next::Tick(runner, now)) = next else {
            if let Ok(next) = next {
                self.lanes.pass_on(next);
            }
            self.now = Instant::now();
            return;
        };
        self.now = now;
        let lane = Lane::of(&runner, self.lane);
        if lane != self.lane {
            return self.lanes.move_to(lane, runner);
        }
        let share = share(&runner);
        mailbox.load.fetch_add(share, Relaxed);
        // A tick that is overdue queues behind those that became due before now: otherwise a
        // match that is always behind would always have the earliest deadline.
        let at = runner.due().max(now);
        self.due.push(Due { at, share, runner });
    }
}

/// Lets the kernel wake this thread a little late, so that ticks due shortly after each other are
/// run in one go. Where the system refuses, each is woken for.
fn sleep_roughly() {
    const SLACK_NANOS: libc::c_ulong = 200_000;
    #[allow(unsafe_code, reason = "prctl with PR_SET_TIMERSLACK takes a number, for this thread")]
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, SLACK_NANOS);
    }
}

/// Lowers this thread's priority. Where the system refuses, it stays as it is.
pub(crate) fn yield_to_others() {
    #[allow(unsafe_code, reason = "setpriority takes three numbers; 0 is the calling thread")]
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, YIELDING);
    }
}

/// A match in a worker's queue, ordered so that the heap's greatest is the one due first.
struct Due {
    at: Instant,
    share: u64,
    runner: Box<Runner>,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Due {}
