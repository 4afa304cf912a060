// lattice/wasi.h - the system calls of Debian's C library for wasm, answered inside the sim.
//
// Owns: every call that wasi-libc imports (WASI preview 1), under the symbol by which it does, so
// that nothing of them is left for the host: what is written to stdout and stderr is logged, line
// by line; an exit is logged and traps; there are no arguments, no environment, no clock, no
// randomness, no files, no sockets. Never: native code, and an answer that could differ in a replay.
#ifndef LATTICE_WASI_H
#define LATTICE_WASI_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

LATTICE_C_BEGIN

enum { LATTICE_WASI_OK = 0, LATTICE_WASI_BADF = 8, LATTICE_WASI_NOSYS = 52, LATTICE_WASI_SPIPE = 70 };

typedef struct lattice_wasi_text { const char *at; uint32_t len; } lattice_wasi_text;

// stdout and stderr, which are open; NULL for the rest.
static inline FILE *lattice_wasi_file(int32_t fd) { return fd == 1 ? stdout : fd == 2 ? stderr : NULL; }

#define LATTICE_WASI_CALL(name, parameters) \
    int32_t __imported_wasi_snapshot_preview1_##name parameters; \
    LATTICE_WEAK int32_t __imported_wasi_snapshot_preview1_##name parameters

LATTICE_WASI_CALL(fd_write, (int32_t fd, const lattice_wasi_text *texts, uint32_t count, uint32_t *written)) {
    FILE *file = lattice_wasi_file(fd);
    if (file == NULL) return LATTICE_WASI_BADF;
    *written = 0;
    for (; count > 0; --count, ++texts) {
        fwrite(texts->at, 1, texts->len, file);
        *written += texts->len;
    }
    return LATTICE_WASI_OK;
}

// A terminal, so that the C library passes each line on when it ends.
LATTICE_WASI_CALL(fd_fdstat_get, (int32_t fd, uint8_t *answer)) {
    enum { SIZE = 24, CHARACTER_DEVICE = 2 };
    if (lattice_wasi_file(fd) == NULL) return LATTICE_WASI_BADF;
    memset(answer, 0, SIZE);
    answer[0] = CHARACTER_DEVICE;
    return LATTICE_WASI_OK;
}

LATTICE_WASI_CALL(fd_seek, (int32_t fd, int64_t offset, int32_t from, int64_t *at)) {
    (void)offset, (void)from, (void)at;
    return lattice_wasi_file(fd) == NULL ? LATTICE_WASI_BADF : LATTICE_WASI_SPIPE;
}

LATTICE_WASI_CALL(fd_close, (int32_t fd)) {
    return lattice_wasi_file(fd) == NULL ? LATTICE_WASI_BADF : LATTICE_WASI_OK;
}

void __imported_wasi_snapshot_preview1_proc_exit(int32_t status);
LATTICE_WEAK void __imported_wasi_snapshot_preview1_proc_exit(int32_t status) { exit(status); }

// No arguments and no variables: how many, and how many bytes they need.
LATTICE_WASI_CALL(args_sizes_get, (uint32_t *count, uint32_t *bytes)) {
    *count = *bytes = 0;
    return LATTICE_WASI_OK;
}
LATTICE_WASI_CALL(environ_sizes_get, (uint32_t *count, uint32_t *bytes)) {
    *count = *bytes = 0;
    return LATTICE_WASI_OK;
}

// ---- What is answered with nothing but a code ------------------------------------------------

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define LATTICE_WASI(name, code, parameters) \
    LATTICE_WASI_CALL(name, parameters) { return LATTICE_WASI_##code; }

LATTICE_WASI(args_get, OK, (int32_t to, int32_t bytes))
LATTICE_WASI(environ_get, OK, (int32_t to, int32_t bytes))
LATTICE_WASI(sched_yield, OK, (void))

LATTICE_WASI(clock_res_get, NOSYS, (int32_t clock, int32_t to))
LATTICE_WASI(clock_time_get, NOSYS, (int32_t clock, int64_t precision, int32_t to))
LATTICE_WASI(poll_oneoff, NOSYS, (int32_t in, int32_t out, int32_t count, int32_t happened))
LATTICE_WASI(random_get, NOSYS, (int32_t to, int32_t len))

// No folder is open, so that no path leads anywhere.
LATTICE_WASI(fd_prestat_get, BADF, (int32_t fd, int32_t to))
LATTICE_WASI(fd_prestat_dir_name, BADF, (int32_t fd, int32_t to, int32_t len))
LATTICE_WASI(path_create_directory, BADF, (int32_t fd, int32_t path, int32_t len))
LATTICE_WASI(path_filestat_get, BADF, (int32_t fd, int32_t flags, int32_t path, int32_t len, int32_t to))
LATTICE_WASI(path_filestat_set_times, BADF,
             (int32_t fd, int32_t flags, int32_t path, int32_t len, int64_t read, int64_t written, int32_t which))
LATTICE_WASI(path_link, BADF,
             (int32_t fd, int32_t flags, int32_t path, int32_t len, int32_t to_fd, int32_t to, int32_t to_len))
LATTICE_WASI(path_open, BADF,
             (int32_t fd, int32_t follow, int32_t path, int32_t len, int32_t how, int64_t rights, int64_t inherited,
              int32_t flags, int32_t to))
LATTICE_WASI(path_readlink, BADF, (int32_t fd, int32_t path, int32_t len, int32_t to, int32_t room, int32_t used))
LATTICE_WASI(path_remove_directory, BADF, (int32_t fd, int32_t path, int32_t len))
LATTICE_WASI(path_rename, BADF, (int32_t fd, int32_t path, int32_t len, int32_t to_fd, int32_t to, int32_t to_len))
LATTICE_WASI(path_symlink, BADF, (int32_t path, int32_t len, int32_t fd, int32_t to, int32_t to_len))
LATTICE_WASI(path_unlink_file, BADF, (int32_t fd, int32_t path, int32_t len))

LATTICE_WASI(fd_advise, BADF, (int32_t fd, int64_t at, int64_t len, int32_t advice))
LATTICE_WASI(fd_allocate, BADF, (int32_t fd, int64_t at, int64_t len))
LATTICE_WASI(fd_datasync, BADF, (int32_t fd))
LATTICE_WASI(fd_fdstat_set_flags, BADF, (int32_t fd, int32_t flags))
LATTICE_WASI(fd_fdstat_set_rights, BADF, (int32_t fd, int64_t rights, int64_t inherited))
LATTICE_WASI(fd_filestat_get, BADF, (int32_t fd, int32_t to))
LATTICE_WASI(fd_filestat_set_size, BADF, (int32_t fd, int64_t len))
LATTICE_WASI(fd_filestat_set_times, BADF, (int32_t fd, int64_t read, int64_t written, int32_t which))
LATTICE_WASI(fd_pread, BADF, (int32_t fd, int32_t to, int32_t count, int64_t at, int32_t read))
LATTICE_WASI(fd_pwrite, BADF, (int32_t fd, int32_t from, int32_t count, int64_t at, int32_t written))
LATTICE_WASI(fd_read, BADF, (int32_t fd, int32_t to, int32_t count, int32_t read))
LATTICE_WASI(fd_readdir, BADF, (int32_t fd, int32_t to, int32_t len, int64_t from, int32_t used))
LATTICE_WASI(fd_renumber, BADF, (int32_t fd, int32_t to))
LATTICE_WASI(fd_sync, BADF, (int32_t fd))
LATTICE_WASI(fd_tell, BADF, (int32_t fd, int32_t to))
LATTICE_WASI(sock_accept, BADF, (int32_t fd, int32_t flags, int32_t to))
LATTICE_WASI(sock_recv, BADF, (int32_t fd, int32_t to, int32_t count, int32_t flags, int32_t read, int32_t answered))
LATTICE_WASI(sock_send, BADF, (int32_t fd, int32_t from, int32_t count, int32_t flags, int32_t sent))
LATTICE_WASI(sock_shutdown, BADF, (int32_t fd, int32_t how))
#pragma GCC diagnostic pop

LATTICE_C_END

#endif
