//! All code of ours that runs in a guest: where its exceptions end, the doors by which a sim calls
//! the host, and the program of the probe. Each rings the *doorbell*, a page with no memory behind
//! it, so that KVM hands the processor back with the address that was touched.
#![expect(unsafe_code, reason = "code for another machine, taken as bytes")]

use std::{arch::global_asm, slice};

use super::system::{CALLS, EXCEPTIONS, RETURNED};
use lattice_policies::functions::HOST_FUNCTIONS;

/// Bytes from one handler, or door, to the next.
pub(super) const STEP: u64 = 16;
/// Exceptions that the processor knows.
pub(super) const VECTORS: u64 = 32;
/// What the probe's program leaves in a register when its numbers were right: see there.
pub(super) const PROBE_RIGHT: u64 = 0xf00d;

// A handler per exception: the processor has put the frame on the guest's own stack, and the host
// reads it there. None is ever gone back to.
global_asm!(
    ".pushsection .rodata.lattice_microvm, \"a\"",
    ".global lattice_microvm_handlers, lattice_microvm_handlers_end",
    ".balign 16",
    "lattice_microvm_handlers:",
    ".set lattice_microvm_vector, 0",
    ".rept {vectors}",
    ".balign {step}",
    "mov dword ptr [{exceptions} + 8 * lattice_microvm_vector], eax",
    "hlt",
    ".set lattice_microvm_vector, lattice_microvm_vector + 1",
    ".endr",
    "lattice_microvm_handlers_end:",
    ".popsection",
    vectors = const VECTORS,
    step = const STEP,
    exceptions = const EXCEPTIONS,
);

// A door per host function, in the order of the table, to which the sim's gate jumps: the host
// answers what is loaded. What a call may spoil is zeroed, as behind every call of a cell, so that
// the two tiers can't be told apart by it. The last door is where the host's own calls return to.
global_asm!(
    ".pushsection .rodata.lattice_microvm, \"a\"",
    ".global lattice_microvm_doors, lattice_microvm_doors_end",
    ".balign 16",
    "lattice_microvm_doors:",
    ".set lattice_microvm_door, 0",
    ".rept {doors}",
    ".balign {step}",
    "mov eax, dword ptr [{calls} + 8 * lattice_microvm_door]",
    "jmp 2f",
    ".set lattice_microvm_door, lattice_microvm_door + 1",
    ".endr",
    ".balign {step}",
    "mov qword ptr [{returned}], rax",
    "ud2",
    "2: cld",
    ".irp register, ecx, edx, esi, edi, r8d, r9d, r10d, r11d",
    "xor \\register, \\register",
    ".endr",
    ".irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
    "xorps xmm\\number, xmm\\number",
    ".endr",
    "ret",
    "lattice_microvm_doors_end:",
    ".popsection",
    doors = const HOST_FUNCTIONS.len(),
    step = const STEP,
    calls = const CALLS,
    returned = const RETURNED,
);

// The probe: (1, 2, 3, 4) + (0.5, 0.25, 0.125, 2.5), times the same, and its roots, by SSE, each
// compared with what IEEE 754 says it is. `rdi` is the mask of the lanes that have to be equal.
global_asm!(
    ".pushsection .rodata.lattice_microvm, \"a\"",
    ".global lattice_microvm_probe, lattice_microvm_probe_end",
    ".balign 16",
    "lattice_microvm_probe:",
    "movups xmm0, [rip + 2f]",
    "movups xmm1, [rip + 3f]",
    "addps xmm0, xmm1",
    "mulps xmm0, xmm1",
    "cmpeqps xmm0, [rip + 4f]",
    "movmskps eax, xmm0",
    "sqrtpd xmm2, [rip + 5f]",
    "cmpeqpd xmm2, [rip + 6f]",
    "movmskpd ecx, xmm2",
    "shl ecx, 4",
    "or eax, ecx",
    "xor eax, 0x3f",
    "jnz 7f",
    "mov eax, {right}",
    "7: mov qword ptr [{returned}], rax",
    "hlt",
    ".balign 16",
    "2: .float 1, 2, 3, 4",
    "3: .float 0.5, 0.25, 0.125, 2.5",
    "4: .float 0.75, 0.5625, 0.390625, 16.25",
    "5: .double 2, 6.25",
    // The root of 2, rounded to nearest: its bits.
    "6: .quad 0x3ff6a09e667f3bcd",
    ".double 2.5",
    "lattice_microvm_probe_end:",
    ".popsection",
    right = const PROBE_RIGHT,
    returned = const RETURNED,
);

// Reads the processor's clock, which no sim may.
global_asm!(
    ".pushsection .rodata.lattice_microvm, \"a\"",
    ".global lattice_microvm_clock, lattice_microvm_clock_end",
    ".balign 16",
    "lattice_microvm_clock:",
    "rdtsc",
    "mov qword ptr [{returned}], rax",
    "ud2",
    "lattice_microvm_clock_end:",
    ".popsection",
    returned = const RETURNED,
);

macro_rules! code {
    ($name:ident, $begin:ident, $end:ident) => {
        pub(super) fn $name() -> &'static [u8] {
            unsafe extern "C" {
                static $begin: u8;
                static $end: u8;
            }
            let (begin, end) = (&raw const $begin, &raw const $end);
            // SAFETY: two labels of one section that is only ever read, the second behind the first.
            unsafe { slice::from_raw_parts(begin, end.offset_from_unsigned(begin)) }
        }
    };
}

code!(handlers, lattice_microvm_handlers, lattice_microvm_handlers_end);
code!(doors, lattice_microvm_doors, lattice_microvm_doors_end);
code!(probe, lattice_microvm_probe, lattice_microvm_probe_end);
code!(clock, lattice_microvm_clock, lattice_microvm_clock_end);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_handler_and_door_rings_at_its_own_address() {
        let step = STEP as usize;
        let stored = |code: &[u8]| u64::from(u32::from_le_bytes(code[3..7].try_into().unwrap()));
        for (vector, code) in (0..VECTORS).zip(handlers().chunks(step)) {
            assert_eq!(code[..3], [0x89, 0x04, 0x25], "mov [..], eax");
            assert_eq!((stored(code), code[7]), (EXCEPTIONS + 8 * vector, 0xf4));
        }
        assert_eq!(handlers().len().div_ceil(step) as u64, VECTORS);
        for (door, code) in (0..HOST_FUNCTIONS.len() as u64).zip(doors().chunks(step)) {
            assert_eq!(code[..3], [0x8b, 0x04, 0x25], "mov eax, [..]");
            assert_eq!(stored(code), CALLS + 8 * door);
        }
        let last = &doors()[HOST_FUNCTIONS.len() * step..];
        assert_eq!(last[..4], [0x48, 0x89, 0x04, 0x25], "mov [..], rax");
        assert_eq!(stored(&last[1..]), RETURNED);
    }
}
