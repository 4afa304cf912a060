//! What becomes of a sim that the processor stops: a handler writes down what it was, for the host,
//! and ends the process. It runs on a stack of its own, and nothing returns from it.
#![expect(unsafe_code, reason = "a signal handler is given pointers by the kernel")]

use std::{
    ffi::c_void,
    io, mem, ptr,
    sync::atomic::{AtomicPtr, Ordering::Relaxed},
};

use lattice_cell::Control;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

use crate::system;

/// What the processor raises.
const SIGNALS: [i32; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP];
/// Of the handler's stack, in bytes: a signal's frame holds all registers that the processor has.
const STACK: usize = 64 * 1024;

static CONTROL: AtomicPtr<Control> = AtomicPtr::new(ptr::null_mut());

/// Gives every signal the meaning that it has from the start, and lets all of them in.
pub(crate) fn reset_signals() -> io::Result<()> {
    for signal in 1..=libc::SIGRTMAX() {
        system::default_action(signal);
    }
    // SAFETY: the calls write the set and read it.
    unsafe {
        let mut none: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut none);
        answered(libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut()))
    }
}

/// From now on a fault of the sim's is told in `control`, and ends the process with 1.
pub(crate) fn tell_in(control: &'static Control) -> io::Result<()> {
    CONTROL.store(ptr::from_ref(control).cast_mut(), Relaxed);
    let rights = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: new memory, at a place that the kernel chooses, which stays for good; the structs are
    // what the calls take, and the handler has the signature that SA_SIGINFO wants.
    unsafe {
        let memory = mmap_anonymous(ptr::null_mut(), STACK, rights, MapFlags::PRIVATE)?;
        let stack = libc::stack_t { ss_sp: memory, ss_flags: 0, ss_size: STACK };
        answered(libc::sigaltstack(&raw const stack, ptr::null_mut()))?;
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        action.sa_sigaction = told as *const () as usize;
        for signal in SIGNALS {
            answered(libc::sigaction(signal, &raw const action, ptr::null_mut()))?;
        }
    }
    Ok(())
}

fn answered(answer: i32) -> io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The handler.
unsafe extern "C" fn told(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the control is set before the handler is, and stays mapped; the kernel hands over a
    // siginfo and a ucontext.
    unsafe {
        let control = &*CONTROL.load(Relaxed);
        let registers = &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        control.signal_code.store((*info).si_code as u32, Relaxed);
        control.address.store((*info).si_addr() as u64, Relaxed);
        control.instruction.store(registers[libc::REG_RIP as usize] as u64, Relaxed);
        control.signal.store(signal as u32, Relaxed);
    }
    system::exit(1)
}
