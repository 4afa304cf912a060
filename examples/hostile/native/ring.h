// ring.h - the cell's own memory, found by following the gate, and the ring that its host reads.
//
// Owns: attacks by a sim that has understood the cell: it hands turns over by itself, lies in them,
// computes on between them, and overwrites what the cell works with. The ring's first page is
// written down once more here, as whoever attacks would have to.
#ifndef ATTACK_RING_H
#define ATTACK_RING_H

#include <lattice_managed.h>

#include "calls.h"

// The ring's first page.
typedef struct {
    volatile uint32_t to_cell, to_host, host_sleeps, request, phase;
    volatile uint64_t entry, arguments[2];
    volatile uint32_t answer, players, event_bytes, more_events;
    volatile uint32_t turn, outlet_bytes;
    volatile int64_t returned;
    volatile uint32_t barriers, function;
    volatile uint64_t asked[7];
    volatile uint32_t signal, signal_code;
    volatile uint64_t address, instruction;
} control_page;

enum { TURN_READY = 1, TURN_FLUSH = 3, TURN_EVENTS = 4, TURN_ASK = 5, TURN_RETURNED = 6 };

// ---- Finding them -----------------------------------------------------------------------------

static int32_t displacement(const unsigned char *at) {
    int32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

// Where the gate's jump for this host function leads: into the cell's own code.
static const unsigned char *behind_the_gate(void) {
    const unsigned char *gate = (const unsigned char *)(uintptr_t)lattice_ms_log;
    return *(const unsigned char *const *)(gate + 6 + displacement(gate + 2));
}

// Where the cell keeps the sim's stack pointer, ahead of which it keeps its own: its code there stores
// the first.
static uint64_t *stack_pointers_of_the_cell(void) {
    const unsigned char *code = behind_the_gate() + 5; // mov $place, %eax
    code += *code == 0xe9 ? 5 + displacement(code + 1) : 2 + (signed char)code[1];
    for (size_t at = 0; at < 64; ++at)
        if (code[at] == 0x48 && code[at + 1] == 0x89 && code[at + 2] == 0x25)
            return (uint64_t *)(uintptr_t)(code + at + 7 + displacement(code + at + 3));
    lattice_log(LATTICE_ERROR, "the cell's statics are not found");
    return NULL;
}

// The page that they are in.
static uint64_t *statics_of_the_cell(void) {
    return (uint64_t *)((uintptr_t)stack_pointers_of_the_cell() & ~(uintptr_t)4095);
}

static bool is_control(uint64_t address) {
    bool could_be = address >> 40 >= 0x70 && address >> 47 == 0 && address % 4096 == 0;
    return could_be && ((const control_page *)address)->entry == (uintptr_t)lattice_sim_tick;
}

// Through each of the cell's statics that points to something, to a page that names this sim's tick.
static control_page *find_control(void) {
    const uint64_t *statics = statics_of_the_cell();
    for (size_t i = 0; statics && i < 512; ++i) {
        if (statics[i] >> 40 < 0x50 || statics[i] >> 47 != 0 || statics[i] % 8 != 0) continue;
        const uint64_t *thing = (const uint64_t *)statics[i];
        for (size_t at = 0; at < 32 && ((uintptr_t)(thing + at) & 4095) <= 4088; ++at) {
            if (is_control(thing[at])) return (control_page *)thing[at];
            if (((uintptr_t)(thing + at + 1) & 4095) == 0) break;
        }
    }
    lattice_log(LATTICE_ERROR, "the ring is not found");
    return NULL;
}

// ---- Turns of its own -------------------------------------------------------------------------

// Has the host take what was logged so far, and gives the ring.
static control_page *found(void) {
    lattice_ms_config(NULL, 0);
    return find_control();
}

// The two calls that the filter lets through, as the cell makes them.
static void wake_host(control_page *ring) {
    system_call(202, (int64_t[6]){(int64_t)&ring->to_host, 1, 1});
}

static void wait_for_host(control_page *ring, uint32_t seen) {
    system_call(202, (int64_t[6]){(int64_t)&ring->to_cell, 0, seen});
}

static void hand_over(control_page *ring, uint32_t turn) {
    ring->turn = turn;
    __atomic_fetch_add(&ring->to_host, 1, __ATOMIC_SEQ_CST);
    wake_host(ring);
}

// Hands over a turn in which it says what it likes, and waits as if nothing were wrong.
static void lie(control_page *ring, uint32_t turn) {
    uint32_t seen = ring->to_cell;
    hand_over(ring, turn);
    for (;;) wait_for_host(ring, seen);
}

static void hand_over_no_turn(void) {
    control_page *ring = found();
    if (ring) lie(ring, 77);
}

static void begin_anew(void) {
    control_page *ring = found();
    if (ring) lie(ring, TURN_READY);
}

static void flush_nothing(void) {
    control_page *ring = found();
    if (ring) ring->outlet_bytes = 0, lie(ring, TURN_FLUSH);
}

static void want_events_again(void) {
    control_page *ring = found();
    if (ring) ring->outlet_bytes = 0, lie(ring, TURN_EVENTS);
}

static void ask_for_no_function(void) {
    control_page *ring = found();
    if (ring) ring->outlet_bytes = 0, ring->function = 99, lie(ring, TURN_ASK);
}

static void overstate_the_outlet(void) {
    control_page *ring = found();
    if (ring) ring->outlet_bytes = 0xffffffff, lie(ring, TURN_RETURNED);
}

// A turn that the host takes for the tick's end, while the sim computes on for good.
static void keep_the_next_turn(void) {
    control_page *ring = found();
    if (!ring) return;
    ring->outlet_bytes = 0;
    ring->returned = 0;
    hand_over(ring, TURN_RETURNED);
    for (;;) __asm__ volatile("");
}

// The same in every tick, which is over at once for the host; the sim computes from one to the next.
static void compute_between_ticks(void) {
    control_page *ring = found();
    while (ring) {
        uint32_t seen = ring->to_cell;
        ring->outlet_bytes = 0;
        ring->returned = 0;
        hand_over(ring, TURN_RETURNED);
        while (ring->to_cell == seen) __asm__ volatile("pause");
    }
}

// Waits for a turn that it was given already.
static void wait_for_nothing(void) {
    control_page *ring = found();
    while (ring) wait_for_host(ring, ring->to_cell);
}

// What the cell's handler would write for another fault, and its exit.
static void make_up_a_fault(void) {
    control_page *ring = found();
    if (!ring) return;
    ring->signal = 8;
    ring->signal_code = 1;
    ring->instruction = (uintptr_t)lattice_sim_init;
    system_call(231, (int64_t[6]){1});
}

static void make_up_a_signal(void) {
    control_page *ring = found();
    if (!ring) return;
    ring->signal = 4711;
    system_call(231, (int64_t[6]){1});
}

static void end_the_process(void) { system_call(231, (int64_t[6]){0}); }

// ---- The cell's own memory --------------------------------------------------------------------

// All that the host reads without asking, and then a return as if nothing were wrong.
static void scribble_over_the_ring(void) {
    control_page *ring = found();
    if (ring) memset((void *)ring, 0xff, sizeof *ring);
}

static void lose_the_cells_stack(void) {
    uint64_t *sim = stack_pointers_of_the_cell();
    if (sim) sim[-1] = 8;
    lattice_ms_event_peek();
}

// The stack pointers, the sim's own record and what the handler tells in.
static void scribble_over_the_cell(void) {
    uint64_t *statics = statics_of_the_cell();
    lattice_ms_config(NULL, 0);
    if (statics) memset(statics, 0xff, 4096);
    lattice_ms_event_peek();
}

static void jump_into_the_cell(void) {
    const unsigned char *code = behind_the_gate() + 1;
    __asm__ volatile("xorl %%eax, %%eax; callq *%0" ::"r"(code) : "rax", "memory");
}

#endif
