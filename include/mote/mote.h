/* mote.h: samples a diffusion model from a caller's buffer. The one header that firmware includes.
 *
 *   #include <mote/mote.h>
 *   #include "fashion.h"                        // made by `weights_tool export`
 *   MOTE_ARENA(arena, MOTE_FASHION_BYTES);      // all memory the sampler will ever use
 *
 *   mote_model model;
 *   mote_sampler *sampler;
 *   mote_config config = {0};                   // zero: the defaults of the model
 *   config.struct_size = sizeof config;
 *   config.seed = 1;
 *   if (mote_open(&model, mote_fashion_model, sizeof mote_fashion_model, mote_fashion_operators) != MOTE_OK) ...
 *   if (mote_sampler_create(&sampler, &model, &config, arena, sizeof arena) != MOTE_OK) ...
 *   while (mote_sampler_run(sampler, 100000) == MOTE_PENDING) kick_watchdog();
 *   mote_sampler_read_u8(sampler, pixels, sizeof pixels);
 *
 * Memory. Nothing is allocated. The model bytes, the operator table and the buffer must outlive the handles made from
 * them, must not move, and the model bytes are never written (flash and read-only mappings are fine). Handles are
 * opaque. A handle is used by one thread at a time; different handles are independent. Nothing is safe in an interrupt.
 *
 * Errors. Every function that can fail returns a mote_status: 0 is success, positive values are not errors, negative
 * values are. On an error the outputs are not written unless the function says otherwise.
 *
 * Pictures are stored row by row, channels last: pixel (y, x), channel c at index (y * width + x) * channels + c.
 * Floats are in the range of the training data, [-1, 1]; bytes are round((clamp(v, -1, 1) + 1) * 127.5).
 */
#ifndef MOTE_H
#define MOTE_H

#include <stddef.h>
#include <stdint.h>

#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- status -------------------------------------------------------------------------------------------------- */

typedef enum mote_status {
  MOTE_OK = 0,
  MOTE_PENDING = 1,              /* not an error: there is more work to do, call again */
  MOTE_E_ARGUMENT = -1,          /* a null pointer, a value out of range, a struct_size this library does not know */
  MOTE_E_ALIGNMENT = -2,         /* a buffer or the model is not aligned to MOTE_ALIGNMENT */
  MOTE_E_BUFFER_TOO_SMALL = -3,  /* a buffer is smaller than the needed size, which the function states */
  MOTE_E_NOT_A_MODEL = -4,       /* the bytes do not begin as a mote model does */
  MOTE_E_VERSION = -5,           /* a format version, section, operator or saved state newer than this library */
  MOTE_E_TRUNCATED = -6,         /* the bytes end before the model does */
  MOTE_E_CORRUPT = -7,           /* a count, dimension, offset, index or number in the model is out of its range */
  MOTE_E_CHECKSUM = -8,          /* the bytes do not match their checksum */
  MOTE_E_LIMIT = -9,             /* valid, but larger than a limit of this library (src/format/SPEC.md) */
  MOTE_E_UNSUPPORTED = -10,      /* valid, but this build or this processor cannot do it */
  MOTE_E_MISSING_OPERATOR = -11, /* the operator table lacks one that the model uses */
  MOTE_E_STEPS = -12,            /* the model was compiled for other steps than those asked for */
  MOTE_E_CLASS = -13,            /* the model has no such class */
  MOTE_E_STATE = -14,            /* a saved state of another model or configuration, or a call out of order */
  MOTE_E_NOT_FINITE = -15,       /* a given picture holds NaN or infinity */
  MOTE_E_SELF_TEST = -16         /* a kernel gives other results than it must: see mote_self_test */
} mote_status;

/* A sentence for each status; never NULL, static storage, for any value. */
const char* mote_status_text(mote_status status);

/* The version of the linked library: compare with MOTE_VERSION, MOTE_VERSION_STRING. */
uint32_t mote_version(void);
const char* mote_version_string(void);

/* ---- memory -------------------------------------------------------------------------------------------------- */

/* What the buffer passed to mote_sampler_create and the model bytes must be aligned to. */
#define MOTE_ALIGNMENT 16

#if defined(__cplusplus)
#define MOTE_ALIGNED alignas(MOTE_ALIGNMENT)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define MOTE_ALIGNED _Alignas(MOTE_ALIGNMENT)
#elif defined(__GNUC__)
#define MOTE_ALIGNED __attribute__((aligned(16)))
#elif defined(_MSC_VER)
#define MOTE_ALIGNED __declspec(align(16))
#else
#error "mote: tell this header how your compiler aligns a variable to 16 bytes"
#endif

/* A static buffer of `bytes` bytes, aligned for mote_sampler_create. */
#define MOTE_ARENA(name, bytes) static MOTE_ALIGNED unsigned char name[bytes]

/* ---- model --------------------------------------------------------------------------------------------------- */

/* An operator implementation, and a table of them, ended by NULL. A model runs with any table that holds the operators
 * it uses; what no table names, the linker drops. `weights_tool export` writes the smallest table for a model. */
typedef struct mote_operator mote_operator;
extern const mote_operator* const mote_all_operators[];

/* An open model: a view of the caller's bytes. Opaque; put it where it will stay. */
typedef struct mote_model {
  uint64_t opaque[32];
} mote_model;

/* Verifies the structure of a model and opens it in place. `bytes` may be larger than the model. The time it takes does
 * not depend on the size of the weights. After MOTE_OK, running the model cannot read or write outside its buffers,
 * whatever its weights hold. Does not compute the checksum: see mote_check.
 * operators: the table of the operators to use, or mote_all_operators. */
mote_status mote_open(mote_model* model, const void* bytes, size_t size, const mote_operator* const* operators);

/* Reads every byte of an open model: the checksum, the range of every weight and the proofs stored with them.
 * A model that passes draws the same pictures on every machine. */
mote_status mote_check(const mote_model* model);

typedef struct mote_model_info {
  uint32_t struct_size; /* in: sizeof(mote_model_info) */
  uint32_t height, width, channels;
  uint32_t out_channels;  /* of the network's output: channels, or twice as many with a learned variance */
  uint32_t num_classes;   /* 0: not class-conditional */
  uint32_t train_steps;   /* T, the number of noise levels the model was trained with */
  uint32_t default_steps; /* steps of a sampler whose config asks for none */
  uint32_t folded;        /* 1: the model runs exactly its stored steps */
  uint32_t parameters;    /* number of weights and biases */
  uint32_t model_bytes;   /* size of the model, which may be less than the size passed to mote_open */
  uint32_t arena_bytes;   /* planned activations and shared scratch */
  uint64_t macs;          /* multiply-accumulates of one forward pass */
} mote_model_info;

mote_status mote_model_get_info(const mote_model* model, mote_model_info* info);

/* The noise levels that a sampler with no wishes of its own visits, in order: default_steps of them. For a folded model
 * these are the only ones it can. MOTE_E_BUFFER_TOO_SMALL: count is less than default_steps. */
mote_status mote_model_get_timesteps(const mote_model* model, int32_t* timesteps, size_t count);

/* ---- sampler ------------------------------------------------------------------------------------------------- */

typedef struct mote_sampler mote_sampler;

/* Runs fn(arg, index, worker) once for every index < n and returns when all are done. worker < workers, and two calls
 * at the same time have different workers. It is not called from inside fn. */
typedef void (*mote_parallel_for_fn)(void* context, uint32_t n, void (*fn)(void* arg, uint32_t index, uint32_t worker),
                                     void* arg);

typedef enum mote_method {
  MOTE_METHOD_DEFAULT = 0,   /* the steps stored in the model, if `steps` is 0 or their number, `timesteps` NULL and
                                `eta` 0; else DDIM */
  MOTE_METHOD_DDIM = 1,      /* Song et al. 2021 (arXiv 2010.02502), eq. 12, with `eta` */
  MOTE_METHOD_DDPM = 2,      /* Ho et al. 2020 (arXiv 2006.11239), ancestral, sigma^2 = beta-tilde */
  MOTE_METHOD_DDPM_LARGE = 3 /* the same with sigma^2 = beta */
} mote_method;

#define MOTE_NO_CLASS (-1)

typedef struct mote_config {
  uint32_t struct_size;  /* sizeof(mote_config) */
  uint32_t steps;        /* 0: the model's default */
  uint64_t seed;         /* key of the noise: the same seed and sample_index give the same picture */
  uint32_t sample_index; /* which picture of that seed */
  int32_t class_label;   /* 0 .. num_classes - 1, or MOTE_NO_CLASS; not looked at if the model has no classes */
  uint32_t method;       /* mote_method */
  float eta; /* DDIM: 0 is deterministic, 1 has the variance of DDPM; 0 to 1. Other methods: not looked at */
  /* The noise levels to visit, `steps` of them (not 0 then), each less than the one before and the first less than
   * train_steps; NULL: evenly spaced, beginning at train_steps - 1. Only read by mote_sampler_create. */
  const int32_t* timesteps;
  const char* kernels; /* NULL: the fastest this processor has; or a name ("ref", "avx2", "neon", ...) */
  /* Threads. NULL: the calling thread does everything. */
  mote_parallel_for_fn parallel_for;
  void* parallel_context;
  uint32_t workers;  /* upper bound of worker numbers; 0 means 1 */
  uint32_t reserved; /* 0 */
  /* Optional memory for rearranged weights, which some kernel sets run faster with. Kept until the sampler is gone; may
   * be shared by samplers of the same model and kernels that name it with packed_ready = 1. NULL: none. */
  void* packed;
  size_t packed_bytes;   /* at least mote_packed_size; `packed` is aligned to MOTE_ALIGNMENT */
  uint32_t packed_ready; /* 1: `packed` was filled by an earlier sampler with the same model and kernels */
  uint32_t reserved2;    /* 0 */
  /* Classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598): the network runs twice a step, with the class and
   * without, and its output is out_none + guidance_scale * (out_class - out_none). 0 and 1: the class as it is, one pass;
   * above 1: more of it, less variety; 0 .. 1: between none and the class. At most 1024 in magnitude. Costs one float an
   * element (mote_working_size) and twice the work. MOTE_E_CLASS: the model has no classes. With MOTE_NO_CLASS there is
   * nothing to guide to and one pass. A learned variance is not guided. */
  float guidance_scale;
  uint32_t reserved3; /* 0 */
} mote_config;

/* The exact number of bytes mote_sampler_create needs for this configuration: they depend on steps, kernels, workers and
 * whether `packed` is given. config may be NULL: all defaults. */
mote_status mote_working_size(const mote_model* model, const mote_config* config, size_t* bytes);

/* The number of bytes of `packed` that the kernels of this configuration can use; 0 if they use none. */
mote_status mote_packed_size(const mote_model* model, const mote_config* config, size_t* bytes);

/* Makes a sampler inside `buffer` and draws x_T from the seed. The buffer must stay where it is.
 * MOTE_E_BUFFER_TOO_SMALL: ask mote_working_size, or mote_packed_size for `packed`. MOTE_E_STEPS: the model runs only
 * the steps that mote_model_get_timesteps lists. After an error the buffer's contents are undefined. */
mote_status mote_sampler_create(mote_sampler** sampler, const mote_model* model, const mote_config* config,
                                void* buffer, size_t size);

/* Begins again with another picture, in the same buffer, also in the middle of a step: as if created with this seed,
 * index and class. */
mote_status mote_sampler_restart(mote_sampler* sampler, uint64_t seed, uint32_t sample_index, int32_t class_label);

/* Replaces the current x_t (at the start: x_T) by height * width * channels floats, which must be finite; values below
 * 2^-64 in magnitude become 0. Only between steps, else MOTE_E_STATE. */
mote_status mote_sampler_set_x(mote_sampler* sampler, const float* x, size_t count);

/* Does one whole step, or the rest of one that mote_sampler_run began: MOTE_OK when it was the last (or there is nothing
 * left to do), MOTE_PENDING if there are more. */
mote_status mote_sampler_step(mote_sampler* sampler);

/* Works for about `work` multiply-accumulates (elements, where there are none to count), at least one band of rows, and
 * returns MOTE_PENDING, or MOTE_OK when the picture is done. The bytes of the picture do not depend on `work`. */
mote_status mote_sampler_run(mote_sampler* sampler, uint64_t work);

typedef struct mote_progress {
  uint32_t struct_size;      /* in: sizeof(mote_progress) */
  uint32_t step, steps;      /* steps finished, steps in all */
  uint32_t timestep;         /* the noise level of the step in progress; 0 when done */
  uint64_t work, work_total; /* in the units of mote_sampler_run, over all steps */
} mote_progress;

mote_status mote_sampler_get_progress(const mote_sampler* sampler, mote_progress* progress);

/* Reads the current x_t: the picture, when done. count and size are those of the destination, at least
 * height * width * channels elements. */
mote_status mote_sampler_read_f32(const mote_sampler* sampler, float* pixels, size_t count);
mote_status mote_sampler_read_u8(const mote_sampler* sampler, uint8_t* pixels, size_t size);

/* Saves what is needed to go on later from the last finished step: little-endian, versioned, with a checksum, the same
 * on every machine. Work done inside a step that is not finished is repeated after restoring. The saved block depends
 * on the model and the configuration, not on the buffer, kernels or threads. */
mote_status mote_sampler_saved_size(const mote_sampler* sampler, size_t* bytes);
mote_status mote_sampler_save(const mote_sampler* sampler, void* block, size_t size);
/* Restores into a sampler created with the same model, steps, method, eta and guidance_scale, in which a known part and a
 * measurement are set if and only if they were when the block was saved, else MOTE_E_STATE (their values, and the rounds of
 * steps, are not in the block: the caller sets the same again); takes seed, index, class
 * and x_t from the block. The bytes that follow are those of a sampler that was never interrupted. An error leaves the
 * sampler as it was. */
mote_status mote_sampler_restore(mote_sampler* sampler, const void* block, size_t size);

/* Runs the network once, outside of any trajectory: out = model(x, timestep, class), 0 <= timestep < train_steps. x
 * holds height * width * channels floats, finite; out out_count floats, at least height * width * out_channels; it may
 * be x. Uses the sampler's memory, only between steps, else MOTE_E_STATE; does not change x_t. MOTE_E_STEPS: a folded
 * model has no such noise level. */
mote_status mote_sampler_predict(mote_sampler* sampler, const float* x, float timestep, int32_t class_label, float* out,
                                 size_t out_count);

/* ---- editing -------------------------------------------------------------------------------------------------
 * Each of these calls has a source file of its own: a program that does not make a call does not pay for it. They may be
 * combined: where to start, which part is known, what was measured. Pictures are float arrays of height * width *
 * channels elements in the range of the training data, [-1, 1]; those a sampler keeps using must stay where they are.
 * They need steps that state their noise level, else MOTE_E_UNSUPPORTED: those the library makes do; stored ones do in
 * files made since levels are stored, but for methods that predict something other than the picture. */

/* Image-to-image (Meng et al. 2022, arXiv 2108.01073): begins again, with the seed, index and class the sampler has, from
 * the picture x0 with as much noise as belongs to the step where the last round(strength * steps) steps begin, at least
 * one. strength: 0 < strength <= 1, larger changes more. The steps before count as finished. */
mote_status mote_sampler_start_image(mote_sampler* sampler, const float* x0, size_t count, float strength);

/* Denoising: begins again from a picture that has Gaussian noise of standard deviation `sigma` on it (in units of the
 * range [-1, 1], >= 0), at the last step whose own level, noise over signal, is no less than sigma, or at the last of all;
 * what noise that step expects more is added. MOTE_E_ARGUMENT: no step is as noisy as sigma. */
mote_status mote_sampler_start_noisy(mote_sampler* sampler, const float* noisy, size_t count, float sigma);

/* The least noise level of a model, as a timestep for mote_config, whose noise over signal is no less than sigma: with it
 * as the first of `timesteps`, mote_sampler_start_noisy adds next to no noise. MOTE_E_STEPS: the model runs stored steps
 * only. MOTE_E_ARGUMENT: no level is as noisy. */
mote_status mote_model_find_timestep(const mote_model* model, float sigma, int32_t* timestep);

/* Inpainting: after each step, x_t becomes that of the picture `known` with noise of its own (Song et al. 2021, arXiv
 * 2011.13456, appendix I.2) where mask is 255, and at the end exactly `known`; stays where mask is 0; mixes in mask / 255
 * between. One byte an element. What lies in `known` where mask is 0 is not looked at; elsewhere it must be finite. Both
 * must stay; NULL, NULL, 0: nothing is known from now on. Kept when the sampler begins again. Only between steps, else
 * MOTE_E_STATE. */
mote_status mote_sampler_set_known(mote_sampler* sampler, const float* known, const uint8_t* mask, size_t count);

/* Takes every step but the last `rounds` times, going back by the forward process between (Lugmayr et al. 2022, arXiv
 * 2201.09865: RePaint with jumps of one step): the open part of a picture gets to fit what is known or measured. 0 and 1:
 * once; at most 63. Costs that many times the work. MOTE_E_UNSUPPORTED also for methods that keep a history. Kept when the
 * sampler begins again. Only between steps, else MOTE_E_STATE. */
mote_status mote_sampler_set_rounds(mote_sampler* sampler, uint32_t rounds);

/* Draws only pictures that agree with measurements y = A x (null-space: Wang et al. 2023, arXiv 2212.00490): in every step
 * the predicted picture p becomes p + weight * A^+ (y - A p), with A^+ the pseudo-inverse of A, and the step goes on with
 * it. weight: 0 < weight <= 1; 1: the result agrees with y but for rounding; less for measurements with noise. y (and
 * mask) must stay; NULL and counts of 0: none from now on. A sampler has one measurement, the last set, also when it
 * begins again. Only between steps, else MOTE_E_STATE.
 * of_elements: A takes the elements where mask is not 0; both have `count` elements, of the picture.
 * of_averages: A takes the means of blocks of block_height by block_width pixels, for each channel by itself; these must
 * divide the picture, and count is (height / block_height) * (width / block_width) * channels. */
mote_status mote_sampler_set_measured_elements(mote_sampler* sampler, const float* y, const uint8_t* mask, size_t count,
                                               float weight);
mote_status mote_sampler_set_measured_averages(mote_sampler* sampler, const float* y, size_t count,
                                               uint32_t block_height, uint32_t block_width, float weight);

/* ---- kernels ------------------------------------------------------------------------------------------------- */

/* The name of the kernel set a sampler runs. */
const char* mote_sampler_kernels(const mote_sampler* sampler);

/* The kernel sets this processor can run, fastest first: index 0, 1, ...; NULL past the end. "ref" is the last. */
const char* mote_kernels_name(uint32_t index);

/* ---- self-test ----------------------------------------------------------------------------------------------- */

/* The test of one kernel, and a table of them, ended by NULL. What no table names, the linker drops; all of it, if
 * mote_self_test is not called. `weights_tool export` writes the table for the operators of a model. */
typedef struct mote_self_test_case mote_self_test_case;
extern const mote_self_test_case* const mote_all_self_tests[];

/* What mote_self_test needs, aligned to MOTE_ALIGNMENT. A sampler's buffer can be lent before the sampler is made. */
#define MOTE_SELF_TEST_BYTES 16384

/* Runs kernels on small made-up problems: each must write what the portable kernel `ref` writes (the same bytes; floats
 * within rounding), and ref what it wrote where this library was made. Finds a processor, an FPU or a compiler that does
 * not do what the pictures rest on, without a model. kernels: as in mote_config. `buffer` needs MOTE_SELF_TEST_BYTES,
 * else MOTE_E_BUFFER_TOO_SMALL; with more, four times that, the kernels that run faster with rearranged weights are
 * tested with these too. MOTE_E_SELF_TEST: *failed (if failed is not NULL) is the name of the first kernel that differs,
 * such as "conv2d_s8". */
mote_status mote_self_test(const mote_self_test_case* const* tests, const char* kernels, void* buffer, size_t size,
                           const char** failed);

#ifdef __cplusplus
}
#endif

#endif
