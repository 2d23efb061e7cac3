/* What a user's program does with an installed mote, in C99: compares versions, is refused a file that is no model and,
 * given the name of a model, draws a picture of it in two steps, or as many as a second argument says (0: what the model
 * was compiled for). Prints one line. */
#include <mote/mote.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char* what, mote_status status) {
  fprintf(stderr, "consume: %s: %s\n", what, mote_status_text(status));
  return 1;
}

/* A whole file in malloc'ed memory (which is aligned to 16 bytes on 64-bit machines), or NULL. */
static unsigned char* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  unsigned char* bytes = NULL;
  long length;
  if (file == NULL) return NULL;
  if (fseek(file, 0, SEEK_END) == 0 && (length = ftell(file)) > 0 && fseek(file, 0, SEEK_SET) == 0) {
    bytes = malloc((size_t)length);
    if (bytes != NULL && fread(bytes, 1, (size_t)length, file) != (size_t)length) {
      free(bytes);
      bytes = NULL;
    }
    *size = (size_t)length;
  }
  fclose(file);
  return bytes;
}

static int draw(const unsigned char* bytes, size_t size, unsigned steps) {
  static mote_model model;
  mote_sampler* sampler = NULL;
  mote_config config;
  size_t working = 0;
  void* buffer;
  mote_status status = mote_open(&model, bytes, size, mote_all_operators);
  if (status != MOTE_OK) return fail("open", status);
  if ((status = mote_check(&model)) != MOTE_OK) return fail("check", status);
  memset(&config, 0, sizeof config);
  config.struct_size = sizeof config;
  config.seed = 1;
  config.steps = steps;
  if ((status = mote_working_size(&model, &config, &working)) != MOTE_OK) return fail("working size", status);
  buffer = malloc(working);
  if (buffer == NULL) return 1;
  status = mote_sampler_create(&sampler, &model, &config, buffer, working);
  if (status != MOTE_OK) return fail("create", status);
  while ((status = mote_sampler_step(sampler)) == MOTE_PENDING) continue;
  if (status != MOTE_OK) return fail("step", status);
  printf("drew a picture in %lu bytes with the %s kernels\n", (unsigned long)working, mote_sampler_kernels(sampler));
  free(buffer);
  return 0;
}

int main(int argc, char** argv) {
  static MOTE_ALIGNED unsigned char garbage[64] = "no model at all";
  static mote_model model;
  unsigned char* bytes;
  size_t size = 0;
  int result;
  mote_status status;
  if (mote_version() != MOTE_VERSION) return fail("header and library differ", MOTE_E_VERSION);
  status = mote_open(&model, garbage, sizeof garbage, mote_all_operators);
  if (status != MOTE_E_NOT_A_MODEL) return fail("garbage was taken for a model", status);
  printf("mote %s: ", mote_version_string());
  if (argc < 2) return printf("linked\n") < 0;
  bytes = read_file(argv[1], &size);
  if (bytes == NULL) return fail("cannot read the model", MOTE_E_ARGUMENT);
  result = draw(bytes, size, argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 2);
  free(bytes);
  return result;
}
