// lattice_managed.h - write a multiplayer game's server once; Lattice runs it in a sandbox. (C, C++)
//
// A sim is a WebAssembly module. The host calls it once per tick; everything from outside comes as
// events that the sim pulls, everything to players goes through the calls below. Nothing else
// exists: no files, no sockets, no clock, no randomness of the machine. So the same events give
// the same bytes, on every machine and again in a replay.
//
// A whole sim:
//
//     #include <lattice_managed.h>
//
//     LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) { return LATTICE_OK; }
//
//     LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
//         const lattice_event *event;
//         while ((event = lattice_next_event()) != NULL)
//             if (event->type == LATTICE_EVENT_MESSAGE)
//                 lattice_ms_send(event->player, lattice_event_payload(event), event->payload_len, 0);
//         return LATTICE_CONTINUE;
//     }
//
// Build it (one file or many, C or C++, clang 14 or newer with lld; no C library is needed):
//
//     clang --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined
//           -O2 -Iinclude -o game_sim.wasm game_sim.c
//
// Better, because a stack overflow then faults instead of overwriting your statics:
//
//     ... -Wl,--stack-first -Wl,-z,stack-size=1048576
//
// WHAT YOU EXPORT (each is declared below, so that a wrong signature does not compile)
//   lattice_sim_init      required; 0, or a fault code of your own
//   lattice_sim_tick      required; LATTICE_CONTINUE, LATTICE_FINISHED, or a fault below 0
//   lattice_sim_shutdown  optional; before a stop that was asked for; may send and log
//   lattice_sim_hash      optional; a digest of your state, so that desyncs are found at their tick
//   lattice_sim_save      optional; writes your state by lattice_ms_state_write, so that another
//                         version of the sim can take a running match over; 0, or a fault code
//   lattice_sim_load      optional; reads it back by lattice_ms_state_read, after
//                         lattice_sim_init; 0, or a fault code
// Include this header in the file that defines them: it also brings the version marker, the
// start-up code, and the memory functions that the compiler calls behind your back.
//
// TIME     is tick / tick_hz. Ticks are consecutive; tick_hz never changes in a match.
// PLAYERS  are small numbers that are never reused. Join comes at the first connection; leave when
//          the time for reconnecting has passed, or after a kick.
// BLOBS    cross as (pointer, length); the host copies before it returns, so a buffer may be reused.
//          Integers in events are little-endian, as in memory.
// LIMITS   are the operator's policy. Beyond them a call returns a code; it never crashes the sim.
//          By default: a tick may spend 50 million units of fuel (about as many wasm instructions)
//          and send 1,024 messages or 1 MiB; memory is 64 MiB.
// FAULTS   A trap, running out of fuel, or a negative return ends the match, and voids that tick.
//
// BESIDE THIS HEADER in the same folder: string.h, stdlib.h, math.h, stdio.h, assert.h and the like,
// with their C++ names. Use them on every target, never the system's: qsort, snprintf, sinf differ
// between libraries and would break the equality of the wasm sim and the native one.
// lattice_math.h states the accuracy of the functions in math.h.
// std::vector, std::string and the like are libc++'s: `lattice build` brings it to both programs.
//
// NATIVE  The same source builds as a native program for gdb and sanitizers, linked with
// liblattice_runner.a, which has the lattice_ms_* calls; `lattice build --native` does it, and
// `lattice verify` holds the two against each other. Its flags are
//     -ffp-contract=off -fno-math-errno -fsigned-char -fwrapv, and never -ffast-math.
// It also builds as a shared object, by the same command, which a server's native tier runs in a
// process that can do nothing: with -DLATTICE_CELL these headers have all of a C library that there
// is, as in wasm; LATTICE_BARE is defined where that is so.
//
// OPT OUT, before the include, of what you define yourself:
//     LATTICE_NO_LIBC      memcpy, malloc and the rest of the C library; implies the next one
//     LATTICE_NO_NEW       operator new and delete
#ifndef LATTICE_MANAGED_H
#define LATTICE_MANAGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lattice/target.h"

LATTICE_C_BEGIN

// ---- What the calls return, and an event's status carries. Negative is a refusal. ---------------

enum {
    LATTICE_OK = 0,
    LATTICE_INVALID = -1,         // a value outside its documented range
    LATTICE_BAD_POINTER = -2,     // (pointer, length) is not inside the sim's memory
    LATTICE_TOO_SMALL = -3,       // the buffer cannot hold the event, which stays queued
    LATTICE_NO_SUCH_PLAYER = -4,
    LATTICE_QUEUE_FULL = -5,      // this tick's quota, or a count for the match, is used up
    LATTICE_TOO_LARGE = -6,       // one thing above its limit in bytes
    LATTICE_NOT_NOW = -7,         // not in this phase: see "When" at the call
    LATTICE_HTTP_NOT_ALLOWED = -100,   // at once: not on the operator's list, so nothing was sent
    LATTICE_HTTP_RATE_LIMITED = -101,  // in the event: too many at once, so nothing was sent
    LATTICE_HTTP_BAD_REQUEST = -102,   // at once: method, URL, headers or size
    LATTICE_HTTP_TOO_MANY = -103,      // at once: first pull the responses of those in flight
    LATTICE_HTTP_FAILED = -104,        // in the event: no response; it may have been sent
    LATTICE_HTTP_TIMEOUT = -105        // in the event: no response in time; it may have been sent
};

// What lattice_sim_tick returns; below 0 is a fault that the sim declares.
enum { LATTICE_CONTINUE = 0, LATTICE_FINISHED = 1 };

enum { LATTICE_TRACE = 0, LATTICE_DEBUG = 1, LATTICE_INFO = 2, LATTICE_WARN = 3, LATTICE_ERROR = 4 };

// Flags of send and broadcast: a state update that the next one replaces may be dropped when the
// player's connection is slow. Without it a player who cannot keep up is disconnected.
enum { LATTICE_MAY_DROP = 1 };

enum {
    LATTICE_GET = 0, LATTICE_HEAD = 1, LATTICE_POST = 2, LATTICE_PUT = 3,
    LATTICE_PATCH = 4, LATTICE_DELETE = 5, LATTICE_OPTIONS = 6
};

// ---- Events -------------------------------------------------------------------------------------

enum {
    LATTICE_EVENT_JOIN = 1,     // player; payload: what the platform says of the player (a name)
    LATTICE_EVENT_LEAVE = 2,    // player; status: the reason
    LATTICE_EVENT_MESSAGE = 3,  // player; payload: what the player sent
    LATTICE_EVENT_HTTP = 4,     // id; status: the HTTP status or a code; payload: u32 length of the
                                // headers, the headers as "name: value\n" lines, the body: see
                                // lattice_event_http_headers and lattice_event_http_body
    LATTICE_EVENT_STOP = 5      // status: ticks left, then lattice_sim_shutdown
};

typedef struct lattice_event {
    uint16_t type;
    uint16_t flags;
    uint32_t payload_len;  // bytes that follow this header
    uint32_t player;
    uint32_t id;           // of the request that lattice_ms_http_request returned
    int32_t status;
    uint32_t zero;
} lattice_event;
LATTICE_STATIC_ASSERT(sizeof(lattice_event) == 24, "an event's header has 24 bytes");

// ---- What the host offers -----------------------------------------------------------------------

// Writes a line to the match's log. Level: LATTICE_TRACE to LATTICE_ERROR. When: always, but in hash.
// Lines are cut at 4 KiB; a tick has 64 KiB, and what is above is dropped and counted.
LATTICE_IMPORTED(lattice_ms_log)
void lattice_ms_log(int32_t level, const void *text, uint32_t len);

// The next event's size in bytes, its header included; 0 if there is none.
LATTICE_IMPORTED(lattice_ms_event_peek)
int32_t lattice_ms_event_peek(void);

// Copies the next event and removes it. Its size; 0 for none; LATTICE_TOO_SMALL leaves it queued.
// What a tick does not pull stays queued, in order.
LATTICE_IMPORTED(lattice_ms_event_next)
int32_t lattice_ms_event_next(void *buffer, uint32_t capacity);

// Queues a message for one player, or for all. LATTICE_NO_SUCH_PLAYER, _TOO_LARGE (256 KiB), or
// _QUEUE_FULL (the tick's quota). When: in tick and shutdown.
LATTICE_IMPORTED(lattice_ms_send)
int32_t lattice_ms_send(uint32_t player, const void *data, uint32_t len, uint32_t flags);
LATTICE_IMPORTED(lattice_ms_broadcast)
int32_t lattice_ms_broadcast(const void *data, uint32_t len, uint32_t flags);

// Removes a player at the end of the tick; leave is then the next tick's first event.
LATTICE_IMPORTED(lattice_ms_kick)
int32_t lattice_ms_kick(uint32_t player, int32_t reason);

// Asks the host to fetch a URL whose host and port the operator's allow-list names (by default:
// none). Method: LATTICE_GET to LATTICE_OPTIONS; headers: "name: value\n" lines. A request id above
// 0, or a refusal at once: LATTICE_HTTP_NOT_ALLOWED, _BAD_REQUEST, _TOO_MANY (8 in flight). The
// request leaves when the tick has ended well; what became of it comes as LATTICE_EVENT_HTTP in a
// later tick. A match that ends drops its requests: wait for the response before you finish.
// Redirects are not followed. When: in init and tick.
LATTICE_IMPORTED(lattice_ms_http_request)
int32_t lattice_ms_http_request(int32_t method, const char *url, uint32_t url_len, const char *headers,
                                uint32_t headers_len, const void *body, uint32_t body_len);

// The match's configuration: returns its whole size and copies at most `capacity` bytes.
LATTICE_IMPORTED(lattice_ms_config)
int32_t lattice_ms_config(void *buffer, uint32_t capacity);

// The match's result, for the platform (at most 64 KiB); the last one counts.
LATTICE_IMPORTED(lattice_ms_result)
int32_t lattice_ms_result(const void *data, uint32_t len);

// A figure that you want to see live: at most 64 names of at most 64 bytes.
LATTICE_IMPORTED(lattice_ms_gauge)
int32_t lattice_ms_gauge(const char *name, uint32_t name_len, double value);

// Appends to the saved state, at most 16 MiB in all; LATTICE_TOO_LARGE, and nothing is appended,
// beyond that. When: in lattice_sim_save only.
LATTICE_IMPORTED(lattice_ms_state_write)
int32_t lattice_ms_state_write(const void *data, uint32_t len);

// Copies the next bytes of the saved state, at most `capacity`; returns how many, and 0 at its end.
// When: in lattice_sim_load only.
LATTICE_IMPORTED(lattice_ms_state_read)
int32_t lattice_ms_state_read(void *buffer, uint32_t capacity);

// ---- What the sim offers: define these --------------------------------------------------------

#if defined(__cplusplus)
#define LATTICE_EXPORT extern "C"
#else
#define LATTICE_EXPORT
#endif

LATTICE_EXPORTED(lattice_sim_init) int32_t lattice_sim_init(int64_t seed, int32_t tick_hz);
LATTICE_EXPORTED(lattice_sim_tick) int32_t lattice_sim_tick(int64_t tick);
LATTICE_EXPORTED(lattice_sim_shutdown) void lattice_sim_shutdown(void);
LATTICE_EXPORTED(lattice_sim_hash) int64_t lattice_sim_hash(void);
LATTICE_EXPORTED(lattice_sim_save) int32_t lattice_sim_save(void);
LATTICE_EXPORTED(lattice_sim_load) int32_t lattice_sim_load(void);

LATTICE_C_END

#include "lattice/start.h"    // the marker and static constructors
#include "lattice/runtime.h"  // memcpy, malloc, operator new: what a compiler expects to be there
#include "lattice/event.h"    // lattice_next_event, lattice_event_payload
#include "lattice/log.h"      // lattice_log
#include "lattice/format.h"   // lattice_logf: printf's formats, in the match's log
#include "lattice/bytes.h"    // lattice_writer, lattice_reader: little-endian messages
#include "lattice/random.h"   // lattice_rng: a generator for the match's seed
#include "lattice/cast.h"     // lattice_i32_from_f64 and the like: float to integer, always defined
#include "lattice/hash.h"     // lattice_hash_u64 and the like, with canonical NaN

#endif
