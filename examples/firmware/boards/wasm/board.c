/* board.c: board.h for WebAssembly, on a few functions of WASI instead of a C library's files: whoever runs the module
 * gives it a console and one folder (run.mjs is such a host). Names and numbers are those of WASI preview 1. */
#include "board.h"

#include <stdint.h>
#include <string.h>

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))

/* A piece of memory; addresses have 32 bits here. */
typedef struct io_vector {
  const void* data;
  uint32_t size;
} io_vector;

/* Each returns 0 or an error number; `moved` is how many bytes were read or written. */
typedef uint32_t wasi_transfer(uint32_t file, const io_vector* pieces, uint32_t count, uint32_t* moved);
WASI("fd_write") uint32_t wasi_write(uint32_t file, const io_vector* pieces, uint32_t count, uint32_t* moved);
WASI("fd_read") uint32_t wasi_read(uint32_t file, const io_vector* pieces, uint32_t count, uint32_t* moved);
WASI("fd_close") uint32_t wasi_close(uint32_t file);
WASI("path_open")
uint32_t wasi_open(uint32_t folder, uint32_t lookup, const char* path, uint32_t length, uint32_t how, uint64_t rights,
                   uint64_t inherited_rights, uint32_t flags, uint32_t* file);
WASI("proc_exit") void wasi_exit(uint32_t status) __attribute__((noreturn));

enum { console = 1, first_folder = 3, create_and_truncate = 1 | 8, right_to_read = 2, right_to_write = 64 };

/* As much of `size` bytes as there is to read or room to write; a call may do a part. */
static size_t transfer(wasi_transfer* call, uint32_t file, const void* data, size_t size) {
  size_t done = 0;
  while (done < size) {
    io_vector piece;
    uint32_t moved = 0;
    piece.data = (const char*)data + done;
    piece.size = (uint32_t)(size - done);
    if (call(file, &piece, 1, &moved) != 0 || moved == 0) break;
    done += moved;
  }
  return done;
}

static int open_file(const char* name, uint32_t how, uint64_t rights, uint32_t* file) {
  return wasi_open(first_folder, 0, name, (uint32_t)strlen(name), how, rights, 0, 0, file) != 0;
}

void board_kick_watchdog(void) {}

void board_print(const char* text) { (void)transfer(wasi_write, console, text, strlen(text)); }

int board_save(const char* name, const void* data, size_t size) {
  uint32_t file = 0;
  size_t written;
  if (open_file(name, create_and_truncate, right_to_write, &file) != 0) return 1;
  written = transfer(wasi_write, file, data, size);
  return wasi_close(file) != 0 || written != size;
}

size_t board_load(const char* name, void* data, size_t size) {
  uint32_t file = 0;
  size_t read;
  if (open_file(name, 0, right_to_read, &file) != 0) return 0;
  read = transfer(wasi_read, file, data, size);
  (void)wasi_close(file);
  return read;
}

void board_exit(int status) { wasi_exit((uint32_t)status); }

size_t board_stack_bytes(void) { return 0; }
size_t board_stack_used(void) { return 0; }
