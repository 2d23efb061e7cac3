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
  sys_exit_extended = 0x20,
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

int board_save(const char* name, const void* data, size_t size) {
  uintptr_t block[3];
  uintptr_t handle, unwritten;
  block[0] = (uintptr_t)name;
  block[1] = open_mode_wb;
  block[2] = strlen(name);
  handle = call(sys_open, block);
  if (handle == (uintptr_t)-1) return 1;
  block[0] = handle;
  block[1] = (uintptr_t)data;
  block[2] = size;
  unwritten = call(sys_write, block);
  block[0] = handle;
  return (int)call(sys_close, block) != 0 || unwritten != 0;
}

void board_exit(int status) {
  uintptr_t block[2];
  block[0] = application_exit;
  block[1] = (uintptr_t)status;
  (void)call(sys_exit_extended, block);
  for (;;) {
  }
}
