#include "kernels/constants_s8.h"

#include "core/math.h"

namespace mote {
namespace {

constexpr int largest_shift = 20;
constexpr float largest_A = 32767.0f, largest_B = 0x1p29f;

// A NaN, which checked models do not make, becomes low: the conversion to an integer must be defined.
float clamp_f32(float v, float low, float high) {
  v = v > low ? v : low;
  return v < high ? v : high;
}

// Nearest for |v| < 2^22; beyond, where a float has at most one bit of fraction, the fraction is dropped.
int32_t to_fixed(float v) { return abs_f32(v) < 0x1p22f ? round_to_i32(v) : static_cast<int32_t>(v); }

float larger(float a, float b) { return a > b ? a : b; }

}  // namespace

void conv2d_s8_constants(const Conv2dS8Constants& args, int begin, int end) {
  for (int i = 0; i < args.inputs; ++i) {
    const float ratio = args.x[i].scale * args.inv;
    const uint32_t zero = static_cast<uint32_t>(-args.x[i].zero);
    for (int o = begin; o < end; ++o) args.m[i][o] = args.weight_scale[o].scale * ratio;
    if (args.sums[i] == nullptr) continue;
    for (int o = begin; o < end; ++o) {
      args.correction[i][o] = static_cast<int32_t>(zero * static_cast<uint32_t>(args.sums[i][o]));
    }
  }
  for (int o = begin; o < end; ++o) {
    const float bias = args.bias != nullptr ? args.bias[o] : 0.0f;
    args.b[o] = (args.shift != nullptr ? bias + args.shift[o] : bias) * args.inv;
  }
}

int fixed_shift(float largest_factor, float largest_offset) {
  int shift = largest_shift;
  while (shift > 0) {
    const float power = exp2_int_f32(shift);
    if (largest_factor * power <= largest_A && largest_offset * power <= largest_B) break;
    --shift;
  }
  return shift;
}

void fixed_point(float factor, float offset, int32_t zero, int shift, int32_t* A, int32_t* B) {
  const float power = exp2_int_f32(shift);
  *A = to_fixed(clamp_f32(factor * power, -largest_A, largest_A));
  const int32_t half = shift > 0 ? int32_t{1} << (shift - 1) : 0;
  *B = (to_fixed(clamp_f32(offset * power, -largest_B, largest_B)) - zero * *A) + half;
}

namespace {

struct Moments {
  float mean, deviation, root;  // root: 1 / sqrt(variance + epsilon)
};

// Of the channels [begin, end) of the concatenation that belong to input i.
struct SourceSums {
  int64_t count = 0, sum = 0, squares = 0;
};

SourceSums sums_of_source(const GroupNormS8Constants& args, int begin, int end) {
  const int channels = args.channels[0] + args.channels[1];
  SourceSums total;
  for (int slice = 0; slice < args.slices; ++slice) {
    const int32_t* sums = args.stats + static_cast<ptrdiff_t>(slice) * 2 * channels;
    for (int c = begin; c < end; ++c) {
      total.sum += sums[c];
      total.squares += static_cast<uint32_t>(sums[channels + c]);
    }
  }
  total.count = int64_t{args.height} * args.width * (end - begin);
  return total;
}

Moments moments_of_source(const SourceSums& s, const ScaleS8& x) {
  const float n = f32_from_i64(s.count);
  Moments m;
  m.mean = (f32_from_i64(s.sum - s.count * x.zero) / n) * x.scale;
  m.deviation = (f32_from_i64(s.count * s.squares - s.sum * s.sum) / n) * (x.scale * x.scale);
  return m;
}

Moments moments_of_group(const GroupNormS8Constants& args, int begin, int end) {
  const int border = args.channels[0];
  const int middle = begin > border ? begin : end < border ? end : border;  // inputs 0 | 1
  Moments group;
  const SourceSums first = sums_of_source(args, begin, middle), second = sums_of_source(args, middle, end);
  if (second.count == 0) {
    group = moments_of_source(first, args.x[0]);
  } else if (first.count == 0) {
    group = moments_of_source(second, args.x[1]);
  } else {
    const Moments a = moments_of_source(first, args.x[0]), b = moments_of_source(second, args.x[1]);
    const float n0 = f32_from_i64(first.count), n1 = f32_from_i64(second.count);
    const float n = f32_from_i64(first.count + second.count);
    const float delta = b.mean - a.mean;
    group.mean = a.mean + delta * (n1 / n);
    group.deviation = (a.deviation + b.deviation) + (delta * delta) * ((n0 * n1) / n);
  }
  group.root = 1.0f / sqrt_f32(group.deviation / f32_from_i64(first.count + second.count) + args.epsilon);
  return group;
}

// Floats kept where the integer constants will be.
void put(int32_t* at, float value) { *at = static_cast<int32_t>(bits_of_f32(value)); }
float get(const int32_t* at) { return f32_of_bits(static_cast<uint32_t>(*at)); }

// Factors and offsets, left as floats in A and B, become integers.
int to_fixed_point(int32_t* A, int32_t* B, int channels, const ScaleS8 x[2], int border) {
  float factor = 0.0f, offset = 0.0f;
  for (int c = 0; c < channels; ++c) {
    factor = larger(abs_f32(get(A + c)), factor);
    offset = larger(abs_f32(get(B + c)), offset);
  }
  const int shift = fixed_shift(factor, offset);
  for (int c = 0; c < channels; ++c) {
    fixed_point(get(A + c), get(B + c), x[c < border ? 0 : 1].zero, shift, A + c, B + c);
  }
  return shift;
}

}  // namespace

void group_norm_s8_constants(const GroupNormS8Constants& args) {
  const int channels = args.channels[0] + args.channels[1];
  const int group_channels = channels / args.groups;
  int32_t *A = args.stats, *B = args.stats + channels;
  for (int begin = 0; begin < channels; begin += group_channels) {
    const Moments group = moments_of_group(args, begin, begin + group_channels);
    for (int c = begin; c < begin + group_channels; ++c) {
      float g = args.gamma != nullptr ? group.root * args.gamma[c] : group.root;
      float h = (args.beta != nullptr ? args.beta[c] : 0.0f) - group.mean * g;
      if (args.scale_shift != nullptr) {
        const float t = 1.0f + args.scale_shift[c];
        g = g * t;
        h = h * t + args.scale_shift[channels + c];
      }
      put(A + c, (g * args.x[c < args.channels[0] ? 0 : 1].scale) * args.out_inv);
      put(B + c, h * args.out_inv + args.out_zero);
    }
  }
  args.stats[static_cast<ptrdiff_t>(args.slices) * 2 * channels] =
      to_fixed_point(A, B, channels, args.x, args.channels[0]);
}

void scale_shift_s8_constants(const ScaleShiftS8Constants& args) {
  for (int c = 0; c < args.channels; ++c) {
    const float g = args.scale != nullptr ? 1.0f + args.scale[c] : 1.0f;
    put(args.A + c, (g * args.x.scale) * args.out_inv);
    put(args.B + c, args.shift[c] * args.out_inv + args.out_zero);
  }
  *args.fixed_shift = to_fixed_point(args.A, args.B, args.channels, &args.x, args.channels);
}

}  // namespace mote
