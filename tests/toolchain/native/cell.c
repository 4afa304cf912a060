// cell.c - loads the shared object of a sim and makes the calls that stand on stdin: cell SIM.so
//
// Owns: the surface, as a host that has no players. A line is a call, `name i|d` and up to three
// integers and two doubles as hexadecimal words, and is answered by the result's word; or
// `write HEX` to what `text_at` names, which is answered by nothing; or `read LEN`, by hexadecimal
// bytes. The sim's log lines are answered as `log TEXT`. Compiled without the sim's headers.
#include <dlfcn.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void lattice_ms_log(int32_t level, const void *text, uint32_t len) {
    (void)level;
    printf("log %.*s\n", (int)len, (const char *)text);
    fflush(stdout);
}
int32_t lattice_ms_event_peek(void) { return 0; }
int32_t lattice_ms_event_next(void *to, uint32_t room) { return (void)to, (void)room, 0; }
int32_t lattice_ms_broadcast(const void *data, uint32_t len, uint32_t flags) { return (void)data, (void)len, (void)flags, 0; }
int32_t lattice_ms_config(void *to, uint32_t room) { return (void)to, (void)room, 0; }
int32_t lattice_ms_gauge(const char *name, uint32_t len, double value) { return (void)name, (void)len, (void)value, 0; }

// The calling convention hands integers and doubles over in registers of their own, whatever their order.
typedef uint64_t (*integer_function)(uint64_t, uint64_t, uint64_t, double, double);
typedef double (*double_function)(uint64_t, uint64_t, uint64_t, double, double);

static double as_double(uint64_t word) {
    double x;
    memcpy(&x, &word, sizeof x);
    return x;
}

static uint64_t call(void *function, char kind, const uint64_t *words) {
    double x = as_double(words[3]), y = as_double(words[4]), result;
    uint64_t word;
    if (kind == 'i') return ((integer_function)function)(words[0], words[1], words[2], x, y);
    result = ((double_function)function)(words[0], words[1], words[2], x, y);
    memcpy(&word, &result, sizeof word);
    return word;
}

static char *text_of(void *sim) {
    void *text_at = dlsym(sim, "text_at");
    return text_at ? (char *)((integer_function)text_at)(0, 0, 0, 0, 0) : NULL;
}

static void write_text(char *to, const char *hex) {
    unsigned byte;
    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) *to++ = (char)byte;
}

static void read_text(const char *from, unsigned len) {
    for (; len > 0; --len) printf("%02x", (unsigned char)*from++);
    putchar('\n');
}

static int answer(void *sim, const char *line) {
    char name[64], kind;
    unsigned len;
    uint64_t words[5] = {0};
    if (strncmp(line, "write ", 6) == 0) return write_text(text_of(sim), line + 6), 0;
    if (sscanf(line, "read %u", &len) == 1) return read_text(text_of(sim), len), 0;
    int found = sscanf(line, "%63s %c %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64, name, &kind,
                       words, words + 1, words + 2, words + 3, words + 4);
    void *function = found >= 2 ? dlsym(sim, name) : NULL;
    if (function == NULL) return fprintf(stderr, "no such call: %s", line), 2;
    printf("%016" PRIx64 "\n", call(function, kind, words));
    fflush(stdout);
    return 0;
}

int main(int count, char **arguments) {
    static char line[8192];
    void *sim = count == 2 ? dlopen(arguments[1], RTLD_NOW) : NULL;
    if (sim == NULL) return fprintf(stderr, "%s\n", count == 2 ? dlerror() : "cell SIM.so"), 2;
    while (fgets(line, sizeof line, stdin)) {
        int status = answer(sim, line);
        if (status != 0) return status;
    }
    return 0;
}
