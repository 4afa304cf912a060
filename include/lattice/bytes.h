// lattice/bytes.h - writing and reading little-endian messages, bounds checked.
//
// Owns: the two cursors. Never: allocates. A put beyond the end writes nothing and a get beyond the
// end returns 0; both set `failed`, so that one check after the last field is enough:
//
//     uint8_t bytes[64];
//     lattice_writer w = lattice_write_to(bytes, sizeof bytes);
//     lattice_put_u8(&w, KIND_STATE);
//     lattice_put_f32(&w, ball.x);
//     if (!w.failed) lattice_ms_broadcast(bytes, lattice_written(&w), LATTICE_MAY_DROP);
#ifndef LATTICE_BYTES_H
#define LATTICE_BYTES_H

#include <stddef.h>

#include "cast.h"

typedef struct lattice_writer { uint8_t *start, *at, *end; bool failed; } lattice_writer;
typedef struct lattice_reader { const uint8_t *at, *end; bool failed; } lattice_reader;

static inline lattice_writer lattice_write_to(void *buffer, uint32_t capacity) {
    lattice_writer w = {(uint8_t *)buffer, (uint8_t *)buffer, (uint8_t *)buffer + capacity, false};
    return w;
}

// Bytes written so far.
static inline uint32_t lattice_written(const lattice_writer *w) { return (uint32_t)(w->at - w->start); }

static inline lattice_reader lattice_read_from(const void *data, uint32_t len) {
    lattice_reader r = {(const uint8_t *)data, (const uint8_t *)data + len, false};
    return r;
}

// Bytes not read yet.
static inline uint32_t lattice_unread(const lattice_reader *r) { return (uint32_t)(r->end - r->at); }

// Advances over `len` bytes and returns where they begin, or NULL if so many are not there.
static inline uint8_t *lattice_put_room(lattice_writer *w, uint32_t len) {
    uint8_t *at = w->at;
    if (w->failed || (size_t)(w->end - at) < len) { w->failed = true; return NULL; }
    w->at += len;
    return at;
}
static inline const uint8_t *lattice_get_bytes(lattice_reader *r, uint32_t len) {
    const uint8_t *at = r->at;
    if (r->failed || (size_t)(r->end - at) < len) { r->failed = true; return NULL; }
    r->at += len;
    return at;
}

static inline void lattice_put_le(lattice_writer *w, uint64_t value, uint32_t len) {
    uint8_t *at = lattice_put_room(w, len);
    for (uint32_t i = 0; at != NULL && i < len; ++i) at[i] = (uint8_t)(value >> (8 * i));
}
static inline uint64_t lattice_get_le(lattice_reader *r, uint32_t len) {
    const uint8_t *at = lattice_get_bytes(r, len);
    uint64_t value = 0;
    for (uint32_t i = 0; at != NULL && i < len; ++i) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static inline void lattice_put_u8(lattice_writer *w, uint8_t v) { lattice_put_le(w, v, 1); }
static inline void lattice_put_u16(lattice_writer *w, uint16_t v) { lattice_put_le(w, v, 2); }
static inline void lattice_put_u32(lattice_writer *w, uint32_t v) { lattice_put_le(w, v, 4); }
static inline void lattice_put_u64(lattice_writer *w, uint64_t v) { lattice_put_le(w, v, 8); }
static inline void lattice_put_i32(lattice_writer *w, int32_t v) { lattice_put_le(w, (uint32_t)v, 4); }
static inline void lattice_put_i64(lattice_writer *w, int64_t v) { lattice_put_le(w, (uint64_t)v, 8); }
// Floats are written with canonical NaN: a NaN's other bits differ between targets.
static inline void lattice_put_f32(lattice_writer *w, float v) { lattice_put_le(w, lattice_bits_f32(v), 4); }
static inline void lattice_put_f64(lattice_writer *w, double v) { lattice_put_le(w, lattice_bits_f64(v), 8); }
static inline void lattice_put_bytes(lattice_writer *w, const void *data, uint32_t len) {
    uint8_t *at = lattice_put_room(w, len);
    for (uint32_t i = 0; at != NULL && i < len; ++i) at[i] = ((const uint8_t *)data)[i];
}

static inline uint8_t lattice_get_u8(lattice_reader *r) { return (uint8_t)lattice_get_le(r, 1); }
static inline uint16_t lattice_get_u16(lattice_reader *r) { return (uint16_t)lattice_get_le(r, 2); }
static inline uint32_t lattice_get_u32(lattice_reader *r) { return (uint32_t)lattice_get_le(r, 4); }
static inline uint64_t lattice_get_u64(lattice_reader *r) { return lattice_get_le(r, 8); }
static inline int32_t lattice_get_i32(lattice_reader *r) { return (int32_t)lattice_get_le(r, 4); }
static inline int64_t lattice_get_i64(lattice_reader *r) { return (int64_t)lattice_get_le(r, 8); }
static inline float lattice_get_f32(lattice_reader *r) { return lattice_f32_of_bits(lattice_get_u32(r)); }
static inline double lattice_get_f64(lattice_reader *r) { return lattice_f64_of_bits(lattice_get_u64(r)); }

#endif
