// Group normalisation as kernels.h defines it, in its three phases.
//
// Statistics: each channel has a pivot, its value at the first pixel, and sums d = x - pivot and d^2 over a slice of
// rows. A pivot inside the data keeps the difference sum(d^2) - sum(d)^2 / n harmless when the mean is far from zero.
// Slices share the pivot and are added in order; channels of a group are then combined by the formula of Chan, Golub &
// LeVeque (1979), lowest channel first.
#include "kernels/ref/ref.h"

namespace mote {
namespace {

// Channel c of the concatenated inputs: where it starts, and the distance from pixel to pixel.
struct Channel {
  const float* first;
  int pitch;
};

Channel channel_of(const GroupNormF32& args, int c) {
  const int source = c < args.channels[0] ? 0 : 1;
  return {args.x[source] + (source == 0 ? c : c - args.channels[0]), args.channels[source]};
}

void sum_slice(const GroupNormF32& args, int slice) {
  const int slices = group_norm_slices(args.height);
  const int channels = args.channels[0] + args.channels[1];
  const ptrdiff_t begin = static_cast<ptrdiff_t>(slice * args.height / slices) * args.width;
  const ptrdiff_t end = static_cast<ptrdiff_t>((slice + 1) * args.height / slices) * args.width;
  float* sums = args.stats + static_cast<ptrdiff_t>(2 * slice) * channels;
  for (int c = 0; c < channels; ++c) {
    const Channel channel = channel_of(args, c);
    const float pivot = *channel.first;
    float sum = 0.0f, squares = 0.0f;
    for (ptrdiff_t p = begin; p < end; ++p) {
      const float d = channel.first[p * channel.pitch] - pivot;
      sum += d;
      squares += d * d;
    }
    sums[c] = sum;
    sums[channels + c] = squares;
  }
}

// Mean and sum of squared deviations of `group`.
void combine_group(const GroupNormF32& args, int group, float* mean, float* deviations) {
  const int slices = group_norm_slices(args.height);
  const int channels = args.channels[0] + args.channels[1];
  const int size = channels / args.groups;
  const float n = static_cast<float>(args.height) * static_cast<float>(args.width);
  *mean = 0.0f;
  *deviations = 0.0f;
  for (int i = 0; i < size; ++i) {
    const int c = group * size + i;
    float sum = 0.0f, squares = 0.0f;
    for (int s = 0; s < slices; ++s) {
      sum += args.stats[static_cast<ptrdiff_t>(2 * s) * channels + c];
      squares += args.stats[static_cast<ptrdiff_t>(2 * s + 1) * channels + c];
    }
    const float offset = sum / n;
    const float channel_deviations = squares - sum * offset;
    const float delta = *channel_of(args, c).first + offset - *mean;
    const float share = 1.0f / static_cast<float>(i + 1);  // this channel's part of the values so far
    *mean += delta * share;
    *deviations += channel_deviations + delta * delta * (n * static_cast<float>(i) * share);
  }
}

void combine(const GroupNormF32& args) {
  const int channels = args.channels[0] + args.channels[1];
  const int size = channels / args.groups;
  float* factors = args.stats + static_cast<ptrdiff_t>(2 * group_norm_slices(args.height)) * channels;
  float* offsets = factors + channels;
  for (int group = 0; group < args.groups; ++group) {
    float mean, deviations;
    combine_group(args, group, &mean, &deviations);
    const float n = static_cast<float>(args.height) * static_cast<float>(args.width) * static_cast<float>(size);
    const float variance = deviations > 0.0f ? deviations / n : 0.0f;
    const float inverse = 1.0f / sqrt_f32(variance + args.epsilon);
    for (int c = group * size; c < (group + 1) * size; ++c) {
      float factor = inverse * (args.gamma != nullptr ? args.gamma[c] : 1.0f);
      float offset = (args.beta != nullptr ? args.beta[c] : 0.0f) - mean * factor;
      if (args.scale_shift != nullptr) {
        const float scale = 1.0f + args.scale_shift[c];
        factor *= scale;
        offset = offset * scale + args.scale_shift[channels + c];
      }
      factors[c] = factor;
      offsets[c] = offset;
    }
  }
}

void apply(const GroupNormF32& args, int row_begin, int row_end) {
  const int channels = args.channels[0] + args.channels[1];
  const float* factors = args.stats + static_cast<ptrdiff_t>(2 * group_norm_slices(args.height)) * channels;
  const float* offsets = factors + channels;
  const ptrdiff_t end = static_cast<ptrdiff_t>(row_end) * args.width;
  for (ptrdiff_t p = static_cast<ptrdiff_t>(row_begin) * args.width; p < end; ++p) {
    for (int c = 0; c < channels; ++c) {
      const Channel channel = channel_of(args, c);
      const float value = channel.first[p * channel.pitch] * factors[c] + offsets[c];
      float* y = args.y[0] + p * channels + c;
      if (args.y[1] != nullptr) {
        y = c < args.channels[0] ? args.y[0] + p * args.channels[0] + c
                                 : args.y[1] + p * args.channels[1] + (c - args.channels[0]);
      }
      *y = activate_f32(value, args.activation);
    }
  }
}

}  // namespace

void group_norm_f32_ref(const GroupNormF32& args, int phase, int row_begin, int row_end) {
  if (phase == 0) {
    for (int slice = row_begin; slice < row_end; ++slice) sum_slice(args, slice);
  } else if (phase == 1) {
    combine(args);
  } else {
    apply(args, row_begin, row_end);
  }
}

}  // namespace mote
