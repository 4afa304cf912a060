//! The exceptions of a guest as the ends of a native call: told as the kernel tells a process of
//! them, so that a sim's fault is the same in a microVM and in a cell.

use lattice_cell::IMAGE_BASE;

use super::{machine::MachineError, system::Frame};
use crate::native::{Exception, NativeEnd};

const DIVIDE: u64 = 0;
const DEBUG: u64 = 1;
const BREAKPOINT: u64 = 3;
const INVALID_OPCODE: u64 = 6;
const GENERAL_PROTECTION: u64 = 13;
const PAGE_FAULT: u64 = 14;
const X87: u64 = 16;
const ALIGNMENT: u64 = 17;
const SIMD: u64 = 19;

/// `si_code`s: an address that is not mapped, one that may not be used so, and one of which the
/// processor says nothing.
pub(super) const SEGV_MAPERR: i32 = 1;
const SEGV_ACCERR: i32 = 2;
const SI_KERNEL: i32 = 128;
/// Of a page fault's error code: the page is there.
const PRESENT: u64 = 1;

impl From<MachineError> for NativeEnd {
    fn from(error: MachineError) -> Self {
        Self::Host(error.to_string())
    }
}

/// The end that such an exception is. `address` is of the access, where there is one; `code` is what
/// stands at the instruction, as far as it can be read.
pub(super) fn end(vector: u64, frame: &Frame, address: u64, code: [u8; 2]) -> NativeEnd {
    let refused = matches!(vector, INVALID_OPCODE | GENERAL_PROTECTION);
    if refused && is_system_call(code) {
        return NativeEnd::SystemCall;
    }
    let (signal, code, address) = match vector {
        DIVIDE | X87 | SIMD => (libc::SIGFPE, SI_KERNEL, frame.instruction),
        DEBUG | BREAKPOINT => (libc::SIGTRAP, SI_KERNEL, frame.instruction),
        INVALID_OPCODE => (libc::SIGILL, SI_KERNEL, frame.instruction),
        PAGE_FAULT if frame.error & PRESENT != 0 => (libc::SIGSEGV, SEGV_ACCERR, address),
        PAGE_FAULT => (libc::SIGSEGV, SEGV_MAPERR, address),
        ALIGNMENT => (libc::SIGBUS, SI_KERNEL, 0),
        _ => (libc::SIGSEGV, SI_KERNEL, 0),
    };
    NativeEnd::Exception(Exception { signal, code, address, instruction: frame.instruction })
}

/// The end of a call of a host function that points to memory which a sim does not have.
pub(super) fn unmapped(offset: u64) -> NativeEnd {
    let address = IMAGE_BASE + offset;
    NativeEnd::Exception(Exception {
        signal: libc::SIGSEGV,
        code: SEGV_MAPERR,
        address,
        instruction: 0,
    })
}

/// `syscall`, `sysenter`, or an interrupt by its number.
fn is_system_call(code: [u8; 2]) -> bool {
    matches!(code, [0x0f, 0x05 | 0x34] | [0xcd, _])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vector: u64, error: u64, code: [u8; 2]) -> NativeEnd {
        end(vector, &Frame { error, instruction: 7, stack: 8 }, 99, code)
    }

    #[test]
    fn exceptions_are_told_as_the_kernel_tells_a_process_of_them() {
        let nop = [0x90; 2];
        for (vector, error, signal, code, address) in [
            (DIVIDE, 0, libc::SIGFPE, SI_KERNEL, 7),
            (SIMD, 0, libc::SIGFPE, SI_KERNEL, 7),
            (BREAKPOINT, 0, libc::SIGTRAP, SI_KERNEL, 7),
            (INVALID_OPCODE, 0, libc::SIGILL, SI_KERNEL, 7),
            (GENERAL_PROTECTION, 0, libc::SIGSEGV, SI_KERNEL, 0),
            (PAGE_FAULT, 6, libc::SIGSEGV, SEGV_MAPERR, 99),
            (PAGE_FAULT, 7, libc::SIGSEGV, SEGV_ACCERR, 99),
            (ALIGNMENT, 0, libc::SIGBUS, SI_KERNEL, 0),
            (12, 0, libc::SIGSEGV, SI_KERNEL, 0),
        ] {
            let expected = Exception { signal, code, address, instruction: 7 };
            assert_eq!(of(vector, error, nop), NativeEnd::Exception(expected), "{vector}");
        }
    }

    #[test]
    fn a_system_call_is_told_by_the_instruction_that_was_refused() {
        for code in [[0x0f, 0x05], [0x0f, 0x34], [0xcd, 0x80]] {
            assert_eq!(of(INVALID_OPCODE, 0, code), NativeEnd::SystemCall);
            assert_eq!(of(GENERAL_PROTECTION, 0x402, code), NativeEnd::SystemCall);
            assert_ne!(of(PAGE_FAULT, 0, code), NativeEnd::SystemCall);
        }
        assert_ne!(of(INVALID_OPCODE, 0, [0x0f, 0x0b]), NativeEnd::SystemCall);
    }
}
