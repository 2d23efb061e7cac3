/* semihosting.c: board.h by Arm semihosting: console, files and exit status are those of the machine that debugs or
 * emulates (Arm, "Semihosting for AArch32 and AArch64"). Without a debugger the instruction faults, so a product writes
 * these functions for its UART and watchdog instead. */
#include <stdint.h>
#include <string.h>

#include "board.h"
#include "startup.h"

enum {
  sys_open = 0x01,
  sys_close = 0x02,
  sys_write0 = 0x04,
  sys_write = 0x05,
  sys_read = 0x06,
  sys_exit_extended = 0x20,
  open_mode_rb = 1,
  open_mode_wb = 5,
  application_exit = 0x20026
};

static uintptr_t call(uintptr_t operation, const void* argument) {
  register uintptr_t r0 __asm__("r0") = operation;
  register const void* r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void board_kick_watchdog(void) {}

void board_print(const char* text) { (void)call(sys_write0, text); }

static uintptr_t open_file(const char* name, uintptr_t mode) {
  uintptr_t block[3];
  block[0] = (uintptr_t)name;
  block[1] = mode;
  block[2] = strlen(name);
  return call(sys_open, block);
}

/* What sys_write and sys_read return: the bytes that were not transferred. */
static uintptr_t transfer(uintptr_t operation, uintptr_t handle, const void* data, size_t size) {
  uintptr_t block[3];
  block[0] = handle;
  block[1] = (uintptr_t)data;
  block[2] = size;
  return call(operation, block);
}

int board_save(const char* name, const void* data, size_t size) {
  const uintptr_t handle = open_file(name, open_mode_wb);
  uintptr_t unwritten;
  if (handle == (uintptr_t)-1) return 1;
  unwritten = transfer(sys_write, handle, data, size);
  return (int)call(sys_close, &handle) != 0 || unwritten != 0;
}

size_t board_load(const char* name, void* data, size_t size) {
  const uintptr_t handle = open_file(name, open_mode_rb);
  uintptr_t unread;
  if (handle == (uintptr_t)-1) return 0;
  unread = transfer(sys_read, handle, data, size);
  (void)call(sys_close, &handle);
  return unread <= size ? size - unread : 0;
}

void board_exit(int status) {
  uintptr_t block[2];
  block[0] = application_exit;
  block[1] = (uintptr_t)status;
  (void)call(sys_exit_extended, block);
  for (;;) {
  }
}
