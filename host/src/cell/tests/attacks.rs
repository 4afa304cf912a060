//! What a hostile sim may try, each with its exact end. Every one runs in a cell whose filter has
//! been seen from outside before.

use lattice_cell::{IMAGE_BASE, Turn};

use super::{
    code::{Code, pointer},
    image::{DATA, GATE, STACK, Sim},
};
use crate::cell::{Gone, Told};

/// The signal by which the code ends its cell, where no handler is run.
fn killed_by(code: &[u8]) -> i32 {
    match Sim::of(code).tick() {
        Err(Gone::Signal { signal, told: None }) => signal,
        other => panic!("{other:?}"),
    }
}

/// What the cell tells of the fault that the code raises.
fn told(code: &[u8]) -> Told {
    match Sim::of(code).tick() {
        Err(Gone::Exit(1, Some(told))) => told,
        other => panic!("{other:?}"),
    }
}

fn system_call(number: i64, arguments: &[u64]) -> Vec<u8> {
    Code::default().arguments(arguments).rax(number as u64).syscall().done()
}

#[test]
fn every_system_call_kills() {
    let text = pointer(DATA);
    let page = 4096;
    let calls: &[(i64, &[u64])] = &[
        (libc::SYS_read, &[0, text, 1]),
        (libc::SYS_write, &[1, text, 1]),
        (libc::SYS_open, &[text, 0]),
        (libc::SYS_openat, &[0, text, 0]),
        (libc::SYS_socket, &[2, 1, 0]),
        (libc::SYS_connect, &[0, text, 16]),
        (libc::SYS_ptrace, &[0, 0, 0]),
        (libc::SYS_io_uring_setup, &[1, text]),
        (libc::SYS_fork, &[]),
        (libc::SYS_vfork, &[]),
        (libc::SYS_clone, &[libc::SIGCHLD as u64, 0, 0, 0]),
        (libc::SYS_clone3, &[text, 64]),
        (libc::SYS_execve, &[text, 0, 0]),
        (libc::SYS_execveat, &[0, text, 0, 0]),
        (libc::SYS_mmap, &[0, page, 7, 0x22]),
        (libc::SYS_mprotect, &[text, page, 7]),
        (libc::SYS_munmap, &[text, page]),
        (libc::SYS_mremap, &[text, page, 2 * page, 1]),
        (libc::SYS_brk, &[0]),
        (libc::SYS_memfd_create, &[text, 0]),
        (libc::SYS_unshare, &[libc::CLONE_NEWUSER as u64]),
        (libc::SYS_setns, &[0, 0]),
        (libc::SYS_mount, &[text, text, text, 0]),
        (libc::SYS_bpf, &[0, text, 8]),
        (libc::SYS_perf_event_open, &[text, 0, 0, 0]),
        (libc::SYS_userfaultfd, &[0]),
        (libc::SYS_process_vm_readv, &[1, text, 1, text]),
        (libc::SYS_kexec_load, &[0, 0, text]),
        (libc::SYS_prctl, &[libc::PR_SET_TSC as u64, libc::PR_TSC_ENABLE as u64]),
        (libc::SYS_seccomp, &[0, 0, 0]),
        (libc::SYS_rt_sigaction, &[11, 0, 0, 8]),
        (libc::SYS_rt_sigreturn, &[]),
        (libc::SYS_getpid, &[]),
        (libc::SYS_getrandom, &[text, 8, 0]),
        (libc::SYS_clock_gettime, &[0, text]),
        (libc::SYS_gettimeofday, &[text, 0]),
        (libc::SYS_nanosleep, &[text, 0]),
        (libc::SYS_sched_yield, &[]),
        (libc::SYS_exit, &[0]),
        // A cell is the first process of its namespace, so that this names itself, and no other.
        (libc::SYS_kill, &[1, libc::SIGKILL as u64]),
        (-1, &[]),
        (100_000, &[]),
    ];
    for (number, arguments) in calls {
        assert_eq!(killed_by(&system_call(*number, arguments)), libc::SIGSYS, "{number}");
    }
}

#[test]
fn other_doors_to_the_kernel_are_shut_as_well() {
    const X32: i64 = 0x4000_0000;
    for number in [libc::SYS_futex, libc::SYS_exit_group, libc::SYS_write, 512, 547] {
        let call = system_call(number | X32, &[0, 0, 0]);
        assert_eq!(killed_by(&call), libc::SIGSYS, "x32, {number}");
    }
    // Of 32 bits: exit is 1, futex 240, exit_group 252.
    for number in [1, 4, 20, 240, 252] {
        let call = Code::default().rax(number).raw(&[0xcd, 0x80]).done();
        assert_eq!(killed_by(&call), libc::SIGSYS, "int 0x80, {number}");
    }
}

#[test]
fn a_call_where_the_kernel_once_told_the_time_ends_the_cell() {
    const VSYSCALL: u64 = 0xffff_ffff_ff60_0000;
    let code =
        Code::default().arguments(&[pointer(DATA), 0]).rax(VSYSCALL).raw(&[0xff, 0xd0]).done();
    // A kernel that still has the page takes it for a system call; another has nothing there.
    match Sim::of(&code).tick() {
        Err(Gone::Signal { signal: libc::SIGSYS, told: None }) => {}
        Err(Gone::Exit(1, Some(Told { signal: libc::SIGSEGV, .. }))) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn waiting_and_waking_work_on_the_rings_words_alone() {
    const WAIT: u64 = libc::FUTEX_WAIT as u64;
    const WAKE: u64 = libc::FUTEX_WAKE as u64;
    let word = pointer(DATA);
    for arguments in [[word, WAIT, 0, 0], [word, WAKE, 1, 0], [0, WAIT, 0, 0], [0, WAKE, 1, 0]] {
        assert_eq!(killed_by(&system_call(libc::SYS_futex, &arguments)), libc::SIGSYS);
    }
}

#[test]
fn a_sim_may_end_its_own_process_and_no_more() {
    let code = system_call(libc::SYS_exit_group, &[42]);
    let end = Sim::of(&code).tick();
    assert!(matches!(end, Err(Gone::Exit(42, None))), "{end:?}");
}

#[test]
fn neither_the_clock_nor_the_counters_can_be_read() {
    for (instruction, name) in [
        (&[0x0f, 0x31][..], "rdtsc"),
        (&[0x0f, 0x01, 0xf9], "rdtscp"),
        (&[0x0f, 0x33], "rdpmc"),
        (&[0x0f, 0x32], "rdmsr"),
        (&[0xfa], "cli"),
        (&[0xf4], "hlt"),
        (&[0xe4, 0x70], "in al, 0x70"),
    ] {
        let told = told(&Code::default().raw(instruction).done());
        assert_eq!(told.signal, libc::SIGSEGV, "{name}");
        assert_eq!(told.instruction, IMAGE_BASE, "{name}");
    }
}

/// Whether `cpuid` can be made to fault depends on the processor; either way it is no way out.
#[test]
fn cpuid_answers_or_faults() {
    match Sim::of(&Code::default().raw(&[0x53, 0x0f, 0xa2, 0x5b]).done()).tick() {
        Ok(Turn::Returned) => {}
        Err(Gone::Exit(1, Some(Told { signal: libc::SIGSEGV, .. }))) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn bad_accesses_tell_their_address() {
    let write = |address| Code::default().rax(address).raw(&[0xc6, 0x00, 0x01]).done(); // mov byte [rax], 1
    let at = |address| {
        let told = told(&write(address));
        assert_eq!(told.instruction, IMAGE_BASE + 10);
        (told.signal, told.address)
    };
    for address in
        [0, 1, 0x1234_5678_9000, pointer(0), pointer(0xfff), pointer(GATE), pointer(DATA) - 1]
    {
        assert_eq!(at(address), (libc::SIGSEGV, address), "{address:#x}");
    }
    // Of an address that none can be, the processor tells nothing.
    assert_eq!(at(0x8000_0000_0000_0000), (libc::SIGSEGV, 0));
}

#[test]
fn data_and_stack_are_not_executed() {
    for target in [pointer(DATA), pointer(STACK), pointer(GATE)] {
        let told = told(&Code::default().rax(target).raw(&[0xff, 0xe0]).done()); // jmp rax
        assert_eq!((told.signal, told.address, told.instruction), (libc::SIGSEGV, target, target));
    }
}

#[test]
fn a_stack_that_is_used_up_meets_the_gap_below() {
    let told = told(&[0x50, 0xeb, 0xfd]); // push rax; jmp to it
    assert_eq!((told.signal, told.address), (libc::SIGSEGV, pointer(STACK) - 8));
}

#[test]
fn what_the_processor_refuses_is_told() {
    let divide = Code::default().raw(&[0x31, 0xc9, 0xf7, 0xf1]).done(); // xor ecx, ecx; div ecx
    let end = told(&divide);
    assert_eq!((end.signal, end.code, end.instruction), (libc::SIGFPE, 1, IMAGE_BASE + 2));
    for (instruction, signal) in [
        (&[0x0f, 0x0b][..], libc::SIGILL),
        (&[0xcc], libc::SIGTRAP),
        (&[0xcd, 0x03], libc::SIGTRAP),
    ] {
        assert_eq!(told(instruction).signal, signal);
    }
}

/// A page of the image that is not in its file, and so behind its end, would be SIGBUS; there is
/// none. Unaligned access, where it is asked for, is.
#[test]
fn an_unaligned_access_that_was_to_fault_does() {
    // pushfq; or dword [rsp], 0x40000; popfq; mov rax, [rsp + 1]
    let code = [0x9c, 0x81, 0x0c, 0x24, 0, 0, 4, 0, 0x9d, 0x48, 0x8b, 0x44, 0x24, 0x01, 0xc3];
    assert_eq!(told(&code).signal, libc::SIGBUS);
}
