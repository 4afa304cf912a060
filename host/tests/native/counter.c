// A sim whose state is in its data, in memory that it was given, and in pointers between them. In
// each tick it pulls all events, broadcasts each as it got it, and then a frame of 64 bytes: the tick,
// two sums over all that it saw (one a float), and its version. A message that begins with `k` kicks
// its sender, `f` finishes the match, `r` sets the message as the result, `g` sets the gauge of that
// name, `h` fetches that URL, `l` logs it, `n` keeps a node of it.
#include "sim.h"

#ifndef VERSION
#define VERSION 1
#endif

struct node {
    struct node *before;
    uint64_t sum;
};

#ifdef __wasm__
static struct node room[100000];
#else
EXPORTED struct { struct node *begin; uint64_t size; } lattice_arena;
#endif

static uint64_t sum = 1;
static double root = 0.5;
static struct node *last;
static uint32_t nodes;
static uint8_t buffer[66000];
static char config[8];
static int32_t config_size = -1;

static void keep(void) {
#ifndef __wasm__
    struct node *room = lattice_arena.begin;
#endif
    struct node *node = &room[1000 * nodes++];
    node->before = last;
    node->sum = sum;
    last = node;
}

static void obey(const struct event *event, const char *text, uint32_t len) {
    switch (text[0]) {
    case 'k': sum += lattice_ms_kick(event->player, 5); break;
    case 'r': sum += lattice_ms_result(text, len); break;
    case 'g': sum += lattice_ms_gauge(text, len, root); break;
    case 'h': sum += (uint32_t)lattice_ms_http_request(0, text, len, 0, 0, 0, 0); break;
    case 'l': lattice_ms_log(2, text, len); break;
    case 'n': keep(); break;
    case 's': sum += (uint32_t)lattice_ms_send(event->player, text, len, 0); break;
    case 'x': sum += (uint32_t)lattice_ms_send(event->player + 1000, text, len, 0); break;
    case 'b': sum += (uint32_t)lattice_ms_broadcast(text, len, 2); break;
    }
}

#ifndef __wasm__
__attribute__((constructor)) static void construct(void) {
    config_size = lattice_ms_config(config, sizeof config);
}
#else
EXPORTED void _initialize(void) {
    config_size = lattice_ms_config(config, sizeof config);
}
#endif

EXPORTED void lattice_abi_v1(void) {}

EXPORTED int32_t lattice_sim_init(uint64_t seed, uint32_t tick_hz) {
    sum += seed * tick_hz + config_size + config[0];
    return 0;
}

EXPORTED int32_t lattice_sim_tick(int64_t tick) {
    int over = 0;
    int32_t size;
    while ((size = lattice_ms_event_next(buffer, sizeof buffer)) > 0) {
        const struct event *event = (const struct event *)buffer;
        const char *text = (const char *)(event + 1);
        sum = sum * 31 + (uint32_t)lattice_ms_event_peek() + event->type;
        lattice_ms_broadcast(buffer, size, 0);
        if (event->type == MESSAGE && event->payload_len > 0) {
            obey(event, text, event->payload_len);
            over |= text[0] == 'f';
        }
        if (event->type == RESPONSE)
            sum += event->status;
    }
    for (const struct node *node = last; node; node = node->before)
        sum += node->sum;
    root = root * 0.75 + (double)(sum >> 40) / 3;
    sum = sum * 31 + tick;
    struct { int64_t tick; uint64_t sum; double root; uint64_t version; uint64_t zeros[4]; } frame = {tick, sum, root, VERSION};
    lattice_ms_broadcast(&frame, sizeof frame, 0);
    return over;
}

EXPORTED int64_t lattice_sim_hash(void) { return sum; }

EXPORTED void lattice_sim_shutdown(void) { lattice_ms_broadcast("goodbye", 7, 0); }

EXPORTED int32_t lattice_sim_save(void) {
    return lattice_ms_state_write(&sum, sizeof sum) || lattice_ms_state_write(&root, sizeof root);
}

EXPORTED int32_t lattice_sim_load(void) {
    int32_t read = lattice_ms_state_read(&sum, sizeof sum);
    return read + lattice_ms_state_read(&root, sizeof root) != sizeof sum + sizeof root;
}
