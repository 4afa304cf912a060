//! Sims for tests, in assembly: each does one thing at one place.
#![expect(unsafe_code, reason = "code for another machine, taken as bytes")]

use std::{arch::global_asm, slice};

use lattice_cell::places;

/// All of them, for a segment at the image's beginning.
pub(super) fn code() -> &'static [u8] {
    // SAFETY: two labels of one section that is only ever read, the second behind the first.
    unsafe {
        let (begin, end) = (&raw const lattice_sims, &raw const lattice_sims_end);
        slice::from_raw_parts(begin, end.offset_from_unsigned(begin))
    }
}

macro_rules! sims {
    ($($name:literal $label:ident: $($line:literal)+;)+) => {
        global_asm!(
            ".pushsection .rodata.lattice_sims, \"a\"",
            ".balign 4096",
            ".global lattice_sims, lattice_sims_end",
            "lattice_sims:",
            // The data segment, with the host functions' addresses; a text; what tests look at.
            ".set data, lattice_sims + 0x4000",
            ".set blob, data + 0x100",
            ".set seen, data + 0x200",
            $(concat!(".balign 16"), concat!(".global ", stringify!($label)), concat!(stringify!($label), ":"), $($line,)+)+
            "lattice_sims_end:",
            ".popsection",
            log = const 8 * places::LOG,
            peek = const 8 * places::EVENT_PEEK,
            next = const 8 * places::EVENT_NEXT,
            send = const 8 * places::SEND,
            fetch = const 8 * places::HTTP_REQUEST,
            config = const 8 * places::CONFIG,
            gauge = const 8 * places::GAUGE,
        );
        unsafe extern "C" {
            static lattice_sims: u8;
            static lattice_sims_end: u8;
            $(static $label: u8;)+
        }
        /// Where in the segment a sim begins.
        pub(super) fn place(name: &str) -> u64 {
            let at = match name {
                $($name => &raw const $label,)+
                _ => panic!("there is no sim `{name}`"),
            };
            at as u64 - &raw const lattice_sims as u64
        }
    };
}

sims! {
    "adds" lattice_sim_adds: "lea rax, [rdi + rsi]" "ret";
    "computes" lattice_sim_computes:
        "mov rax, 0x3ff8000000000000" "movq xmm0, rax"
        "mov rax, 0x4002000000000000" "movq xmm1, rax"
        "mulsd xmm0, xmm1"
        "mov rax, 0x4019000000000000" "movq xmm1, rax"
        "sqrtsd xmm1, xmm1" "addsd xmm0, xmm1" "movq rax, xmm0" "ret";
    "fills" lattice_sim_fills:
        "mov rax, -1" "mov rcx, rax" "mov rdx, rax" "mov rsi, rax" "mov rdi, rax"
        "mov r8, rax" "mov r9, rax" "mov r10, rax" "mov r11, rax" "movq xmm7, rax" "movq xmm0, rax"
        "ret";
    "collects" lattice_sim_collects:
        "mov rax, rbx" "or rax, rcx" "or rax, rdx" "or rax, rbp" "or rax, rsi" "or rax, rdi"
        "or rax, r8" "or rax, r9" "or rax, r10" "or rax, r11" "or rax, r12" "or rax, r13"
        "or rax, r14" "or rax, r15" "movq rcx, xmm7" "or rax, rcx" "movq rcx, xmm0" "or rax, rcx"
        "or rax, fs:[0x28]" "ret";
    "collects_after_call" lattice_sim_collects_after_call:
        "sub rsp, 8" "mov rcx, -1" "mov rdx, rcx" "mov rsi, rcx" "mov rdi, rcx" "mov r8, rcx"
        "mov r9, rcx" "mov r10, rcx" "mov r11, rcx" "movq xmm0, rcx" "movq xmm15, rcx"
        "call qword ptr [rip + data + {config}]"
        "mov rax, rcx" "or rax, rdx" "or rax, rsi" "or rax, rdi" "or rax, r8" "or rax, r9"
        "or rax, r10" "or rax, r11" "movq rcx, xmm0" "or rax, rcx" "movq rcx, xmm15" "or rax, rcx"
        "add rsp, 8" "ret";
    "plays" lattice_sim_plays:
        "push rbx" "mov rbx, rdi"
        "call qword ptr [rip + data + {peek}]" "movsxd rax, eax" "mov [rip + seen + 0x40], rax"
        "lea rdi, [rip + seen]" "mov esi, 64"
        "call qword ptr [rip + data + {next}]" "movsxd rax, eax" "mov [rip + seen + 0x48], rax"
        "mov rdi, rbx" "lea rsi, [rip + blob]" "mov edx, 5" "xor ecx, ecx"
        "call qword ptr [rip + data + {send}]" "movsxd rax, eax" "mov [rip + seen + 0x50], rax"
        "mov edi, 2" "lea rsi, [rip + blob]" "mov edx, 10"
        "call qword ptr [rip + data + {log}]"
        "lea rdi, [rip + blob + 6]" "mov esi, 4" "mov rax, 0x4004000000000000" "movq xmm0, rax"
        "call qword ptr [rip + data + {gauge}]" "movsxd rax, eax" "mov [rip + seen + 0x58], rax"
        "call qword ptr [rip + data + {peek}]" "movsxd rax, eax" "mov [rip + seen + 0x60], rax"
        "pop rbx" "ret";
    "fetches" lattice_sim_fetches:
        "push rdi" "xor edi, edi" "lea rsi, [rip + blob]" "mov edx, 5" "lea rcx, [rip + blob]"
        "xor r8d, r8d" "lea r9, [rip + blob]"
        "call qword ptr [rip + data + {fetch}]" "add rsp, 8" "ret";
    "reads_config" lattice_sim_reads_config:
        "sub rsp, 8" "lea rdi, [rip + seen]" "mov esi, 64"
        "call qword ptr [rip + data + {config}]" "add rsp, 8" "ret";
    "reads_config_to" lattice_sim_reads_config_to:
        "sub rsp, 8" "mov esi, 64" "call qword ptr [rip + data + {config}]" "add rsp, 8" "ret";
    "counts" lattice_sim_counts: "inc qword ptr [rip + seen]" "mov rax, [rip + seen]" "ret";
    "divides" lattice_sim_divides: "xor edx, edx" "mov eax, 7" ".byte 0x90" "div edx" "ret";
    "traps" lattice_sim_traps: "ud2";
    "breaks" lattice_sim_breaks: "int3";
    "halts" lattice_sim_halts: "hlt";
    "writes" lattice_sim_writes: "mov [rdi], esi" "ret";
    "jumps" lattice_sim_jumps: "jmp rdi";
    "recurses" lattice_sim_recurses: "2: push rax" "jmp 2b";
    "makes_syscall" lattice_sim_makes_syscall: "mov eax, 39" "syscall" "ret";
    "makes_int80" lattice_sim_makes_int80: "mov eax, 20" "int 0x80" "ret";
    "loops" lattice_sim_loops: "2: jmp 2b";
    "peeks_for_ever" lattice_sim_peeks_for_ever:
        "sub rsp, 8" "2: call qword ptr [rip + data + {peek}]" "jmp 2b";
    "reads_clock" lattice_sim_reads_clock: "rdtsc" "ret";
}
