/* board.c: board.h on a desktop, so that the same application draws the picture the boards are compared with. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "board.h"

void board_kick_watchdog(void) {}

void board_print(const char* text) { fputs(text, stdout); }

int board_save(const char* name, const void* data, size_t size) {
  FILE* file = fopen(name, "wb");
  size_t written;
  if (file == NULL) return 1;
  written = fwrite(data, 1, size, file);
  return fclose(file) != 0 || written != size;
}

size_t board_load(const char* name, void* data, size_t size) {
  FILE* file = fopen(name, "rb");
  size_t read;
  if (file == NULL) return 0;
  read = fread(data, 1, size, file);
  (void)fclose(file);
  return read;
}

void board_exit(int status) { exit(status); }

void* board_large_memory(size_t bytes) {
  char* memory = malloc(bytes + 15);
  return memory == NULL ? NULL : memory + (-(uintptr_t)memory & 15);
}

size_t board_stack_bytes(void) { return 0; }
size_t board_stack_used(void) { return 0; }
