/* main.c: firmware that draws. The model is an array in flash, all memory of the sampler is one static buffer whose
 * size the compiler knows, only the model's own operators are linked, and the work is done in pieces between kicks of
 * a watchdog. Knows no board: see board.h.
 *
 * fashion.h and fashion.c were made by: weights_tool export examples/models/fashion-int8.mote --c DIR/fashion
 *
 * Set with -D:
 *   MOTE_FIRMWARE_SEED, _INDEX, _CLASS  which picture
 *   MOTE_FIRMWARE_WORK     multiply-accumulates between two kicks, about
 *   MOTE_FIRMWARE_KERNELS  the name of a kernel set, instead of the fastest
 *   MOTE_FIRMWARE_STEPS    stop after so many steps, for a check on a slow emulator: the picture is then x_t as it is;
 *                          0: draw to the end */
#include "board.h"
#include "fashion.h"
#include "report.h"

#ifndef MOTE_FIRMWARE_SEED
#define MOTE_FIRMWARE_SEED 1
#endif
#ifndef MOTE_FIRMWARE_INDEX
#define MOTE_FIRMWARE_INDEX 0
#endif
#ifndef MOTE_FIRMWARE_CLASS
#define MOTE_FIRMWARE_CLASS 0
#endif
#ifndef MOTE_FIRMWARE_WORK
#define MOTE_FIRMWARE_WORK 100000
#endif
#ifndef MOTE_FIRMWARE_KERNELS
#define MOTE_FIRMWARE_KERNELS NULL
#endif
#ifndef MOTE_FIRMWARE_STEPS
#define MOTE_FIRMWARE_STEPS 0
#endif

#if MOTE_FASHION_CHANNELS != 1
#error "this application prints and saves grey pictures: one channel"
#endif

/* A PGM file: a line of text, then the pixels. The sampler writes them where they are saved from. */
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
static const char pgm_header[] = "P5\n" TEXT(MOTE_FASHION_WIDTH) " " TEXT(MOTE_FASHION_HEIGHT) "\n255\n";
enum { header_bytes = sizeof pgm_header - 1, pixel_count = MOTE_FASHION_HEIGHT * MOTE_FASHION_WIDTH };

MOTE_ARENA(arena, MOTE_FASHION_BYTES); /* all memory the sampler will ever use */
static mote_model model;
static unsigned char pgm[header_bytes + pixel_count];
static float x[pixel_count];
static uint32_t kicks;

static mote_status start(mote_sampler** sampler) {
  mote_config config = {0};
  mote_status status;
  config.struct_size = sizeof config;
  config.seed = MOTE_FIRMWARE_SEED;
  config.sample_index = MOTE_FIRMWARE_INDEX;
  config.class_label = MOTE_FIRMWARE_CLASS;
  config.kernels = MOTE_FIRMWARE_KERNELS;
  status = mote_open(&model, mote_fashion_model, sizeof mote_fashion_model, mote_fashion_operators);
  if (status == MOTE_OK) status = mote_check(&model); /* has the flash kept every byte? */
  if (status == MOTE_OK) status = mote_sampler_create(sampler, &model, &config, arena, sizeof arena);
  return status;
}

static void print_step(const mote_progress* progress) {
  board_print("step ");
  print_number(progress->step);
  board_print("/");
  print_number(progress->steps);
  board_print("\n");
}

/* Draws to the end, or for MOTE_FIRMWARE_STEPS steps. Other things that firmware has to do go where the kick is. */
static mote_status draw(mote_sampler* sampler) {
  mote_progress progress = {0};
  mote_status status, asked;
  uint32_t printed = 0;
  const uint32_t stop = MOTE_FIRMWARE_STEPS == 0 ? UINT32_MAX : MOTE_FIRMWARE_STEPS;
  progress.struct_size = sizeof progress;
  do {
    status = mote_sampler_run(sampler, MOTE_FIRMWARE_WORK);
    board_kick_watchdog();
    ++kicks;
    asked = mote_sampler_get_progress(sampler, &progress);
    if (asked != MOTE_OK) return asked;
    if (progress.step != printed) {
      print_step(&progress);
      printed = progress.step;
    }
  } while (status == MOTE_PENDING && progress.step < stop);
  return status == MOTE_PENDING ? MOTE_OK : status;
}

static mote_status read_picture(const mote_sampler* sampler) {
  mote_status status = mote_sampler_read_u8(sampler, pgm + header_bytes, pixel_count);
  size_t i;
  for (i = 0; i < header_bytes; ++i) pgm[i] = (unsigned char)pgm_header[i];
  if (status == MOTE_OK) status = mote_sampler_read_f32(sampler, x, pixel_count);
  return status;
}

static int fail(const char* what) {
  board_print("firmware: ");
  board_print(what);
  board_print("\n");
  return 1;
}

int main(void) {
  mote_sampler* sampler = NULL;
  mote_status status = start(&sampler);
  if (status == MOTE_OK) {
    board_print("mote ");
    board_print(mote_version_string());
    print_count(", arena", MOTE_FASHION_BYTES);
    board_print("kernels ");
    board_print(mote_sampler_kernels(sampler));
    board_print("\n");
    status = draw(sampler);
  }
  if (status == MOTE_OK) status = read_picture(sampler);
  if (status != MOTE_OK) return fail(mote_status_text(status));

  print_picture(pgm + header_bytes, MOTE_FASHION_HEIGHT, MOTE_FASHION_WIDTH);
  if (board_save("picture.pgm", pgm, sizeof pgm) != 0) return fail("cannot save the picture");
  print_count("kicks", kicks);
  print_count("stack", (uint32_t)board_stack_bytes());
  print_count("stack-used", (uint32_t)board_stack_used());
  /* Of the pixels, and of the floats they were rounded from: equal on every board, or something is wrong. */
  print_hash("hash", crc32_of(pgm + header_bytes, pixel_count));
  print_hash("hash-f32", crc32_of(x, sizeof x));
  return 0;
}
