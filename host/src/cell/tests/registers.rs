//! What the sim finds in its registers and on its stack: nothing of the cell's, so that the same sim
//! comes to the same memory in every process.

use std::os::unix::fs::FileExt;

use lattice_cell::{Turn, places};
use lattice_surface::Phase;

use super::{
    code::{Code, pointer},
    image::{DATA, PAGE, STACK, STACK_END, Sim},
};

/// Pushes all registers but rax and rsp: rbx, rcx, rdx, rbp, rsi, rdi, r8 to r15.
const PUSHES: [u8; 22] = [
    0x53, 0x51, 0x52, 0x55, 0x56, 0x57, 0x41, 0x50, 0x41, 0x51, 0x41, 0x52, 0x41, 0x53, 0x41, 0x54,
    0x41, 0x55, 0x41, 0x56, 0x41, 0x57,
];

/// The words below the return address of the entry, the first pushed first.
fn pushed<const N: usize>(sim: &Sim) -> [u64; N] {
    std::array::from_fn(|at| u64::from_le_bytes(sim.memory(STACK_END - 16 - 8 * at as u64)))
}

/// The sim ends by a fault, so that its stack stays as it is.
fn stopped(code: Code) -> Sim {
    let code = code.raw(&[0x0f, 0x0b]).done();
    let mut sim = Sim::of(&code);
    assert!(sim.call(Phase::Tick, 0, [11, 22]).is_err());
    sim
}

#[test]
fn a_sim_begins_with_its_arguments_and_nothing_else() {
    let sim = stopped(Code::default().raw(&PUSHES));
    assert_eq!(pushed(&sim), [0, 0, 0, 0, 22, 11, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_host_function_leaves_its_answer_and_the_registers_that_it_has_to_keep() {
    let marks: u64 = 0x1111_1111_1111_1111;
    let code = Code::default()
        .rax(marks)
        .raw(&[0x48, 0x89, 0xc3]) // mov rbx, rax
        .raw(&[0x49, 0x89, 0xc7]) // mov r15, rax
        .raw(&[0x66, 0x48, 0x0f, 0x6e, 0xc0]) // movq xmm0, rax
        .raw(&[0x66, 0x4c, 0x0f, 0x6e, 0xf8]) // movq xmm15, rax
        .arguments(&[marks; 6])
        .host(places::EVENT_PEEK)
        .raw(&PUSHES)
        .raw(&[0x66, 0x48, 0x0f, 0x7e, 0xc3, 0x53]) // movq rbx, xmm0; push rbx
        .raw(&[0x66, 0x4c, 0x0f, 0x7e, 0xfb, 0x53]) // movq rbx, xmm15; push rbx
        .raw(&[0x50]); // push rax
    let sim = stopped(code);
    assert_eq!(pushed(&sim), [marks, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, marks, 0, 0, 0]);
}

#[test]
fn rounding_and_exceptions_are_as_c_has_them() {
    // sub rsp, 16; stmxcsr [rsp]; fnstcw [rsp + 4]; pushfq
    let store = [0x48, 0x83, 0xec, 0x10, 0x0f, 0xae, 0x1c, 0x24, 0xd9, 0x7c, 0x24, 0x04, 0x9c];
    let code = Code::default().raw(&store);
    let sim = stopped(code);
    assert_eq!(sim.memory::<4>(STACK_END - 24), 0x1f80u32.to_le_bytes());
    assert_eq!(sim.memory::<2>(STACK_END - 20), 0x037fu16.to_le_bytes());
    let flags = u64::from_le_bytes(sim.memory(STACK_END - 32));
    assert_eq!(flags & 0x400, 0, "strings go upwards");
}

#[test]
fn the_stack_protectors_canary_is_the_same_everywhere() {
    // mov rax, fs:[0x28]; push rax
    let code = [0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0, 0x50];
    assert_eq!(pushed(&stopped(Code::default().raw(&[0x6a, 0x01]).raw(&code))), [1, 0]);
}

#[test]
fn two_cells_come_to_the_same_memory_and_keep_nothing_of_their_own_in_it() {
    let code = Code::default()
        .raw(&PUSHES)
        .arguments(&[7, pointer(DATA), 100, 0])
        .host(places::SEND)
        .raw(&PUSHES)
        .host(places::EVENT_PEEK)
        .raw(&PUSHES)
        .store(DATA)
        .raw(&[0x48, 0x81, 0xc4, 0x50, 0x01, 0, 0]) // add rsp, 3 * 14 * 8
        .done();
    let memory = || {
        let mut sim = Sim::of(&code);
        assert_eq!(sim.call(Phase::Tick, 0, [1, 2]).unwrap(), Turn::Returned);
        let mut memory = vec![0; (PAGE + STACK_END - STACK) as usize];
        let (data, stack) = memory.split_at_mut(PAGE as usize);
        sim.image.read_exact_at(data, DATA).unwrap();
        sim.image.read_exact_at(stack, STACK).unwrap();
        memory
    };
    let first = memory();
    assert_eq!(first[first.len() - 8..], [0; 8], "no return address");
    assert!(first.iter().any(|byte| *byte != 0));
    assert_eq!(first, memory());
}

#[test]
fn the_addresses_of_the_cells_own_functions_stay_in_its_own_memory() {
    let mut sim = Sim::of(&Code::default().host(places::EVENT_PEEK).done());
    assert_eq!(sim.tick().unwrap(), Turn::Returned);
    assert_eq!(sim.memory::<96>(super::image::GATE), [0; 96]);
}
