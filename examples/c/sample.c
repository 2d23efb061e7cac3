/* Draws one picture from a model file: as text on the terminal, and as a PGM or PPM file.
 *
 *   sample MODEL [PICTURE]          e.g. sample examples/models/fashion.mote picture.pgm
 *
 * C99. embedded/main.c does the same without files and malloc, as firmware does. */
#include <mote/mote.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* malloc, with the alignment that mote wants. *allocation is what to free. */
static void* allocate_aligned(size_t size, void** allocation) {
  unsigned char* bytes = malloc(size + MOTE_ALIGNMENT);
  *allocation = bytes;
  if (bytes == NULL) return NULL;
  return bytes + (MOTE_ALIGNMENT - (size_t)bytes % MOTE_ALIGNMENT) % MOTE_ALIGNMENT;
}

/* The whole file, aligned; NULL if it cannot be read. */
static void* read_file(const char* path, size_t* size, void** allocation) {
  FILE* file = fopen(path, "rb");
  void* bytes = NULL;
  long end = -1;
  if (file == NULL) return NULL;
  if (fseek(file, 0, SEEK_END) == 0) end = ftell(file);
  if (end >= 0 && fseek(file, 0, SEEK_SET) == 0) {
    *size = (size_t)end;
    bytes = allocate_aligned(*size, allocation);
    if (bytes != NULL && fread(bytes, 1, *size, file) != *size) {
      free(*allocation);
      bytes = NULL;
    }
  }
  fclose(file);
  return bytes;
}

/* Two characters a pixel, so that pixels look square. */
static void print_picture(const unsigned char* pixels, const mote_model_info* info) {
  static const char shades[] = " .:-=+*#%@";
  uint32_t y, x;
  for (y = 0; y < info->height; ++y) {
    for (x = 0; x < info->width; ++x) {
      const unsigned char value = pixels[(y * info->width + x) * info->channels];
      const char shade = shades[value * (sizeof shades - 1) / 256];
      putchar(shade);
      putchar(shade);
    }
    putchar('\n');
  }
}

/* Netpbm: one channel is grey (P5), three are colour (P6). 0 if it could not be written. */
static int write_picture(const char* path, const unsigned char* pixels, const mote_model_info* info) {
  const size_t size = (size_t)info->height * info->width * info->channels;
  FILE* file;
  int written;
  if (info->channels != 1 && info->channels != 3) return 0;
  file = fopen(path, "wb");
  if (file == NULL) return 0;
  fprintf(file, "P%c\n%u %u\n255\n", info->channels == 1 ? '5' : '6', (unsigned)info->width, (unsigned)info->height);
  written = fwrite(pixels, 1, size, file) == size;
  return fclose(file) == 0 && written;
}

static mote_status draw(const void* bytes, size_t size, mote_model_info* info, unsigned char** pixels) {
  mote_model model;
  mote_sampler* sampler;
  mote_config config = {0};
  mote_status status;
  size_t working_bytes, picture_bytes;
  void *working, *allocation, *packed_allocation = NULL;

  config.struct_size = sizeof config;
  config.seed = 1;
  info->struct_size = sizeof *info;
  status = mote_open(&model, bytes, size, mote_all_operators);
  if (status == MOTE_OK) status = mote_check(&model);
  if (status == MOTE_OK) status = mote_model_get_info(&model, info);
  /* Memory for rearranged weights: many kernels run several times faster with it. A microcontroller goes without. */
  if (status == MOTE_OK) status = mote_packed_size(&model, &config, &config.packed_bytes);
  if (status == MOTE_OK && config.packed_bytes != 0) {
    config.packed = allocate_aligned(config.packed_bytes, &packed_allocation);
  }
  if (status == MOTE_OK) status = mote_working_size(&model, &config, &working_bytes);
  if (status != MOTE_OK) return status;

  picture_bytes = (size_t)info->height * info->width * info->channels;
  working = allocate_aligned(working_bytes, &allocation);
  *pixels = malloc(picture_bytes);
  if (working == NULL || *pixels == NULL) {
    status = MOTE_E_BUFFER_TOO_SMALL;
  } else {
    status = mote_sampler_create(&sampler, &model, &config, working, working_bytes);
  }
  if (status == MOTE_OK) {
    printf("%u x %u, %lu bytes of model, %lu bytes of working memory, kernels: %s\n", (unsigned)info->height,
           (unsigned)info->width, (unsigned long)info->model_bytes, (unsigned long)working_bytes,
           mote_sampler_kernels(sampler));
    do {
      status = mote_sampler_run(sampler, 1000000); /* a firmware would kick its watchdog here */
    } while (status == MOTE_PENDING);
  }
  if (status == MOTE_OK) status = mote_sampler_read_u8(sampler, *pixels, picture_bytes);
  free(allocation);
  free(packed_allocation);
  return status;
}

int main(int argc, char** argv) {
  void *bytes, *allocation;
  size_t size;
  unsigned char* pixels = NULL;
  mote_model_info info;
  mote_status status;
  int result = 0;
  if (argc != 2 && argc != 3) {
    fprintf(stderr, "usage: sample MODEL [PICTURE]\n");
    return 2;
  }
  bytes = read_file(argv[1], &size, &allocation);
  if (bytes == NULL) {
    fprintf(stderr, "sample: cannot read %s\n", argv[1]);
    return 4;
  }
  status = draw(bytes, size, &info, &pixels);
  if (status != MOTE_OK) {
    fprintf(stderr, "sample: %s: %s\n", argv[1], mote_status_text(status));
    result = 3;
  } else {
    print_picture(pixels, &info);
    if (argc == 3 && !write_picture(argv[2], pixels, &info)) {
      fprintf(stderr, "sample: cannot write %s\n", argv[2]);
      result = 4;
    }
  }
  free(pixels);
  free(allocation);
  return result;
}
