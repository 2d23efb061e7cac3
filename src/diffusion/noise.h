// mote's random numbers: which number belongs to which seed, step, sample, stream and element. Normative: SPEC.md cites
// this text, and every target gives these bits. A number is a pure function of its coordinates, so any slice in any
// order, on any thread, in any batch gives the same values, and there is no state to save.
//
// Element e (of a picture: its index in NHWC order, so (y * width + x) * channels + c) is word e mod 4 of the block
//     philox4x32_10(counter = (e / 4, step, sample, stream), key = (seed mod 2^32, seed / 2^32))       (core/random.h).
// Uniform integer:  u32 = the word.
// Uniform in [0,1): f32 = (word >> 8) * 2^-24, exact.
// Gaussian (Box & Muller 1958): words (w0, w1) give elements 4j and 4j + 1, words (w2, w3) give 4j + 2 and 4j + 3:
//     u = ((w0 >> 8) + 1) * 2^-24            in (0, 1], exact
//     r = sqrt(-2 * log(u))                  one rounding each: log_f32, product, sqrt_f32
//     (s, c) = sincos_2pi_u24(w1 >> 8)       of the angle 2 pi (w1 >> 8) / 2^24
//     first = r * c, second = r * s
// log_f32, sqrt_f32 and sincos_2pi_u24 are those of core/math.h, bit for bit. |z| <= 5.768 (u = 2^-24); beyond it a
// normal distribution has a mass of 8e-9.
#pragma once
#include <cstdint>

namespace mote {

// What a number is for: the last word of the counter. Values are part of the format; append, never renumber.
enum NoiseStream : uint32_t {
  noise_initial = 0,         // x_T; step 0
  noise_step = 1,            // z of a sampler step; step = index of the row, from 0
  noise_train = 2,           // training: the noise added to a picture; step = iteration, sample = index in the batch
  noise_train_timestep = 3,  // training: which noise level
  noise_dropout = 4,         // training: sample also tells the layers apart
  noise_flip = 5,            // training: mirrored pictures
  noise_shuffle = 6,         // training: order of the pictures; step = epoch
  noise_init_weights = 7,    // training: sample = number of the parameter tensor
  noise_class_dropout = 8,   // training: pictures whose class is hidden
  noise_forward = 9,         // the forward process one step at a time; step = t
  // Editing. Where steps are taken more than once, 2^16 times the number of the round is added to the step, here and in
  // noise_step.
  noise_known = 10,  // inpainting: the noise on the known part; step = index of the row to come
  noise_back = 11,   // the way back to a row that is taken again; step = its index
};

// out[i] = Gaussian number of element first_element + i, for i < count. first_element + count <= 2^32.
void fill_gaussian(float* out, uint32_t first_element, uint32_t count, uint64_t seed, uint32_t step, uint32_t sample,
                   uint32_t stream);

// The four Gaussian numbers of elements 4 * block .. 4 * block + 3.
void gaussian_block(float out[4], uint32_t block, uint64_t seed, uint32_t step, uint32_t sample, uint32_t stream);

// The uniform numbers of one element.
uint32_t uniform_u32(uint32_t element, uint64_t seed, uint32_t step, uint32_t sample, uint32_t stream);
float uniform_f32(uint32_t element, uint64_t seed, uint32_t step, uint32_t sample, uint32_t stream);

// An integer below n: (u32 * n) >> 32. No rejection: each value's probability is within 2^-32 of 1 / n. n > 0.
uint32_t uniform_below(uint32_t n, uint32_t element, uint64_t seed, uint32_t step, uint32_t sample, uint32_t stream);

}  // namespace mote
