// attack.c - every way out of a cell that we know, one a match.
//
// A player names the attack in a message of two lines: the line `Seccomp:` of the cell's own
// /proc/PID/status as whoever asks has just read it, and the attack's name. The program refuses
// unless the line says that the filter stands (mode 2), and it compiles for the native tier alone,
// so that nobody runs it by mistake where it could do harm. No attack aims at another process.
//
// Must get: the match ended with the fault that README.md lists for the attack, or, for those that
// only eat, the match at its limits. The host and its other matches do not notice.
#include <lattice_managed.h>

#if !defined(LATTICE_CELL) || !defined(__x86_64__)
#error "attack.c runs in a cell and nowhere else: lattice build --native makes attack.so of it"
#endif

// ---- Ways to call the system ------------------------------------------------------------------

// Says that the call came back: in a cell, none does.
static void came_back(const char *name, int64_t result) {
    lattice_logf(LATTICE_ERROR, "%s came back with %lld", name, (long long)result);
}

static int64_t system_call(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e) {
    register int64_t r10 __asm__("r10") = d;
    register int64_t r8 __asm__("r8") = e;
    register int64_t r9 __asm__("r9") = 0;
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

// The numbers of Linux on x86-64.
typedef struct {
    const char *name;
    int64_t number;
    int64_t arguments[5];
} forbidden_call;

static char root_folder[] = "/";
static char shell[] = "/bin/sh";
static uint64_t zeros[16];

static const forbidden_call forbidden_calls[] = {
    {"read", 0, {0, (int64_t)zeros, 1}},
    {"write", 1, {1, (int64_t)root_folder, 1}},
    {"openat", 257, {-100, (int64_t)root_folder, 0}},
    {"mmap", 9, {0, 4096, 7, 0x22, -1}},
    {"mprotect", 10, {0x1000000000, 4096, 7}},
    {"munmap", 11, {0x1000000000, 4096}},
    {"rt_sigaction", 13, {11, 0, (int64_t)zeros, 8}},
    {"rt_sigreturn", 15, {0}},
    {"ioctl", 16, {0, 0x5401, (int64_t)zeros}},
    {"getpid", 39, {0}},
    {"socket", 41, {2, 1, 0}},
    {"sendmsg", 46, {3, (int64_t)zeros}},
    {"clone", 56, {17, 0}},
    {"fork", 57, {0}},
    {"vfork", 58, {0}},
    {"execve", 59, {(int64_t)shell, (int64_t)zeros, (int64_t)zeros}},
    {"exit", 60, {0}},
    {"kill", 62, {1, 0}},
    {"ptrace", 101, {0, 0, 0, 0}},
    {"personality", 135, {0xffffffff}},
    {"mount", 165, {(int64_t)root_folder, (int64_t)root_folder, 0, 4096}},
    {"prctl", 157, {38, 0, 0, 0, 0}},
    {"arch_prctl", 158, {0x1002, 0}},
    {"init_module", 175, {(int64_t)zeros, 0, (int64_t)root_folder}},
    {"clock_gettime", 228, {0, (int64_t)zeros}},
    {"tgkill", 234, {1, 1, 0}},
    {"unshare", 272, {0x10000000}},
    {"perf_event_open", 298, {(int64_t)zeros, 0, -1, -1, 0}},
    {"process_vm_readv", 310, {1, (int64_t)zeros, 0, (int64_t)zeros, 0}},
    {"seccomp", 317, {0, 0, 0}},
    {"memfd_create", 319, {(int64_t)root_folder, 0}},
    {"bpf", 321, {0, (int64_t)zeros, 72}},
    {"execveat", 322, {4, (int64_t)root_folder, 0, 0, 0x1000}},
    {"userfaultfd", 323, {0}},
    {"pidfd_open", 434, {1, 0}},
    {"io_uring_setup", 425, {1, (int64_t)zeros}},
    {"clone3", 435, {(int64_t)zeros, 64}},
    {"landlock_create_ruleset", 444, {0, 0, 1}},
    // A futex call is let through only as the cell itself makes it.
    {"futex_elsewhere", 202, {(int64_t)zeros, 0, 0, 0}},
    {"futex_requeue", 202, {(int64_t)zeros, 4, 1, 1, (int64_t)zeros}},
    // The x32 interface: the same calls with bit 30 set.
    {"x32_write", 0x40000000 + 1, {1, (int64_t)root_folder, 1}},
    {"x32_exit_group", 0x40000000 + 231, {0}},
    {"number_that_is_none", 0x7fffffff, {0}},
};

// ---- Ways to break what the processor guards --------------------------------------------------

static void loop_forever(void) {
    for (;;) __asm__ volatile("");
}

__attribute__((noinline)) static int recurse(volatile char *last) {
    volatile char frame[4096];
    frame[0] = *last;
    return recurse(frame) + frame[0];
}

static void overflow_the_stack(void) {
    volatile char first = 1;
    came_back("recursion", recurse(&first));
}

static void write_wildly(void) { *(volatile int *)0xdeadbeef000 = 1; }
static void write_to_code(void) { *(volatile int *)(uintptr_t)lattice_sim_tick = 1; }
static void read_the_kernel(void) { (void)*(volatile int *)0xffffffff80000000; }
static void read_null(void) {
    volatile uintptr_t nowhere = 8;
    (void)*(volatile int *)nowhere;
}

static void divide_by_zero(void) {
    int32_t quotient = 1, zero = 0;
    __asm__ volatile("cltd; idivl %1" : "+a"(quotient) : "r"(zero) : "edx");
}

static void run_data(void) {
    static unsigned char code[] = {0xc3};
    ((void (*)(void))(uintptr_t)code)();
}

static void run_the_stack(void) {
    volatile unsigned char code[] = {0xc3};
    ((void (*)(void))(uintptr_t)code)();
}

static void illegal_instruction(void) { __asm__ volatile("ud2"); }
static void breakpoint(void) { __asm__ volatile("int3"); }
static void halt(void) { __asm__ volatile("hlt"); }
static void read_the_clock(void) { __asm__ volatile("rdtsc" ::: "eax", "edx"); }
static void call_vsyscall(void) {
    int64_t (*time)(int64_t *) = (int64_t (*)(int64_t *))0xffffffffff600400;
    came_back("vsyscall", time(NULL));
}
static void interrupt_80(void) {
    int32_t result;
    // Number 20 is getpid there.
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    came_back("int80", result);
}
static void lose_the_stack(void) { __asm__ volatile("xorl %%esp, %%esp; pushq %%rax" ::: "memory"); }

// ---- Ways to eat ------------------------------------------------------------------------------

static void eat_memory(void) {
    uint32_t pieces = 0;
    void *piece;
    while ((piece = malloc(64 << 10)) != NULL) {
        memset(piece, 0x5a, 64 << 10);
        ++pieces;
    }
    lattice_logf(LATTICE_INFO, "%u pieces of 64 KiB, and no more", (unsigned)pieces);
}

static void send_forever(void) {
    static char message[1024];
    for (;;) lattice_ms_broadcast(message, sizeof message, 0);
}

static void log_forever(void) {
    for (;;) lattice_log(LATTICE_INFO, "more, and more, and more");
}

static void ask_forever(void) {
    for (;;) lattice_ms_gauge("g", 1, 1.0);
}

static void hand_over_nonsense(void) {
    const void *nowhere = (const void *)(uintptr_t)0x10;
    int32_t sent = lattice_ms_broadcast(nowhere, 64, 0);
    int32_t long_one = lattice_ms_broadcast(root_folder, 0xffffffff, 0);
    int32_t config = lattice_ms_config((void *)lattice_sim_tick, 16);
    int32_t url = lattice_ms_http_request(0, (const char *)nowhere, 64, NULL, 0, NULL, 0);
    lattice_logf(LATTICE_INFO, "answered %d %d %d %d", sent, long_one, config, url);
}

typedef struct {
    const char *name;
    void (*run)(void);
} deed;

static const deed deeds[] = {
    {"loop", loop_forever},
    {"recursion", overflow_the_stack},
    {"wild_write", write_wildly},
    {"code_write", write_to_code},
    {"kernel_read", read_the_kernel},
    {"null_read", read_null},
    {"divide", divide_by_zero},
    {"data_run", run_data},
    {"stack_run", run_the_stack},
    {"ud2", illegal_instruction},
    {"int3", breakpoint},
    {"hlt", halt},
    {"rdtsc", read_the_clock},
    {"vsyscall", call_vsyscall},
    {"int80", interrupt_80},
    {"stack_lost", lose_the_stack},
    {"eat", eat_memory},
    {"sends", send_forever},
    {"logs", log_forever},
    {"asks", ask_forever},
    {"nonsense", hand_over_nonsense},
};

// ---- The match --------------------------------------------------------------------------------

// The filter's mode as the kernel tells it, in the order's first line.
static const char permission[] = "Seccomp:\t2\n";

// What follows `start` in the text, or NULL if it does not begin so.
static const char *after(const char *text, const char *start) {
    while (*start && *text == *start) ++text, ++start;
    return *start ? NULL : text;
}

static void carry_out(const char *order) {
    const char *name = after(order, permission);
    if (name == NULL) {
        lattice_log(LATTICE_ERROR, "refused: no word that the filter stands");
        return;
    }
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; ++i)
        if (strcmp(deeds[i].name, name) == 0) {
            lattice_logf(LATTICE_INFO, "now %s", name);
            deeds[i].run();
            return;
        }
    for (size_t i = 0; i < sizeof forbidden_calls / sizeof *forbidden_calls; ++i)
        if (strcmp(forbidden_calls[i].name, name) == 0) {
            const int64_t *it = forbidden_calls[i].arguments;
            lattice_logf(LATTICE_INFO, "now %s", name);
            came_back(name, system_call(forbidden_calls[i].number, it[0], it[1], it[2], it[3], it[4]));
            return;
        }
    lattice_logf(LATTICE_ERROR, "refused: there is no attack %s", name);
}

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    (void)seed, (void)tick_hz;
    return LATTICE_OK;
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    (void)tick;
    static char order[256];
    const lattice_event *event;
    while ((event = lattice_next_event()) != NULL) {
        if (event->type != LATTICE_EVENT_MESSAGE || event->payload_len >= sizeof order) continue;
        memcpy(order, lattice_event_payload(event), event->payload_len);
        order[event->payload_len] = 0;
        carry_out(order);
    }
    return LATTICE_CONTINUE;
}
