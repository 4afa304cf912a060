//! The way into the sim and back. The sim has a stack of its own, on which the cell leaves nothing:
//! host functions run on the cell's, and every register that the sim sees is the sim's, an argument,
//! an answer or zero. So what a sim holds is the same in a replay.
#![expect(unsafe_code, reason = "two stacks and all registers are beyond what Rust can say")]

use std::{
    arch::{global_asm, is_x86_feature_detected},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use lattice_cell::places::HTTP_REQUEST;
use lattice_policies::functions::HOST_FUNCTIONS;

use crate::functions::answer;

/// A host function's arguments, as the sim's registers have them.
#[repr(C)]
pub(crate) struct Arguments {
    /// The function's place in `HOST_FUNCTIONS`.
    pub(crate) function: u64,
    pub(crate) integers: [u64; 7],
    /// The first floating-point one.
    pub(crate) double: u64,
}

/// How wide the processor's vector registers are: 0 as in SSE, 1 as in AVX, 2 as in AVX-512.
static VECTORS: AtomicU32 = AtomicU32::new(0);

/// Finds out what there is to be cleaned. Comes before `cpuid` may fault.
pub(crate) fn learn_registers() {
    let wide = u32::from(is_x86_feature_detected!("avx"));
    let wider = u32::from(is_x86_feature_detected!("avx512f"));
    VECTORS.store(wide + wider, Relaxed);
}

/// Calls the sim's function at `entry`, on the stack that ends at `stack_end`.
///
/// # Safety
///
/// `entry` and `stack_end` are addresses in the image, which is mapped; nothing of the cell's that
/// matters to anybody is borrowed meanwhile, as the sim may write all of it.
pub(crate) unsafe fn enter(entry: u64, arguments: [u64; 2], stack_end: u64) -> i64 {
    // SAFETY: as the caller's.
    unsafe { lattice_cell_enter(entry, arguments[0], arguments[1], stack_end) }
}

/// The addresses to which the gate jumps, in the order of `HOST_FUNCTIONS`.
pub(crate) fn host_functions() -> [u64; HOST_FUNCTIONS.len()] {
    // SAFETY: the table is defined below and never written.
    unsafe { lattice_cell_functions }
}

unsafe extern "C" {
    fn lattice_cell_enter(entry: u64, first: u64, second: u64, stack_end: u64) -> i64;
    static lattice_cell_functions: [u64; HOST_FUNCTIONS.len()];
}

global_asm!(
    "
    .pushsection .bss.lattice_cell, \"aw\", @nobits
    .balign 8
    own_stack: .skip 8
    sim_stack: .skip 8
    .popsection

    .pushsection .rodata.lattice_cell, \"a\", @progbits
    .balign 4
    default_mxcsr: .long 0x1f80
    .popsection

    .pushsection .text.lattice_cell, \"ax\", @progbits

    # Zeroes every vector and mask register; clobbers r11.
    clean_vectors:
        mov r11d, dword ptr [rip + {vectors}]
        test r11d, r11d
        jz 2f
        vzeroall
        cmp r11d, 1
        je 3f
        .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        vpxord zmm\\n, zmm\\n, zmm\\n
        .endr
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7
        kxorw k\\n, k\\n, k\\n
        .endr
        ret
    2:
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        pxor xmm\\n, xmm\\n
        .endr
    3:
        ret

    .globl lattice_cell_enter
    .hidden lattice_cell_enter
    lattice_cell_enter:
        push rbx
        push rbp
        push r12
        push r13
        push r14
        push r15
        mov qword ptr [rip + own_stack], rsp
        call clean_vectors
        fninit
        ldmxcsr dword ptr [rip + default_mxcsr]
        # A sim with stack protection would leave this process's canary on its stack. No function of
        # the cell's returns that has looked at it before.
        mov qword ptr fs:[0x28], 0
        mov rax, rdi
        mov rdi, rsi
        mov rsi, rdx
        mov rsp, rcx
        .irp r, ebx, ecx, edx, ebp, r8d, r9d, r10d, r11d, r12d, r13d, r14d, r15d
        xor \\r, \\r
        .endr
        cld
        call rax
        mov qword ptr [rsp - 8], 0      # the return address is the cell's
        mov rsp, qword ptr [rip + own_stack]
        cld
        fninit
        ldmxcsr dword ptr [rip + default_mxcsr]
        pop r15
        pop r14
        pop r13
        pop r12
        pop rbp
        pop rbx
        ret

    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    host_function_\\n:
        mov eax, \\n
        jmp host_function
    .endr

    # A call of the sim's: eax is the function's place, the others as the sim has set them.
    host_function:
        mov qword ptr [rip + sim_stack], rsp
        mov r10, rsp
        xor r11d, r11d
        cmp eax, {with_seven}
        jne 2f
        mov r11, qword ptr [r10 + 8]    # the seventh argument is on the stack
    2:
        mov rsp, qword ptr [rip + own_stack]
        cld
        movq r10, xmm0
        push r10
        push r11
        push r9
        push r8
        push rcx
        push rdx
        push rsi
        push rdi
        push rax
        mov rdi, rsp                    # nine words below a stack that is 8 off a multiple of 16
        call {answer}
        call clean_vectors
        .irp r, ecx, edx, esi, edi, r8d, r9d, r10d, r11d
        xor \\r, \\r
        .endr
        mov rsp, qword ptr [rip + sim_stack]
        ret
    .popsection

    .pushsection .data.rel.ro.lattice_cell, \"aw\", @progbits
    .balign 8
    .globl lattice_cell_functions
    .hidden lattice_cell_functions
    lattice_cell_functions:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
        .quad host_function_\\n
    .endr
    .popsection
    ",
    vectors = sym VECTORS,
    with_seven = const HTTP_REQUEST,
    answer = sym answer,
);
