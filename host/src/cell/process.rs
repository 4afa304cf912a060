//! The process around one sim, as its host has it: its turns, its deadline, and its end.

use std::{
    io,
    num::NonZeroU32,
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
    time::{Duration, Instant},
};

use lattice_cell::Turn;
use lattice_policies::isolation::Isolation;
use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid},
    thread::{CpuSet, futex, sched_setaffinity},
    time::{ClockId, Timespec, clock_gettime},
};

use super::{
    CellError,
    gone::{Gone, Told},
    idleness::Idleness,
    outside,
    place::Place,
    reaper::{Reaper, Watched},
    ring::Ring,
    spawn::Child,
};

/// How long a process may take to raise its barriers.
const START: Duration = Duration::from_secs(10);

/// A process around one sim. Dropped, it is killed and waited for.
pub(crate) struct Cell {
    watched: Arc<Watched>,
    pid: u32,
    isolation: Isolation,
    /// Not of one that spins: that has a processor to itself.
    idleness: Option<Idleness>,
    reaped: bool,
    // Given back last, when the process is no more.
    place: Place,
}

impl Cell {
    /// Waits until the process says that its barriers stand, and looks whether they do.
    pub(super) fn begin(
        place: Place,
        child: Child,
        ring: Ring,
        namespaces: u32,
    ) -> Result<Self, CellError> {
        let watched = Watched::new(child.pidfd, ring);
        let isolation = Isolation::default();
        let mut cell =
            Self { watched, pid: child.pid, isolation, idleness: None, reaped: false, place };
        cell.reaper().watch(cell.place.id, &cell.watched)?;
        cell.pin()?;
        cell.wait_until_ready(namespaces)?;
        Ok(cell)
    }

    pub(crate) fn ring(&self) -> &Ring {
        &self.watched.ring
    }

    /// The barriers that stand around this cell.
    pub(crate) fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    /// As the host's process namespace numbers it.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Gives the cell its turn, with what is in the ring, and waits until it hands it back. Past the
    /// deadline, and in whatever other case there is no turn, the process has been waited for.
    pub(crate) fn turn(&mut self, deadline: Instant) -> Result<Turn, Gone> {
        if self.reaped {
            return Err(Gone::Host(io::Error::other("the cell's process has ended before")));
        }
        if !self.has_rested().map_err(Gone::Host)? {
            return Err(self.end_by(Gone::OutOfTurn));
        }
        let control = self.ring().control();
        let seen = control.to_host.load(Ordering::Acquire);
        control.to_cell.fetch_add(1, Ordering::Release);
        if self.place.cpu.is_none() {
            futex::wake(&control.to_cell, futex::Flags::empty(), 1)
                .map_err(|error| Gone::Host(error.into()))?;
        }
        let turn = self.wait(seen, deadline)?;
        if let (Turn::Returned, Some(idleness)) = (turn, &mut self.idleness) {
            idleness.begin().map_err(Gone::Host)?;
        }
        Ok(turn)
    }

    fn has_rested(&mut self) -> io::Result<bool> {
        self.idleness.as_mut().map_or(Ok(true), Idleness::end)
    }

    fn wait(&mut self, seen: u32, deadline: Instant) -> Result<Turn, Gone> {
        match self.sleep(seen, deadline) {
            Ok(true) => {}
            Ok(false) => return Err(self.end_by(Gone::Deadline)),
            Err(error) => return Err(self.end_by(Gone::Host(error))),
        }
        if self.watched.has_ended() {
            return Err(self.reap().unwrap_or_else(Gone::Host));
        }
        let turn = Turn::of(self.ring().control().turn.load(Ordering::Relaxed));
        turn.ok_or_else(|| self.end_by(Gone::NoTurn))
    }

    /// Until the number is another one than `seen`; `false` past the deadline.
    fn sleep(&self, seen: u32, deadline: Instant) -> io::Result<bool> {
        let control = self.ring().control();
        let came = || control.to_host.load(Ordering::Acquire) != seen;
        if self.place.cpu.is_some() && spin(came) {
            return Ok(true);
        }
        let until = monotonic(deadline);
        control.host_sleeps.store(1, Ordering::Relaxed);
        // Between the two, the cell either sees this or is seen to have handed over.
        fence(Ordering::SeqCst);
        let mut in_time = true;
        while in_time && !came() && !self.watched.has_ended() {
            let word = &control.to_host;
            let any = NonZeroU32::MAX;
            match futex::wait_bitset(word, futex::Flags::empty(), seen, Some(&until), any) {
                Ok(()) | Err(Errno::AGAIN | Errno::INTR) => {}
                Err(Errno::TIMEDOUT) => in_time = came(),
                Err(error) => return Err(error.into()),
            }
        }
        control.host_sleeps.store(0, Ordering::Relaxed);
        Ok(in_time)
    }

    fn pin(&self) -> io::Result<()> {
        let Some(cpu) = self.place.cpu else { return Ok(()) };
        let mut set = CpuSet::new();
        set.set(cpu as usize);
        Ok(sched_setaffinity(Pid::from_raw(self.pid as i32), &set)?)
    }

    fn wait_until_ready(&mut self, namespaces: u32) -> Result<(), CellError> {
        match self.wait(0, Instant::now() + START) {
            Ok(Turn::Ready) => {}
            Ok(Turn::Failed) => return Err(CellError::Refused(self.refusal()?)),
            Ok(_) => return Err(CellError::Ended(Gone::NoTurn)),
            Err(gone) => return Err(CellError::Ended(gone)),
        }
        outside::check(self.pid, namespaces).map_err(CellError::NotAsTold)?;
        let barriers = self.ring().control().barriers.load(Ordering::Relaxed);
        self.isolation = Isolation::of_bits(barriers);
        if self.place.cpu.is_none() {
            self.idleness = Some(Idleness::of(self.pid)?);
        }
        Ok(())
    }

    fn refusal(&self) -> io::Result<String> {
        let mut text = Vec::new();
        let len = self.ring().control().outlet_bytes.load(Ordering::Relaxed);
        self.ring().read_outlet(len, &mut text)?;
        if text.is_empty() {
            return Ok("it can't read its setup; is the program of this host's version?".into());
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn reaper(&self) -> &Reaper {
        &self.place.shared.reaper
    }

    /// Kills the process for that reason.
    fn end_by(&mut self, reason: Gone) -> Gone {
        self.kill().map_or_else(Gone::Host, |_| reason)
    }

    fn kill(&mut self) -> io::Result<Gone> {
        // One that has just ended by itself can't be signalled, and is waited for all the same.
        let _ = pidfd_send_signal(&self.watched.pidfd, Signal::KILL);
        self.reap()
    }

    /// Waits for the end, which is certain, and reads how it was.
    fn reap(&mut self) -> io::Result<Gone> {
        self.reaper().unwatch(self.place.id, &self.watched);
        self.reaped = true;
        let id = WaitId::PidFd(self.watched.pidfd.as_fd());
        let status = loop {
            match waitid(id.clone(), WaitIdOptions::EXITED) {
                Err(Errno::INTR) => {}
                other => break other?,
            }
        };
        let told = Told::read(self.ring().control());
        Ok(match status {
            Some(status) => Gone::of(&status, told),
            None => Gone::Host(io::Error::other("a wait that waited for nothing")),
        })
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        if !self.reaped {
            let _ = self.kill();
        }
    }
}

/// For as long as a short turn takes; whether it came.
fn spin(came: impl Fn() -> bool) -> bool {
    const LOOKS: u32 = 20_000;
    (0..LOOKS).any(|_| {
        std::hint::spin_loop();
        came()
    })
}

/// The deadline on the clock by which the kernel waits.
fn monotonic(deadline: Instant) -> Timespec {
    let now = clock_gettime(ClockId::Monotonic);
    let left = deadline.saturating_duration_since(Instant::now());
    let nanoseconds = now.tv_nsec + i64::from(left.subsec_nanos());
    Timespec {
        tv_sec: now.tv_sec + left.as_secs() as i64 + nanoseconds / 1_000_000_000,
        tv_nsec: nanoseconds % 1_000_000_000,
    }
}
