/* The public header in C99: everything a program in C can write with it compiles without a warning, and statuses and
 * struct sizes are what C sees. Called from api_test.cpp. */
#include <mote/mote.h>
#include <stddef.h>

#ifdef __cplusplus
#error "this file must be compiled as C"
#endif

MOTE_ARENA(c99_arena, 1024);
/* A table as weights_tool writes it: descriptors are opaque in C. */
extern const mote_operator mote_op_conv2d_f32;
static const mote_operator* const c99_operators[] = {&mote_op_conv2d_f32, NULL};

int c99_arena_is_aligned(void);
int c99_opens(const void* bytes, size_t size);
size_t c99_config_size(void);
size_t c99_model_size(void);

int c99_arena_is_aligned(void) { return (size_t)c99_arena % MOTE_ALIGNMENT == 0 && sizeof c99_arena == 1024; }

size_t c99_config_size(void) { return sizeof(mote_config); }
size_t c99_model_size(void) { return sizeof(mote_model); }

/* Opens, draws with default settings in memory of this file, and closes: 0 or a negative status. */
int c99_opens(const void* bytes, size_t size) {
  static mote_model model;
  MOTE_ARENA(arena, 65536);
  mote_sampler* sampler;
  mote_config config = {0};
  mote_status status = mote_open(&model, bytes, size, c99_operators);
  config.struct_size = sizeof config;
  config.seed = 1;
  if (status == MOTE_OK) status = mote_check(&model);
  if (status == MOTE_OK) status = mote_sampler_create(&sampler, &model, &config, arena, sizeof arena);
  if (status == MOTE_OK) {
    do {
      status = mote_sampler_run(sampler, 1000);
    } while (status == MOTE_PENDING);
  }
  return (int)status;
}
