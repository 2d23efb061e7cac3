/* startup.h: between startup.c, which every Cortex-M shares, and the board that it starts. */
#ifndef FIRMWARE_STARTUP_H
#define FIRMWARE_STARTUP_H

/* Where main's result goes, and 1 after a fault. Does not return. */
void board_exit(int status) __attribute__((noreturn));

#endif
