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
 *                          0: draw to the end
 *   MOTE_FIRMWARE_SELF_TEST  0: no self-test at start-up, and none linked
 *   MOTE_FIRMWARE_SUSPEND  1: the state is kept after each step, and a start goes on from it (suspend.h)
 *   MOTE_FIRMWARE_INPAINT  1: the upper half of the picture is given, and the sampler draws the lower half to it
 *   MOTE_FIRMWARE_DIE_AT   for tests: after so many steps of each start, ends in the middle of the next with status 2,
 *                          as if power were lost; 0: never
 *   MOTE_FIRMWARE_ARENA    bytes of the buffer, instead of what the model needs
 *   MOTE_FIRMWARE_LARGE    1, for a processor with memory to spare, such as one that runs Linux: weights are rearranged
 *                          once, in memory of the board, for kernels that run many times faster with them */
#include "board.h"
#include "fashion.h"
#include "report.h"
#include "suspend.h"

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

#ifndef MOTE_FIRMWARE_SELF_TEST
#define MOTE_FIRMWARE_SELF_TEST 1
#endif
#ifndef MOTE_FIRMWARE_SUSPEND
#define MOTE_FIRMWARE_SUSPEND 0
#endif
#ifndef MOTE_FIRMWARE_INPAINT
#define MOTE_FIRMWARE_INPAINT 0
#endif
#ifndef MOTE_FIRMWARE_DIE_AT
#define MOTE_FIRMWARE_DIE_AT 0
#endif
#ifndef MOTE_FIRMWARE_ARENA
#define MOTE_FIRMWARE_ARENA MOTE_FASHION_BYTES
#endif

#ifndef MOTE_FIRMWARE_LARGE
#define MOTE_FIRMWARE_LARGE 0
#endif

#if MOTE_FASHION_CHANNELS != 1
#error "this application prints and saves grey pictures: one channel"
#endif

/* A PGM file: a line of text, then the pixels. The sampler writes them where they are saved from. */
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
static const char pgm_header[] = "P5\n" TEXT(MOTE_FASHION_WIDTH) " " TEXT(MOTE_FASHION_HEIGHT) "\n255\n";
enum { header_bytes = sizeof pgm_header - 1, pixel_count = MOTE_FASHION_HEIGHT * MOTE_FASHION_WIDTH };

MOTE_ARENA(arena, MOTE_FIRMWARE_ARENA); /* all memory the sampler will ever use */
static mote_model model;
static unsigned char pgm[header_bytes + pixel_count];
static float x[pixel_count];
static uint32_t kicks;

static int fail(const char* what) {
  board_print("firmware: ");
  board_print(what);
  board_print("\n");
  return 1;
}

static int fail_status(mote_status status, size_t needed) {
  if (status == MOTE_E_BUFFER_TOO_SMALL) print_count("needed", (uint32_t)needed);
  return fail(mote_status_text(status));
}

/* Does this processor, with what the compiler made, compute what it must? In the buffer that the sampler gets later. */
static int self_test(void) {
#if MOTE_FIRMWARE_SELF_TEST
  const char* kernel = NULL;
  const mote_status status =
      mote_self_test(mote_fashion_self_tests, MOTE_FIRMWARE_KERNELS, arena, sizeof arena, &kernel);
  if (status == MOTE_E_SELF_TEST) {
    board_print("self-test failed: ");
    board_print(kernel);
    board_print("\n");
  }
  if (status != MOTE_OK) return fail_status(status, MOTE_SELF_TEST_BYTES);
  board_print("self-test passed\n");
#endif
  return 0;
}

/* Rearranged weights, if the kernels have a use for them, and the larger buffer that goes with them. */
static mote_status take_large_memory(mote_config* config, void** buffer, size_t* size) {
#if MOTE_FIRMWARE_LARGE
  mote_status status = mote_packed_size(&model, config, &config->packed_bytes);
  if (status != MOTE_OK || config->packed_bytes == 0) return status;
  config->packed = board_large_memory(config->packed_bytes);
  if (config->packed != NULL) status = mote_working_size(&model, config, size);
  *buffer = board_large_memory(*size);
  return config->packed == NULL || *buffer == NULL ? MOTE_E_BUFFER_TOO_SMALL : status;
#else
  (void)config;
  (void)buffer;
  (void)size;
  return MOTE_OK;
#endif
}

static int start(mote_sampler** sampler) {
  mote_config config = {0};
  mote_status status;
  void* buffer = arena;
  size_t needed = 0, size = sizeof arena;
  config.struct_size = sizeof config;
  config.seed = MOTE_FIRMWARE_SEED;
  config.sample_index = MOTE_FIRMWARE_INDEX;
  config.class_label = MOTE_FIRMWARE_CLASS;
  config.kernels = MOTE_FIRMWARE_KERNELS;
  status = mote_open(&model, mote_fashion_model, sizeof mote_fashion_model, mote_fashion_operators);
  if (status == MOTE_OK) status = mote_check(&model); /* has the flash kept every byte? */
  if (status == MOTE_OK) status = take_large_memory(&config, &buffer, &size);
  if (status == MOTE_OK) status = mote_working_size(&model, &config, &needed);
  if (status == MOTE_OK) status = mote_sampler_create(sampler, &model, &config, buffer, size);
  if (status != MOTE_OK) return fail_status(status, needed);
  board_print("mote ");
  board_print(mote_version_string());
  print_count(", arena", (uint32_t)size);
  board_print("kernels ");
  board_print(mote_sampler_kernels(*sampler));
  board_print("\n");
  return 0;
}

/* What is known of a picture: here a plain top, as a camera that sees half of something would have it. */
static mote_status inpaint(mote_sampler* sampler) {
#if MOTE_FIRMWARE_INPAINT
  static float known[pixel_count];
  static unsigned char mask[pixel_count];
  int row, column;
  for (row = 0; row < MOTE_FASHION_HEIGHT / 2; ++row) {
    for (column = 0; column < MOTE_FASHION_WIDTH; ++column) {
      const int at = row * MOTE_FASHION_WIDTH + column;
      const int inside = row >= 3 && column >= MOTE_FASHION_WIDTH / 4 && column < MOTE_FASHION_WIDTH * 3 / 4;
      known[at] = inside ? 0.5f : -1.0f;
      mask[at] = 255;
    }
  }
  return mote_sampler_set_known(sampler, known, mask, pixel_count);
#else
  (void)sampler;
  return MOTE_OK;
#endif
}

static void print_step(const mote_progress* progress) {
  board_print("step ");
  print_number(progress->step);
  board_print("/");
  print_number(progress->steps);
  board_print("\n");
}

/* For tests of what happens then. `first`: the step that this start began with. */
static void lose_power(const mote_progress* progress, uint32_t first) {
#if MOTE_FIRMWARE_DIE_AT
  const uint64_t step_work = progress->work_total / progress->steps;
  if (progress->step - first == MOTE_FIRMWARE_DIE_AT && progress->work >= progress->step * step_work + step_work / 2) {
    board_print("power lost\n");
    board_exit(2);
  }
#else
  (void)progress;
  (void)first;
#endif
}

/* Draws to the end, or for MOTE_FIRMWARE_STEPS steps. Other things that firmware has to do go where the kick is. */
static mote_status draw(mote_sampler* sampler) {
  mote_progress progress = {0};
  mote_status status, asked;
  uint32_t first, printed;
  const uint32_t stop = MOTE_FIRMWARE_STEPS == 0 ? UINT32_MAX : MOTE_FIRMWARE_STEPS;
  progress.struct_size = sizeof progress;
  status = mote_sampler_get_progress(sampler, &progress);
  if (status != MOTE_OK) return status;
  first = printed = progress.step;
  do {
    status = mote_sampler_run(sampler, MOTE_FIRMWARE_WORK);
    board_kick_watchdog();
    ++kicks;
    asked = mote_sampler_get_progress(sampler, &progress);
    if (asked != MOTE_OK) return asked;
    if (progress.step != printed) {
      print_step(&progress);
      printed = progress.step;
      if (MOTE_FIRMWARE_SUSPEND && suspend_keep(sampler) != 0) board_print("the state could not be kept\n");
    }
    lose_power(&progress, first);
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

int main(void) {
  mote_sampler* sampler = NULL;
  mote_status status;
  if (self_test() != 0 || start(&sampler) != 0) return 1;
  status = inpaint(sampler);
  if (status != MOTE_OK) return fail(mote_status_text(status));
  if (MOTE_FIRMWARE_SUSPEND && suspend_resume(sampler)) board_print("resumed\n");
  status = draw(sampler);
  if (status == MOTE_OK) status = read_picture(sampler);
  if (status != MOTE_OK) return fail(mote_status_text(status));
  if (MOTE_FIRMWARE_SUSPEND) suspend_forget();

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
