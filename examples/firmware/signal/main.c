/* main.c: firmware that cleans a signal. A window of an ECG as a 12-bit converter gave it lies in flash, with noise on it;
 * the network is asked once what the heart wrote, at the noise level nearest to the noise, and the answer is printed as
 * converter values. Knows no board: see ../app/board.h.
 *
 * ecg.h and ecg.c were made by: weights_tool export examples/models/ecg-int8.mote --c DIR/ecg
 * window.h was made by:         weights_tool signal examples/models/ecg-int8.mote --data ecg.dat --task window --out window.h
 *
 * A product fills `noisy` from its converter, and overlaps windows so that none of its ends is used: the network knows
 * little of what lies beyond them. */
#include "board.h"
#include "ecg.h"
#include "report.h"
#include "window.h"

#ifndef MOTE_SIGNAL_KERNELS
#define MOTE_SIGNAL_KERNELS NULL
#endif

enum { samples = MOTE_ECG_WIDTH };

MOTE_ARENA(arena, MOTE_ECG_BYTES); /* all memory the network will ever use */
static mote_model model;
static float x[samples], out[samples];
static short cleaned[samples];

static int fail(mote_status status) {
  board_print("firmware: ");
  board_print(mote_status_text(status));
  board_print("\n");
  return 1;
}

static mote_status start(mote_sampler** sampler) {
  mote_config config = {0};
  mote_status status;
  config.struct_size = sizeof config;
  config.class_label = MOTE_NO_CLASS;
  config.kernels = MOTE_SIGNAL_KERNELS;
  status = mote_open(&model, mote_ecg_model, sizeof mote_ecg_model, mote_ecg_operators);
  if (status == MOTE_OK) status = mote_check(&model); /* has the flash kept every byte? */
  if (status == MOTE_OK) status = mote_sampler_create(sampler, &model, &config, arena, sizeof arena);
  return status;
}

/* A noisy window y = x0 + sigma * epsilon, damped, is x_t of the level whose noise is that of y. From it and the network's
 * v = signal * epsilon - noise * x0 follows x0 (weights_tool/diffusion/parameterisation.h). */
static mote_status clean_window(mote_sampler* sampler) {
  mote_status status;
  int i;
  for (i = 0; i < samples; ++i) x[i] = WINDOW_SIGNAL * (((float)window_noisy[i] - WINDOW_OFFSET) * WINDOW_SCALE);
  status = mote_sampler_predict(sampler, x, WINDOW_TIMESTEP, MOTE_NO_CLASS, out, samples);
  for (i = 0; i < samples; ++i) {
    const float x0 = WINDOW_SIGNAL * x[i] - WINDOW_NOISE * out[i], value = x0 / WINDOW_SCALE + WINDOW_OFFSET;
    out[i] = x0;
    cleaned[i] = (short)(value + (value < 0 ? -0.5f : 0.5f));
  }
  return status;
}

static uint32_t squared_error(const short* a, const short* b) {
  uint32_t sum = 0;
  int i;
  for (i = 0; i < samples; ++i) sum += (uint32_t)((a[i] - b[i]) * (a[i] - b[i]));
  return sum / samples;
}

int main(void) {
  mote_sampler* sampler = NULL;
  mote_status status = start(&sampler);
  if (status != MOTE_OK) return fail(status);
  print_count("arena", (uint32_t)sizeof arena);
  board_print("kernels ");
  board_print(mote_sampler_kernels(sampler));
  board_print("\n");
  status = clean_window(sampler);
  board_kick_watchdog();
  if (status != MOTE_OK) return fail(status);
  /* Against the window without noise, which a product does not have. */
  print_count("mean squared error before", squared_error(window_noisy, window_clean));
  print_count("mean squared error after", squared_error(cleaned, window_clean));
  print_count("stack", (uint32_t)board_stack_bytes());
  print_count("stack-used", (uint32_t)board_stack_used());
  print_hash("hash", crc32_of(cleaned, sizeof cleaned));
  print_hash("hash-f32", crc32_of(out, sizeof out));
  return 0;
}
