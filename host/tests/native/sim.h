// What the sims of these tests need of the ABI, for wasm and for a shared object alike.
#pragma once

#include <stdint.h>

#ifdef __wasm__
#define IMPORTED(name) __attribute__((import_module("env"), import_name(#name)))
#else
#define IMPORTED(name)
#endif

#define EXPORTED __attribute__((visibility("default"), used))

IMPORTED(lattice_ms_log) void lattice_ms_log(int32_t level, const void *text, uint32_t len);
IMPORTED(lattice_ms_event_peek) int32_t lattice_ms_event_peek(void);
IMPORTED(lattice_ms_event_next) int32_t lattice_ms_event_next(void *buffer, uint32_t capacity);
IMPORTED(lattice_ms_send) int32_t lattice_ms_send(uint32_t player, const void *data, uint32_t len, uint32_t flags);
IMPORTED(lattice_ms_broadcast) int32_t lattice_ms_broadcast(const void *data, uint32_t len, uint32_t flags);
IMPORTED(lattice_ms_kick) int32_t lattice_ms_kick(uint32_t player, int32_t reason);
IMPORTED(lattice_ms_http_request) int32_t lattice_ms_http_request(
    int32_t method, const char *url, uint32_t url_len, const char *headers, uint32_t headers_len,
    const void *body, uint32_t body_len);
IMPORTED(lattice_ms_config) int32_t lattice_ms_config(void *buffer, uint32_t capacity);
IMPORTED(lattice_ms_result) int32_t lattice_ms_result(const void *data, uint32_t len);
IMPORTED(lattice_ms_gauge) int32_t lattice_ms_gauge(const char *name, uint32_t name_len, double value);
IMPORTED(lattice_ms_state_write) int32_t lattice_ms_state_write(const void *data, uint32_t len);
IMPORTED(lattice_ms_state_read) int32_t lattice_ms_state_read(void *buffer, uint32_t capacity);

struct event {
    uint16_t type, flags;
    uint32_t payload_len, player, id;
    int32_t status;
    uint32_t zero;
};

enum { JOIN = 1, LEAVE, MESSAGE, RESPONSE, STOP };
