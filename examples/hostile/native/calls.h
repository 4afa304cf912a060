// calls.h - the system calls that a cell must not let through, and other doors to the kernel.
//
// Owns: the numbers of Linux on x86-64 with arguments that would mean something. Never: a call that
// aims at another process; whom a call names is the cell itself, or nobody.
#ifndef ATTACK_CALLS_H
#define ATTACK_CALLS_H

#include <stdint.h>

static inline int64_t system_call(int64_t number, const int64_t arguments[6]) {
    register int64_t r10 __asm__("r10") = arguments[3];
    register int64_t r8 __asm__("r8") = arguments[4];
    register int64_t r9 __asm__("r9") = arguments[5];
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(arguments[0]), "S"(arguments[1]), "d"(arguments[2]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

typedef struct {
    const char *name;
    int64_t number;
    int64_t arguments[6];
} forbidden_call;

static char root_folder[] = "/";
static char shell[] = "/bin/sh";
static uint64_t zeros[16];

#define AT(thing) ((int64_t)(thing))
static const forbidden_call forbidden_calls[] = {
    {"read", 0, {0, AT(zeros), 1}},
    {"write", 1, {1, AT(root_folder), 1}},
    {"close", 3, {0}},
    {"mmap", 9, {0, 4096, 7, 0x22, -1}},
    {"mprotect", 10, {0x1000000000, 4096, 7}},
    {"munmap", 11, {0x1000000000, 4096}},
    {"brk", 12, {0}},
    {"rt_sigaction", 13, {11, 0, AT(zeros), 8}},
    {"rt_sigprocmask", 14, {0, 0, AT(zeros), 8}},
    {"rt_sigreturn", 15, {0}},
    {"ioctl", 16, {0, 0x5401, AT(zeros)}},
    {"sched_yield", 24, {0}},
    {"mremap", 25, {0x1000000000, 4096, 8192, 1}},
    {"shmget", 29, {0, 4096, 0x200}},
    {"nanosleep", 35, {AT(zeros), 0}},
    {"getpid", 39, {0}},
    {"socket", 41, {2, 1, 0}},
    {"connect", 42, {3, AT(zeros), 16}},
    {"sendmsg", 46, {3, AT(zeros)}},
    {"clone", 56, {17, 0}},
    {"fork", 57, {0}},
    {"vfork", 58, {0}},
    {"execve", 59, {AT(shell), AT(zeros), AT(zeros)}},
    {"exit", 60, {0}},
    {"kill", 62, {1, 0}},
    {"ptrace", 101, {0, 0, 0, 0}},
    {"setuid", 105, {0}},
    {"sigaltstack", 131, {AT(zeros), 0}},
    {"personality", 135, {0xffffffff}},
    {"prctl", 157, {38, 0, 0, 0, 0}},
    {"arch_prctl", 158, {0x1002, 0}},
    {"mount", 165, {AT(root_folder), AT(root_folder), 0, 4096}},
    {"init_module", 175, {AT(zeros), 0, AT(root_folder)}},
    {"gettid", 186, {0}},
    {"sched_setaffinity", 203, {0, 8, AT(zeros)}},
    {"clock_gettime", 228, {0, AT(zeros)}},
    {"tgkill", 234, {1, 1, 0}},
    {"keyctl", 250, {0, -3, 0}},
    {"openat", 257, {-100, AT(root_folder), 0}},
    {"unshare", 272, {0x10000000}},
    {"perf_event_open", 298, {AT(zeros), 0, -1, -1, 0}},
    {"setns", 308, {0, 0}},
    {"process_vm_readv", 310, {1, AT(zeros), 0, AT(zeros), 0}},
    {"seccomp", 317, {0, 0, 0}},
    {"getrandom", 318, {AT(zeros), 8, 0}},
    {"memfd_create", 319, {AT(root_folder), 0}},
    {"bpf", 321, {0, AT(zeros), 72}},
    {"execveat", 322, {4, AT(root_folder), 0, 0, 0x1000}},
    {"userfaultfd", 323, {0}},
    {"rseq", 334, {AT(zeros), 32, 1, 0}},
    {"io_uring_setup", 425, {1, AT(zeros)}},
    {"pidfd_open", 434, {1, 0}},
    {"clone3", 435, {AT(zeros), 64}},
    {"landlock_create_ruleset", 444, {0, 0, 1}},
    // A futex call is let through only as the cell itself makes it.
    {"futex_elsewhere", 202, {AT(zeros), 0, 0, 0}},
    {"futex_requeue", 202, {AT(zeros), 4, 1, 1, AT(zeros)}},
    {"futex_waitv", 449, {AT(zeros), 1, 0, 0, 0}},
    // The x32 interface: the same calls with bit 30 set.
    {"x32_write", 0x40000000 + 1, {1, AT(root_folder), 1}},
    {"x32_exit_group", 0x40000000 + 231, {0}},
    {"number_that_is_none", 0x7fffffff, {0}},
};
#undef AT

// Number 20 is getpid on 32-bit Linux, which these two doors lead to.
static inline int64_t interrupt_80(void) {
    int32_t result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    return result;
}

static inline int64_t enter_by_sysenter(void) {
    int32_t result;
    __asm__ volatile("pushq %%rbp; movl %%esp, %%ebp; sysenter; popq %%rbp" : "=a"(result) : "a"(20) : "memory");
    return result;
}

// Where the kernel once told the time, and on some machines still does.
static inline int64_t call_vsyscall(void) { return ((int64_t(*)(int64_t *))0xffffffffff600400)(0); }

#endif
