// driver.c - plays one match with a sim that is compiled for this machine.
//
// Owns: the lattice_ms_* calls over a scripted list of events, the time that the ticks take, and
// the digest of what the sim queued. Never: a rule of the platform that the scripts don't meet, so
// no quotas and no leaves; every event and message is copied as the real host copies it.
//
// The script, little-endian and packed: i64 seed, u32 tick_hz, u32 size of the config, the config,
// u32 ticks; for each tick u32 events, and for each event u32 size and its bytes, header included.
// Prints: seconds in ticks, the digest in hexadecimal, and the most memory it had in KiB.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

int32_t lattice_sim_init(int64_t seed, int32_t tick_hz);
int32_t lattice_sim_tick(int64_t tick);

enum { OK = 0, TOO_SMALL = -3, NOT_NOW = -7, HTTP_NOT_ALLOWED = -100, TICK_BYTES = 1 << 20 };

static const uint32_t EVERYONE = UINT32_MAX;

static const uint8_t *script;  // what follows
static const uint8_t *config;
static uint32_t config_size;
static uint32_t events_left;   // of this tick
static uint8_t outbox[TICK_BYTES], line[TICK_BYTES], result[TICK_BYTES];
static uint32_t outbox_size;
static double gauges;

static uint32_t take_u32(void) {
    uint32_t value;
    memcpy(&value, script, sizeof value);
    script += sizeof value;
    return value;
}

static int64_t take_i64(void) {
    int64_t value;
    memcpy(&value, script, sizeof value);
    script += sizeof value;
    return value;
}

static void put(const void *bytes, uint32_t size) {
    if (size > TICK_BYTES - outbox_size) abort();
    memcpy(outbox + outbox_size, bytes, size);
    outbox_size += size;
}

static int32_t queue(uint32_t player, const void *data, uint32_t size, uint32_t flags) {
    uint32_t head[3] = {player, flags, size};
    put(head, sizeof head);
    put(data, size);
    return OK;
}

static int32_t keep(uint8_t *buffer, const void *data, uint32_t size) {
    if (size > TICK_BYTES) abort();
    memcpy(buffer, data, size);
    return OK;
}

// ---- What the sim calls ---------------------------------------------------------------------------

int32_t lattice_ms_event_peek(void) {
    uint32_t size;
    if (!events_left) return 0;
    memcpy(&size, script, sizeof size);
    return (int32_t)size;
}

int32_t lattice_ms_event_next(void *buffer, uint32_t capacity) {
    int32_t size = lattice_ms_event_peek();
    if (!size) return 0;
    if ((uint32_t)size > capacity) return TOO_SMALL;
    script += sizeof(uint32_t);
    memcpy(buffer, script, (size_t)size);
    script += size;
    events_left--;
    return size;
}

int32_t lattice_ms_send(uint32_t player, const void *data, uint32_t size, uint32_t flags) {
    return queue(player, data, size, flags);
}

int32_t lattice_ms_broadcast(const void *data, uint32_t size, uint32_t flags) {
    return queue(EVERYONE, data, size, flags);
}

int32_t lattice_ms_config(void *buffer, uint32_t capacity) {
    memcpy(buffer, config, config_size < capacity ? config_size : capacity);
    return (int32_t)config_size;
}

void lattice_ms_log(int32_t level, const void *text, uint32_t size) {
    (void)level;
    keep(line, text, size);
}

int32_t lattice_ms_result(const void *data, uint32_t size) { return keep(result, data, size); }

int32_t lattice_ms_gauge(const char *name, uint32_t size, double value) {
    gauges += value;
    return keep(line, name, size);
}

int32_t lattice_ms_kick(uint32_t player, int32_t reason) {
    fprintf(stderr, "player %u is kicked (%d), which no script asks for\n", player, reason);
    exit(1);
}

int32_t lattice_ms_http_request(int32_t method, const char *url, uint32_t url_len, const char *headers,
                                uint32_t headers_len, const void *body, uint32_t body_len) {
    (void)method, (void)url, (void)url_len, (void)headers, (void)headers_len, (void)body, (void)body_len;
    return HTTP_NOT_ALLOWED;
}

int32_t lattice_ms_state_write(const void *data, uint32_t size) {
    (void)data, (void)size;
    return NOT_NOW;
}

int32_t lattice_ms_state_read(void *buffer, uint32_t capacity) {
    (void)buffer, (void)capacity;
    return NOT_NOW;
}

// ---- The match ------------------------------------------------------------------------------------

static const uint8_t *read_all(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) return NULL;
    long size = ftell(file);
    uint8_t *bytes = size > 0 ? malloc((size_t)size) : NULL;
    rewind(file);
    if (bytes && fread(bytes, 1, (size_t)size, file) != (size_t)size) return NULL;
    fclose(file);
    return bytes;
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec * 1e-9;
}

// FNV-1a, over what the tick queued.
static uint64_t digest(uint64_t hash) {
    for (uint32_t i = 0; i < outbox_size; i++) hash = (hash ^ outbox[i]) * 0x100000001b3u;
    return hash;
}

static double timed_tick(int64_t tick) {
    double began = now();
    outbox_size = 0;
    events_left = take_u32();
    int32_t code = lattice_sim_tick(tick);
    double took = now() - began;
    if (code != 0 || events_left != 0) {
        fprintf(stderr, "tick %lld returned %d, %u events left\n", (long long)tick, code, events_left);
        exit(1);
    }
    return took;
}

int main(int count, char **words) {
    script = count == 2 ? read_all(words[1]) : NULL;
    if (!script) return fprintf(stderr, "usage: %s SCRIPT\n", words[0]), 2;
    int64_t seed = take_i64();
    int32_t tick_hz = (int32_t)take_u32();
    config_size = take_u32();
    config = script;
    script += config_size;
    if (lattice_sim_init(seed, tick_hz) != 0) return fprintf(stderr, "init failed\n"), 1;
    uint32_t ticks = take_u32();
    uint64_t hash = 0xcbf29ce484222325u;
    double seconds = 0;
    for (uint32_t tick = 0; tick < ticks; tick++) {
        seconds += timed_tick(tick);
        hash = digest(hash);
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("%.9f %016llx %ld\n", seconds, (unsigned long long)hash, used.ru_maxrss);
    return 0;
}
