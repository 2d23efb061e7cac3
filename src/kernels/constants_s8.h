// The constants of the int8 kernels (kernels_s8.h) for one step of the sampler, from the scales of the tensors they join.
// Portable, scalar, the same bits everywhere: float operations are rounded once each and done in the order given. Made
// anew in each step; nothing is cached. No kernels here.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mote {

// A scale in [2^-40, 2^20] and a zero point in [-128, 127]; how model files store them (format::QuantValue).
struct ScaleS8 {
  float scale;
  int32_t zero;
};

// Channels [begin, end) of a convolution: inv = 1 / y_scale (1 for float output),
//   m[i][o] = weight_scale[o] * (x_scale[i] * inv);  b[o] = (bias[o] + shift[o]) * inv;
//   correction[i][o] = -x_zero[i] * sums[i][o] modulo 2^32.
struct Conv2dS8Constants {
  const ScaleS8* weight_scale;  // [out_channels]
  const float* bias;            // [out_channels] or null
  const float* shift;           // [out_channels] or null
  ScaleS8 x[2];
  int inputs;  // 1 or 2
  float inv;
  const int32_t* sums[2];  // sums of weights [out_channels]; may be correction itself; null: no correction
  float* m[2];
  float* b;
  int32_t* correction[2];
};
void conv2d_s8_constants(const Conv2dS8Constants&, int begin, int end);

// The factor and offset of an affine map in fixed point: y = (x * A + B) >> shift stands for
// clamp((x - zero) * factor + offset), rounded to nearest, offset already in codes of y. shift is common to all channels
// of an operator: the largest in 0..20 with  max |factor| * 2^shift <= 32767  and  max |offset| * 2^shift <= 2^29 (0 if
// there is none).
//   A = rne(clamp(factor * 2^shift, -32767, 32767))
//   B = (rne(clamp(offset * 2^shift, -2^29, 2^29)) - zero * A) + (shift > 0 ? 2^(shift - 1) : 0)
// (rne of |v| >= 2^22 drops the fraction). |x * A + B| < 2^31 for every int8 x.
int fixed_shift(float largest_factor, float largest_offset);
void fixed_point(float factor, float offset, int32_t zero, int shift, int32_t* A, int32_t* B);

// Group normalisation over the concatenation of two inputs (kernels.h, GroupNormF32), from exact sums.
// For each group, for each input i with n_i > 0 elements in it, sum S_i of x and sum of squares Q_i (raw codes), in int64:
//   mean_i = (f(S_i - n_i * zero_i) / f(n_i)) * scale_i
//   dev_i  = (f(n_i * Q_i - S_i^2) / f(n_i)) * (scale_i * scale_i)           sum of squared deviations
// With both (Chan, Golub & LeVeque 1983, eq. 2.1), n = n_0 + n_1, delta = mean_1 - mean_0:
//   mean = mean_0 + delta * (f(n_1) / f(n));  dev = (dev_0 + dev_1) + (delta * delta) * ((f(n_0) * f(n_1)) / f(n))
// r = 1 / sqrt(dev / f(n) + epsilon). For channel c of input i:
//   g = r * gamma[c];  h = beta[c] - mean * g;  with scale_shift: t = 1 + scale[c]: g = g * t; h = h * t + shift[c]
//   factor = (g * scale_i) * out_inv;  offset = h * out_inv + out_zero
// then fixed_point over all channels. The output code is u = n / out_scale + out_zero: of y, or the index into a table.
struct GroupNormS8Constants {
  ScaleS8 x[2];
  int32_t channels[2];
  int32_t height, width, groups;
  float epsilon;
  const float* gamma;        // [C] or null (ones)
  const float* beta;         // [C] or null (zeros)
  const float* scale_shift;  // [2C] or null
  float out_inv;             // 1 / out_scale
  float out_zero;
  // In: sums of `slices` slices of rows, each [2][C]: sum (int32) then squares (uint32). Out: A in stats[0 .. C), B in
  // stats[C .. 2C), the shift in stats[slices * 2C].
  int32_t* stats;
  int slices;
};
constexpr size_t group_norm_s8_stats_bytes(int channels, int height) {
  return (((height < 4 ? static_cast<size_t>(height) : 4) * 8 * static_cast<size_t>(channels) + 15) & ~size_t{15}) + 16;
}
void group_norm_s8_constants(const GroupNormS8Constants&);

// y = act-less x * (1 + scale[c]) + shift[c] (scale may be null), A, B for each channel and the shift: as above with
// g = 1 + scale[c], h = shift[c].
struct ScaleShiftS8Constants {
  ScaleS8 x;
  int32_t channels;
  const float* scale;  // [channels] or null
  const float* shift;  // [channels]
  float out_inv, out_zero;
  int32_t *A, *B, *fixed_shift;
};
void scale_shift_s8_constants(const ScaleShiftS8Constants&);

}  // namespace mote
