/* board.h: all that the application asks of a board. To port the application, write these functions; app/ stays.
 * boards/semihosting.c has them for a debugger or QEMU, boards/host/board.c for a desktop. */
#ifndef FIRMWARE_BOARD_H
#define FIRMWARE_BOARD_H

#include <stddef.h>

/* Called between two pieces of work, some milliseconds apart: see MOTE_FIRMWARE_WORK. */
void board_kick_watchdog(void);

/* Writes text to the console, whatever that is. */
void board_print(const char* text);

/* Keeps `size` bytes under a name: a file, a slot of flash, a packet. 0: done; else it could not be done. */
int board_save(const char* name, const void* data, size_t size);

/* Reads what was kept under a name, at most `size` bytes of it. Returns how many were read; 0: there is nothing. */
size_t board_load(const char* name, void* data, size_t size);

/* Ends the program; a product resets. Does not return. */
void board_exit(int status);

/* Only called with MOTE_FIRMWARE_LARGE=1: memory that is never given back, aligned to 16 bytes, or NULL. */
void* board_large_memory(size_t bytes);

/* The size of the stack in bytes, and the most of it that was in use since reset; 0 where nobody knows. */
size_t board_stack_bytes(void);
size_t board_stack_used(void);

#endif
