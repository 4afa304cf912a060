//! System calls by their numbers: the three that a cell has left once its filter stands, without a
//! library in between, and those before it that no library has a function for.
#![expect(unsafe_code, reason = "system calls are made here, each with arguments that it explains")]

use std::{arch::asm, io, ptr, sync::atomic::AtomicU32};

/// Sleeps until another process wakes who waits at `word`, unless it is not `value` any more.
pub(crate) fn futex_wait(word: &AtomicU32, value: u32) {
    // SAFETY: FUTEX_WAIT reads the word, which lives as long as the reference.
    unsafe {
        call(libc::SYS_futex, [word.as_ptr() as u64, libc::FUTEX_WAIT as u64, value.into(), 0])
    };
}

/// Wakes one who waits at `word`, in whatever process.
pub(crate) fn futex_wake(word: &AtomicU32) {
    // SAFETY: FUTEX_WAKE takes the word as a name only.
    unsafe { call(libc::SYS_futex, [word.as_ptr() as u64, libc::FUTEX_WAKE as u64, 1, 0]) };
}

/// Ends the process at once.
pub(crate) fn exit(code: i32) -> ! {
    loop {
        // SAFETY: exit_group takes a number and does not come back.
        unsafe { call(libc::SYS_exit_group, [code as u64, 0, 0, 0]) };
    }
}

/// `arch_prctl(ARCH_CPUID_FAULT, 0)`: from now on `cpuid` faults; not every processor can.
pub(crate) fn fault_on_cpuid() {
    const ARCH_CPUID_FAULT: u64 = 0x1012;
    // SAFETY: the call takes two numbers and touches no memory.
    unsafe { call(libc::SYS_arch_prctl, [ARCH_CPUID_FAULT, 0, 0, 0]) };
}

/// Gives a signal the meaning that it has from the start, also one that the C library keeps for
/// itself. The two that can't be changed have no other.
pub(crate) fn default_action(signal: i32) {
    // The kernel's struct: a handler, flags, what the handler returns to, and a mask.
    let action = [0u64; 4];
    let mask_bytes = 8;
    // SAFETY: the kernel reads the action, which is SIG_DFL without flags.
    unsafe {
        call(libc::SYS_rt_sigaction, [signal as u64, action.as_ptr() as u64, 0, mask_bytes]);
    }
}

/// A `prctl` whose arguments are numbers.
pub(crate) fn prctl(option: i32, first: u64, second: u64) -> io::Result<i32> {
    // SAFETY: the callers' options take no pointers.
    let answer = unsafe { libc::prctl(option, first, second, 0u64, 0u64) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// A `prctl` that writes a number to where its argument points.
pub(crate) fn prctl_read(option: i32, into: &mut i32) -> io::Result<()> {
    // SAFETY: the callers' options write an int and nothing else.
    let answer = unsafe { libc::prctl(option, ptr::from_mut(into), 0u64, 0u64, 0u64) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// # Safety
///
/// As the system call says of its arguments.
unsafe fn call(number: i64, [first, second, third, fourth]: [u64; 4]) -> i64 {
    let answer;
    // SAFETY: the kernel keeps all registers but rax, rcx and r11; what it does is the caller's.
    unsafe {
        asm!("syscall", inlateout("rax") number => answer, in("rdi") first, in("rsi") second,
            in("rdx") third, in("r10") fourth, lateout("rcx") _, lateout("r11") _,
            options(nostack));
    }
    answer
}
