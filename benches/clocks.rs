//! The clocks that figures are read from.

use std::time::{Duration, Instant};

/// Processor time that all threads of this process have used, in user and kernel mode.
pub(crate) fn process_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[allow(unsafe_code, reason = "clock_gettime writes the struct it is given and nothing else")]
    let answer = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(answer, 0, "the kernel has a clock of the process");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Seconds on the wall that `work` takes.
pub(crate) fn wall(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64()
}

/// Seconds of processor time that `work` takes, whatever thread of this process does it.
pub(crate) fn cpu(work: impl FnOnce()) -> f64 {
    let began = process_cpu();
    work();
    process_cpu().saturating_sub(began).as_secs_f64()
}
