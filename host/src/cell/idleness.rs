//! Whether a cell rests between two calls, as it has to: one that runs on would take a processor
//! from its neighbours for as long as its match lives, and no deadline would end it.

use std::{io, time::Duration};

/// Processor time that a cell may take between two calls: more than it takes to fall asleep.
const BETWEEN_CALLS: Duration = Duration::from_millis(1);
/// What it may save up of it, for when the machine itself stands still.
const SAVED: Duration = Duration::from_millis(100);

/// Counts a process's processor time between the calls into its sim. What it takes in the host's
/// turns within a call is bounded by the call's deadline.
pub(super) struct Idleness {
    clock: libc::clockid_t,
    /// The process's time when its last call ended, between two calls.
    rests_from: Option<Duration>,
    allowed: Duration,
}

impl Idleness {
    pub(super) fn of(pid: u32) -> io::Result<Self> {
        let mut clock = 0;
        #[allow(unsafe_code, reason = "the call writes the clock's number and nothing else")]
        let answer = unsafe { libc::clock_getcpuclockid(pid as i32, &raw mut clock) };
        if answer != 0 {
            return Err(io::Error::from_raw_os_error(answer));
        }
        Ok(Self { clock, rests_from: Some(time(clock)?), allowed: SAVED })
    }

    /// A call has ended.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.rests_from = Some(time(self.clock)?);
        Ok(())
    }

    /// The process is given a turn; whether it has rested before, if it had to.
    pub(super) fn end(&mut self) -> io::Result<bool> {
        let Some(from) = self.rests_from.take() else { return Ok(true) };
        let taken = time(self.clock)?.saturating_sub(from);
        let left = (self.allowed + BETWEEN_CALLS).checked_sub(taken);
        self.allowed = left.unwrap_or_default().min(SAVED);
        Ok(left.is_some())
    }
}

fn time(clock: libc::clockid_t) -> io::Result<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[allow(unsafe_code, reason = "the call writes the time and nothing else")]
    let answer = unsafe { libc::clock_gettime(clock, &raw mut time) };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}
