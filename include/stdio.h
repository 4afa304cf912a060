// stdio.h - printf's family: text into buffers, and lines into the match's log.
//
// Owns: the declarations; lattice/format.h and lattice/print.h define them, on every target, so
// that every digit of a float is the same. stdout is logged as info, stderr as error, line by line.
// Never: files. fopen answers NULL (errno ENOENT), as on a disk without that file.
#ifndef LATTICE_STDIO_H
#define LATTICE_STDIO_H

#include <stdarg.h>
#include <stddef.h>

#include "lattice/target.h"

#define EOF (-1)
#define BUFSIZ 1024
#define FILENAME_MAX 256
#define _IOFBF 0
#define _IOLBF 1
#define _IONBF 2
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
#define stdin (&lattice_stdin)
#define stdout (&lattice_stdout)
#define stderr (&lattice_stderr)

LATTICE_C_BEGIN

typedef struct lattice_file { int level, used; char line[1024]; } FILE;
typedef long fpos_t;
extern FILE lattice_stdin, lattice_stdout, lattice_stderr;

#define LATTICE_PRINTF(format_at, first) __attribute__((format(printf, format_at, first)))

int snprintf(char *to, size_t room, const char *format, ...) LATTICE_OURS(snprintf) LATTICE_PRINTF(3, 4);
int vsnprintf(char *to, size_t room, const char *format, va_list rest) LATTICE_OURS(vsnprintf) LATTICE_PRINTF(3, 0);
int sprintf(char *to, const char *format, ...) LATTICE_OURS(sprintf) LATTICE_PRINTF(2, 3);
int vsprintf(char *to, const char *format, va_list rest) LATTICE_OURS(vsprintf) LATTICE_PRINTF(2, 0);

int printf(const char *format, ...) LATTICE_OURS(printf) LATTICE_PRINTF(1, 2);
int vprintf(const char *format, va_list rest) LATTICE_OURS(vprintf) LATTICE_PRINTF(1, 0);
int fprintf(FILE *file, const char *format, ...) LATTICE_OURS(fprintf) LATTICE_PRINTF(2, 3);
int vfprintf(FILE *file, const char *format, va_list rest) LATTICE_OURS(vfprintf) LATTICE_PRINTF(2, 0);
int puts(const char *text) LATTICE_OURS(puts);
int fputs(const char *text, FILE *file) LATTICE_OURS(fputs);
int putchar(int c) LATTICE_OURS(putchar);
int putc(int c, FILE *file) LATTICE_OURS(putc);
int fputc(int c, FILE *file) LATTICE_OURS(fputc);
size_t fwrite(const void *data, size_t len, size_t count, FILE *file) LATTICE_OURS(fwrite);
int fflush(FILE *file) LATTICE_OURS(fflush);
void perror(const char *text) LATTICE_OURS(perror);

int sscanf(const char *text, const char *format, ...) LATTICE_OURS(sscanf) __attribute__((format(scanf, 2, 3)));
int vsscanf(const char *text, const char *format, va_list rest) LATTICE_OURS(vsscanf) __attribute__((format(scanf, 2, 0)));

FILE *fopen(const char *path, const char *mode) LATTICE_OURS(fopen);
FILE *freopen(const char *path, const char *mode, FILE *file) LATTICE_OURS(freopen);
FILE *tmpfile(void) LATTICE_OURS(tmpfile);
int fclose(FILE *file) LATTICE_OURS(fclose);
int setvbuf(FILE *file, char *buffer, int mode, size_t len) LATTICE_OURS(setvbuf);
size_t fread(void *to, size_t len, size_t count, FILE *file) LATTICE_OURS(fread);
char *fgets(char *to, int room, FILE *file) LATTICE_OURS(fgets);
int fgetc(FILE *file) LATTICE_OURS(fgetc);
int getc(FILE *file) LATTICE_OURS(getc);
int getchar(void) LATTICE_OURS(getchar);
int ungetc(int c, FILE *file) LATTICE_OURS(ungetc);
int fseek(FILE *file, long offset, int from) LATTICE_OURS(fseek);
long ftell(FILE *file) LATTICE_OURS(ftell);
void rewind(FILE *file) LATTICE_OURS(rewind);
int feof(FILE *file) LATTICE_OURS(feof);
int ferror(FILE *file) LATTICE_OURS(ferror);
void clearerr(FILE *file) LATTICE_OURS(clearerr);
int remove(const char *path) LATTICE_OURS(remove);
int rename(const char *from, const char *to) LATTICE_OURS(rename);

LATTICE_C_END

#if !defined(LATTICE_NO_LIBC)
#include "lattice/print.h"
#include "lattice/scan.h"
#endif

#endif
