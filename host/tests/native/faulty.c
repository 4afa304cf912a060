// A sim that faults in one of many ways when a message says which.
#include "sim.h"

static uint8_t buffer[256];
static volatile int zero;
static volatile uint32_t depth;

__attribute__((noinline)) static int fall(int from) {
    volatile char frame[4096];
    frame[0] = from;
    depth++;
    return fall(from + 1) + frame[0];
}

__attribute__((noinline)) static void fault(char how) {
    switch (how) {
    case 'w': *(volatile int *)(uintptr_t)0x10 = 1; break;
    case 'c': *(volatile char *)(uintptr_t)&fault = 1; break;
    case 'i': *(volatile char *)(uintptr_t)0x1000000100 = 1; break;
    case 'e': ((void (*)(void))(uintptr_t)buffer)(); break;
    case 'z': zero = (int)depth / zero; break;
    case 't': __builtin_trap();
    case 's': zero = fall(1); break;
    case 'l': for (;;) depth++;
    case 'b': for (;;) lattice_ms_log(2, "flood", 5);
    case 'p': for (;;) lattice_ms_event_peek();
    case 'a': for (;;) lattice_ms_config(buffer, sizeof buffer);
    case 'y': __asm__ volatile("syscall" : : "a"(39) : "rcx", "r11", "memory"); break;
    case 'q': zero = lattice_ms_broadcast((void *)(uintptr_t)0x10, 4, 0); break;
    }
}

EXPORTED void lattice_abi_v1(void) {}

EXPORTED int32_t lattice_sim_init(uint64_t seed, uint32_t tick_hz) { return 0; }

EXPORTED int32_t lattice_sim_tick(int64_t tick) {
    int32_t size;
    int32_t result = 0;
    while ((size = lattice_ms_event_next(buffer, sizeof buffer)) > 0) {
        const struct event *event = (const struct event *)buffer;
        if (event->type != MESSAGE)
            continue;
        char how = buffer[sizeof *event];
        lattice_ms_log(2, "before", 6);
        lattice_ms_broadcast("void", 4, 0);
        fault(how);
        result = how == 'd' ? -77 : 0;
    }
    return result;
}
