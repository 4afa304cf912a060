// processor.h - what the processor guards: memory, instructions, and the state that a call leaves.
//
// Owns: attacks that make no system call. The first half ends the sim; the second half leaves the
// processor in a state that the cell must not stumble over, and goes on.
#ifndef ATTACK_PROCESSOR_H
#define ATTACK_PROCESSOR_H

#include <lattice_managed.h>

// ---- What ends the sim ------------------------------------------------------------------------

static void loop_forever(void) {
    for (;;) __asm__ volatile("");
}

__attribute__((noinline)) static int recurse(volatile char *last) {
    volatile char frame[4096];
    if (*last == 2) return 0;
    frame[0] = *last;
    return recurse(frame) + frame[0];
}

static void overflow_the_stack(void) {
    volatile char first = 1;
    recurse(&first);
}

// One frame larger than the stack, of which only the far end is touched.
static void reach_below_the_stack(void) {
    volatile char here;
    *(volatile char *)((uintptr_t)&here - (8 << 20)) = 1;
}

static void write_wildly(void) { *(volatile int *)0xdeadbeef000 = 1; }
static void write_to_code(void) { *(volatile int *)(uintptr_t)lattice_sim_tick = 1; }
static void write_to_constants(void) { *(volatile char *)(uintptr_t)"constant" = 1; }
static void read_the_kernel(void) { (void)*(volatile int *)0xffffffff80000000; }
static void read_no_address(void) { (void)*(volatile int *)0x8000000000000000; }
static void read_null(void) {
    volatile uintptr_t nowhere = 8;
    (void)*(volatile int *)nowhere;
}

static void divide_by_zero(void) {
    int32_t quotient = 1, zero = 0;
    __asm__ volatile("cltd; idivl %1" : "+a"(quotient) : "r"(zero) : "edx");
}

static void divide_out_of_range(void) {
    int32_t quotient = INT32_MIN, divisor = -1;
    __asm__ volatile("cltd; idivl %1" : "+a"(quotient) : "r"(divisor) : "edx");
}

static void call_address(uintptr_t address) { ((void (*)(void))address)(); }

static void run_data(void) {
    static unsigned char code[] = {0xc3};
    call_address((uintptr_t)code);
}

static void run_the_stack(void) {
    volatile unsigned char code[1];
    *code = 0xc3;
    __asm__ volatile("call *%0" ::"r"(code) : "memory");
}

static void run_the_arena(void) {
    unsigned char *code = malloc(1);
    if (code) *code = 0xc3, call_address((uintptr_t)code);
}

static void illegal_instruction(void) { __asm__ volatile("ud2"); }
static void breakpoint(void) { __asm__ volatile("int3"); }
static void halt(void) { __asm__ volatile("hlt"); }
static void forbid_interrupts(void) { __asm__ volatile("cli"); }
static void write_a_port(void) { __asm__ volatile("outb %%al, $0x80" ::"a"(0)); }
static void read_the_clock(void) { __asm__ volatile("rdtsc" ::: "eax", "edx"); }
static void read_the_clock_and_processor(void) { __asm__ volatile("rdtscp" ::: "eax", "ecx", "edx"); }
static void read_a_counter(void) { __asm__ volatile("rdpmc" ::"c"(0) : "eax", "edx"); }
static void write_a_model_register(void) { __asm__ volatile("wrmsr" ::"c"(0x10), "a"(0), "d"(0)); }
static void change_the_page_table(void) { __asm__ volatile("mov %%rax, %%cr3" ::"a"(0)); }
static void call_a_hypervisor(void) { __asm__ volatile("int $0x81"); }

// Into code of 32 bits, where other rules hold: nothing of the image lies there.
static void change_to_32_bits(void) { __asm__ volatile("pushq $0x23; pushq $0x1000; lretq"); }

static void lose_the_stack(void) { __asm__ volatile("xorl %%esp, %%esp; pushq %%rax" ::: "memory"); }
static void return_nowhere(void) { __asm__ volatile("pushq $0; ret" ::: "memory"); }

// The gate is 16 bytes for each host function, of which the first 6 jump; the rest are breakpoints,
// and the jump's third byte, taken as an instruction, forbids interrupts.
static void jump_into_the_gate(void) { call_address((uintptr_t)lattice_ms_log + 2); }
static void jump_behind_the_gate(void) { call_address((uintptr_t)lattice_ms_log + 6); }

// Each flag of the processor's that makes it stop where it otherwise would not.
static void set_flags(uint64_t flags) {
    __asm__ volatile("pushfq; orq %0, (%%rsp); popfq" ::"r"(flags) : "memory", "cc");
}

static void step_by_step(void) { set_flags(1 << 8); }

static void fault_on_unaligned(void) {
    static volatile uint64_t words[2];
    set_flags(1 << 18);
    *(volatile uint64_t *)((uintptr_t)words + 1) = 1;
}

static void fault_on_fractions(void) {
    uint32_t all_unmasked = 0;
    volatile double one = 1, zero = 0;
    __asm__ volatile("ldmxcsr %0" ::"m"(all_unmasked));
    one = one / zero;
}

// ---- What goes on -----------------------------------------------------------------------------

// The direction in which strings are copied, left turned around for the cell.
static void turn_strings_around(void) {
    __asm__ volatile("std" ::: "cc");
    lattice_log(LATTICE_INFO, "strings run backwards");
}

// An exception of the x87 unit that is due, and one that SSE would raise, left for the cell.
static void leave_exceptions_due(void) {
    uint16_t unmasked = 0x0340;
    uint32_t sse_unmasked = 0;
    __asm__ volatile("fldcw %0; fld1; fldz; fdivrp; ldmxcsr %1" ::"m"(unmasked), "m"(sse_unmasked));
}

// The registers by which a C library finds its thread.
static void lose_the_thread(void) {
    // wrfsbase %rax; wrgsbase %rax, for which an assembler wants to be told of the processor.
    __asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0xae, 0xd0, 0xf3, 0x48, 0x0f, 0xae, 0xd8" ::"a"((uint64_t)8));
    lattice_log(LATTICE_INFO, "without a thread");
}

#endif
