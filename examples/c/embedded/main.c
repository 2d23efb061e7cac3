/* What firmware does: the model is an array in the program, all memory is one static buffer whose size the compiler
 * knows, only the model's own operators are linked, and the work is done a piece at a time.
 *
 * fashion.h and fashion.c were made by: weights_tool export examples/models/fashion.mote --c DIR/fashion
 * Prints the picture as text; nothing else of the C library is used. */
#include <stdio.h>

#include "fashion.h"

MOTE_ARENA(arena, MOTE_FASHION_BYTES); /* all memory the sampler will ever use */
static unsigned char pixels[MOTE_FASHION_HEIGHT * MOTE_FASHION_WIDTH * MOTE_FASHION_CHANNELS];
static mote_model model;

static void kick_watchdog(void) {}

static mote_status draw(void) {
  mote_sampler* sampler;
  mote_config config = {0};
  mote_status status;
  config.struct_size = sizeof config;
  config.seed = 1;
  status = mote_open(&model, mote_fashion_model, sizeof mote_fashion_model, mote_fashion_operators);
  if (status == MOTE_OK) status = mote_sampler_create(&sampler, &model, &config, arena, sizeof arena);
  if (status != MOTE_OK) return status;
  while ((status = mote_sampler_run(sampler, 100000)) == MOTE_PENDING) kick_watchdog();
  return status == MOTE_OK ? mote_sampler_read_u8(sampler, pixels, sizeof pixels) : status;
}

int main(void) {
  static const char shades[] = " .:-=+*#%@";
  const mote_status status = draw();
  int y, x;
  if (status != MOTE_OK) {
    puts(mote_status_text(status));
    return 1;
  }
  for (y = 0; y < MOTE_FASHION_HEIGHT; ++y) {
    for (x = 0; x < MOTE_FASHION_WIDTH; ++x) {
      const char shade = shades[pixels[y * MOTE_FASHION_WIDTH + x] * (sizeof shades - 1) / 256];
      putchar(shade);
      putchar(shade);
    }
    putchar('\n');
  }
  return 0;
}
