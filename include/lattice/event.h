// lattice/event.h - pulling events without a buffer of your own.
//
// Owns: one growing buffer for the event at hand. Never: decides what an event means.
#ifndef LATTICE_EVENT_H
#define LATTICE_EVENT_H

#include <stdlib.h>

LATTICE_C_BEGIN

// The next event of this tick, with its payload behind it, or NULL if there is none. Valid until
// the next call.
const lattice_event *lattice_next_event(void);

// The payload: event->payload_len bytes, aligned to 8.
static inline const uint8_t *lattice_event_payload(const lattice_event *event) {
    return (const uint8_t *)(event + 1);
}

// Whether the payload is exactly this text.
static inline bool lattice_event_is(const lattice_event *event, const char *text) {
    const uint8_t *payload = lattice_event_payload(event);
    uint32_t i = 0;
    while (i < event->payload_len && text[i] != 0 && payload[i] == (uint8_t)text[i]) ++i;
    return i == event->payload_len && text[i] == 0;
}

// A response's headers, and through `len` their length in bytes. For LATTICE_EVENT_HTTP with a
// status above 0.
static inline const char *lattice_event_http_headers(const lattice_event *event, uint32_t *len) {
    const uint8_t *payload = lattice_event_payload(event);
    uint32_t room = event->payload_len < 4 ? 0 : event->payload_len - 4;
    uint32_t stated = room == 0 ? 0 : *(const uint32_t *)(const void *)payload;
    *len = stated < room ? stated : room;
    return (const char *)payload + 4;
}

// A response's body, and through `len` its length in bytes.
static inline const uint8_t *lattice_event_http_body(const lattice_event *event, uint32_t *len) {
    uint32_t headers_len;
    const char *headers = lattice_event_http_headers(event, &headers_len);
    *len = event->payload_len < 4 ? 0 : event->payload_len - 4 - headers_len;
    return (const uint8_t *)headers + headers_len;
}

LATTICE_WEAK const lattice_event *lattice_next_event(void) {
    static void *buffer;
    static uint32_t capacity;
    uint32_t size = (uint32_t)lattice_ms_event_peek();
    if (size == 0) return NULL;
    if (size > capacity) {
        free(buffer);
        capacity = size < 4096 ? 4096 : size;
        buffer = malloc(capacity);
        if (buffer == NULL) abort();
    }
    return lattice_ms_event_next(buffer, capacity) > 0 ? (const lattice_event *)buffer : NULL;
}

LATTICE_C_END

#endif
