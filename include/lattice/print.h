// lattice/print.h - printf and the like into the match's log, and files that are not there.
//
// Owns: the two lines that are being written. Never: formats, and real files.
#ifndef LATTICE_PRINT_H
#define LATTICE_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "../errno.h"
#include "format.h"

LATTICE_C_BEGIN

LATTICE_WEAK FILE lattice_stdin = {-1, 0, {0}};
LATTICE_WEAK FILE lattice_stdout = {2, 0, {0}};
LATTICE_WEAK FILE lattice_stderr = {4, 0, {0}};

static inline bool lattice_is_open(const FILE *file) { return file == stdout || file == stderr; }

// A line is logged when it ends or is full.
LATTICE_WEAK int fflush(FILE *file) {
    if (file == NULL) return fflush(stdout) | fflush(stderr);
    if (lattice_is_open(file) && file->used > 0) lattice_ms_log(file->level, file->line, (uint32_t)file->used);
    file->used = 0;
    return 0;
}

LATTICE_WEAK int fputc(int c, FILE *file) {
    if (!lattice_is_open(file)) return EOF;
    if (c != '\n') file->line[file->used++] = (char)c;
    if (c == '\n' || file->used == (int)sizeof file->line) fflush(file);
    return (unsigned char)c;
}
LATTICE_WEAK int putc(int c, FILE *file) { return fputc(c, file); }
LATTICE_WEAK int putchar(int c) { return fputc(c, stdout); }

LATTICE_WEAK size_t fwrite(const void *data, size_t len, size_t count, FILE *file) {
    if (!lattice_is_open(file)) return 0;
    for (size_t i = 0; i < len * count; ++i) fputc(((const char *)data)[i], file);
    return count;
}
LATTICE_WEAK int fputs(const char *text, FILE *file) {
    for (; *text; ++text)
        if (fputc(*text, file) == EOF) return EOF;
    return 0;
}
LATTICE_WEAK int puts(const char *text) { return fputs(text, stdout) == EOF ? EOF : fputc('\n', stdout); }
LATTICE_WEAK void perror(const char *text) { fprintf(stderr, "%s: errno %d\n", text, errno); }

LATTICE_WEAK int vfprintf(FILE *file, const char *format, va_list rest) {
    char text[1024];
    if (!lattice_is_open(file)) return -1;
    int len = vsnprintf(text, sizeof text, format, rest);
    fputs(text, file);
    return len;
}
LATTICE_WEAK int vprintf(const char *format, va_list rest) { return vfprintf(stdout, format, rest); }
LATTICE_WEAK int vsprintf(char *to, const char *format, va_list rest) {
    return vsnprintf(to, 0x7fffffff, format, rest);
}

#define LATTICE_VARIADIC(call) \
    va_list rest; \
    va_start(rest, format); \
    int len = call; \
    va_end(rest); \
    return len;
LATTICE_WEAK int printf(const char *format, ...) { LATTICE_VARIADIC(vfprintf(stdout, format, rest)) }
LATTICE_WEAK int fprintf(FILE *file, const char *format, ...) { LATTICE_VARIADIC(vfprintf(file, format, rest)) }
LATTICE_WEAK int sprintf(char *to, const char *format, ...) { LATTICE_VARIADIC(vsprintf(to, format, rest)) }

// ---- No file can be opened, so nothing can be read. ---------------------------------------------

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
LATTICE_WEAK FILE *fopen(const char *path, const char *mode) {
    errno = ENOENT;
    return NULL;
}
LATTICE_WEAK FILE *freopen(const char *path, const char *mode, FILE *file) { return fopen(path, mode); }
LATTICE_WEAK FILE *tmpfile(void) { return fopen("", "w+b"); }
LATTICE_WEAK int fclose(FILE *file) { return EOF; }
LATTICE_WEAK int setvbuf(FILE *file, char *buffer, int mode, size_t len) { return -1; }
LATTICE_WEAK size_t fread(void *to, size_t len, size_t count, FILE *file) { return 0; }
LATTICE_WEAK char *fgets(char *to, int room, FILE *file) { return NULL; }
LATTICE_WEAK int fgetc(FILE *file) { return EOF; }
LATTICE_WEAK int getc(FILE *file) { return EOF; }
LATTICE_WEAK int getchar(void) { return EOF; }
LATTICE_WEAK int ungetc(int c, FILE *file) { return EOF; }
LATTICE_WEAK int fseek(FILE *file, long offset, int from) { return -1; }
LATTICE_WEAK long ftell(FILE *file) { return -1; }
LATTICE_WEAK void rewind(FILE *file) {}
LATTICE_WEAK int feof(FILE *file) { return 1; }
LATTICE_WEAK int ferror(FILE *file) { return 0; }
LATTICE_WEAK void clearerr(FILE *file) {}
LATTICE_WEAK int remove(const char *path) {
    errno = ENOENT;
    return -1;
}
LATTICE_WEAK int rename(const char *from, const char *to) { return remove(from); }
#pragma GCC diagnostic pop

LATTICE_C_END

#endif
