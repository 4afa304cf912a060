//! The ends of native calls, read as faults: which kind each is, and where in the module it was.

use std::ops::RangeInclusive;

use lattice_cell::IMAGE_BASE;

use super::{
    enclosure::{Exception, NativeEnd},
    library::Library,
};
use crate::fault::{Fault, FaultKind};

/// `si_code` of a fault that has no address: an instruction that is not allowed, or an address that
/// no processor has.
const SI_KERNEL: i32 = 128;
/// `si_code` of an access that the processor was told to refuse where it is not aligned.
const BUS_ADRALN: i32 = 1;
/// `si_code`s of divisions; the others of a SIGFPE are those of fractions.
const FPE_INT: RangeInclusive<i32> = 1..=2;

/// The fault that such an end is of a call.
pub(super) fn fault(entry: &'static str, end: NativeEnd, library: &Library) -> Fault {
    match end {
        NativeEnd::Exception(exception) => of_exception(entry, exception, library),
        NativeEnd::Fuel => Fault::new(FaultKind::Fuel, entry, "the call's fuel is used up"),
        NativeEnd::Deadline => {
            Fault::new(FaultKind::Deadline, entry, "the call met the emergency deadline")
        }
        NativeEnd::SystemCall => {
            Fault::new(FaultKind::SystemCall, entry, "the sim made a system call")
        }
        NativeEnd::Ring(why) => Fault::new(FaultKind::Ring, entry, why),
        NativeEnd::Killed(how) => Fault::new(FaultKind::Killed, entry, how),
        NativeEnd::Host(why) => Fault::new(FaultKind::Host, entry, why),
    }
}

fn of_exception(entry: &'static str, exception: Exception, library: &Library) -> Fault {
    let (kind, detail) = classify(exception, library);
    let frames = library.frame(exception.instruction).into_iter().collect();
    Fault { frames, ..Fault::new(kind, entry, detail) }
}

fn classify(exception: Exception, library: &Library) -> (FaultKind, String) {
    let Exception { signal, code, address, .. } = exception;
    let trap = |detail: &str| (FaultKind::Trap, detail.to_owned());
    match signal {
        libc::SIGSEGV if code == SI_KERNEL => {
            trap("an instruction or an address that a sim may not use")
        }
        libc::SIGBUS if code == BUS_ADRALN => {
            trap("an unaligned access, which the sim has told the processor to refuse")
        }
        libc::SIGSEGV | libc::SIGBUS => match address.checked_sub(IMAGE_BASE) {
            Some(offset) if library.layout().is_below_stack(offset) => {
                (FaultKind::Stack, "the call stack is exhausted".to_owned())
            }
            Some(offset) if offset < library.layout().span => {
                trap(&format!("memory access out of bounds, at {offset:#x} of the sim's image"))
            }
            _ => trap(&format!("memory access out of bounds, at address {address:#x}")),
        },
        libc::SIGFPE if !FPE_INT.contains(&code) => {
            trap("a floating-point exception, which the sim has told the processor to raise")
        }
        libc::SIGFPE => trap("integer divide by zero, or its quotient overflows"),
        libc::SIGILL => trap("illegal instruction, as by `__builtin_trap`"),
        libc::SIGTRAP => trap("breakpoint instruction"),
        other => (FaultKind::Ring, format!("it tells of signal {other}, which is no exception")),
    }
}
