/* report.c: numbers, pictures and hashes as text, on board_print alone. */
#include "report.h"

#include "board.h"

void print_number(uint32_t value) {
  char text[11];
  char* at = text + sizeof text - 1;
  *at = '\0';
  do {
    *--at = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0);
  board_print(at);
}

void print_hex(uint32_t value) {
  static const char digits[] = "0123456789abcdef";
  char text[9];
  int i;
  for (i = 0; i < 8; ++i) text[i] = digits[(value >> (28 - 4 * i)) & 15];
  text[8] = '\0';
  board_print(text);
}

void print_count(const char* name, uint32_t value) {
  board_print(name);
  board_print(" ");
  print_number(value);
  board_print("\n");
}

void print_hash(const char* name, uint32_t value) {
  board_print(name);
  board_print(" ");
  print_hex(value);
  board_print("\n");
}

void print_picture(const unsigned char* pixels, int height, int width) {
  static const char shades[] = " .:-=+*#%@";
  char line[2 * 64 + 2];
  int y, x;
  if (width > 64) return;
  for (y = 0; y < height; ++y) {
    for (x = 0; x < width; ++x) {
      const char shade = shades[pixels[y * width + x] * (sizeof shades - 1) / 256];
      line[2 * x] = shade;
      line[2 * x + 1] = shade;
    }
    line[2 * width] = '\n';
    line[2 * width + 1] = '\0';
    board_print(line);
  }
}

uint32_t crc32_of(const void* data, size_t size) {
  const unsigned char* bytes = data;
  uint32_t crc = 0xFFFFFFFFu;
  size_t i;
  int bit;
  for (i = 0; i < size; ++i) {
    crc ^= bytes[i];
    for (bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
  }
  return ~crc;
}
