// limits.h - eating: memory, and all that a host call takes or can be lied to about.
//
// Owns: attacks that end at a limit, or that go on and get no further.
#ifndef ATTACK_LIMITS_H
#define ATTACK_LIMITS_H

#include <lattice_managed.h>

// Every page that the sim may write: arena, statics and stack.
static void eat_memory(void) {
    static volatile unsigned char statics[1 << 20];
    volatile unsigned char stack[768 << 10];
    uint32_t pieces = 0;
    // Volatile, so that the compiler takes none of it away.
    volatile unsigned char *volatile piece;
    while ((piece = malloc(64 << 10)) != NULL) {
        for (size_t at = 0; at < 64 << 10; at += 4096) piece[at] = 0x5a;
        ++pieces;
    }
    for (size_t at = 0; at < sizeof statics; at += 4096) statics[at] = 0x5a;
    for (size_t at = 0; at < sizeof stack; at += 4096) stack[at] = 0x5a;
    lattice_logf(LATTICE_INFO, "%u pieces, and no more", (unsigned)pieces);
}

static void send_forever(void) {
    static char message[1024];
    for (;;) lattice_ms_broadcast(message, sizeof message, 0);
}

static void log_forever(void) {
    for (;;) lattice_log(LATTICE_INFO, "more, and more, and more");
}

static void peek_forever(void) {
    for (;;) lattice_ms_event_peek();
}

static void ask_forever(void) {
    for (;;) lattice_ms_gauge("g", 1, 1.0);
}

static void fetch_forever(void) {
    for (;;) lattice_ms_http_request(0, "https://example.com/", 20, NULL, 0, NULL, 0);
}

// Pointers to nowhere, lengths of 4 GiB, ranges over each other, and answers wanted in code.
static void hand_over_nonsense(void) {
    const uint32_t all = 0xffffffff;
    static char here[256];
    const char *nowhere = (const char *)(uintptr_t)0x10;
    char *code = (char *)(uintptr_t)lattice_sim_tick;
    int32_t answers[] = {
        lattice_ms_broadcast(nowhere, 64, 0),
        lattice_ms_broadcast(here, all, 0),
        lattice_ms_broadcast(here, 1, all),
        lattice_ms_send(all, here, 1, 0),
        lattice_ms_result(here, all),
        lattice_ms_config(code, 16),
        lattice_ms_config(here, all),
        lattice_ms_gauge(here, all, 1.0),
        lattice_ms_state_write(here, 1),
        lattice_ms_http_request(0, here, all, here, all, here, all),
        lattice_ms_http_request(all, here, 8, here + 4, 8, here, 8),
    };
    lattice_ms_log(0x7fffffff, here, all);
    char text[256] = "answered";
    for (size_t i = 0; i < sizeof answers / sizeof *answers; ++i)
        snprintf(text + strlen(text), sizeof text - strlen(text), " %d", (int)answers[i]);
    lattice_log(LATTICE_INFO, text);
}

#endif
