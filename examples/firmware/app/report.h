/* report.h: what the application prints, and how. Text by hand: printf costs 10 KB of flash. */
#ifndef FIRMWARE_REPORT_H
#define FIRMWARE_REPORT_H

#include <stddef.h>
#include <stdint.h>

void print_number(uint32_t value);
/* Eight hexadecimal digits, the form of every hash line. */
void print_hex(uint32_t value);
/* "NAME VALUE" on a line. */
void print_count(const char* name, uint32_t value);
void print_hash(const char* name, uint32_t value);

/* One grey picture as text, two characters a pixel so that pixels look square. At most 64 pixels wide. */
void print_picture(const unsigned char* pixels, int height, int width);

/* CRC-32 of IEEE 802.3, as in gzip and PNG: any `crc32` program gives the same number for the saved pixels. */
uint32_t crc32_of(const void* data, size_t size);

#endif
