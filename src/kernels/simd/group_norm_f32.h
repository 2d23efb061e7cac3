// Group normalisation over vectors of channels. Phases and layout: kernels.h; the statistics:
// ref/group_norm_f32_ref.cpp. Channels of a group have the same count n, so Chan's formula is taken for all at once:
// the group's mean is that of the channel means, its squared deviations are the channels' own plus n (channel mean -
// group mean)^2.
#pragma once
#include "kernels/kernels.h"
#include "kernels/simd/math_f32.h"

namespace mote {
namespace {

MOTE_INLINE int norm_slices(const GroupNormF32& args) {
  return args.height < group_norm_max_slices ? args.height : group_norm_max_slices;
}

// Sums of x - x[first pixel] and of its square over pixels [begin, end), NV vectors of channels from x on, the last of
// `lanes` channels. Pixels go round NP accumulators, so that additions need not wait for each other.
template <class V, int NV, int NP>
MOTE_INLINE void norm_sums(const float* x, int pitch, ptrdiff_t begin, ptrdiff_t end, int lanes, float* sums,
                           float* squares) {
  V pivot[NV], s[NP][NV], q[NP][NV];
  const auto at = [lanes](const float* p, int n) {
    return n == NV - 1 ? V::load_partial(p + n * V::width, lanes) : V::load(p + n * V::width);
  };
  for (int n = 0; n < NV; ++n) {
    pivot[n] = at(x, n);
    for (int i = 0; i < NP; ++i) s[i][n] = q[i][n] = V::zero();
  }
  const auto step = [&](ptrdiff_t p, int i) {
#pragma GCC unroll 4
    for (int n = 0; n < NV; ++n) {
      const V d = sub(at(x + p * pitch, n), pivot[n]);
      s[i][n] = add(s[i][n], d);
      q[i][n] = fma(d, d, q[i][n]);
    }
  };
  ptrdiff_t p = begin;
  for (; p + NP <= end; p += NP) {
#pragma GCC unroll 4
    for (int i = 0; i < NP; ++i) step(p + i, i);
  }
  for (; p < end; ++p) step(p, 0);
  for (int n = 0; n < NV; ++n) {
    const int count = n == NV - 1 ? lanes : V::width;
    for (int i = 1; i < NP; ++i) {
      s[0][n] = add(s[0][n], s[i][n]);
      q[0][n] = add(q[0][n], q[i][n]);
    }
    s[0][n].store_partial(sums + n * V::width, count);
    q[0][n].store_partial(squares + n * V::width, count);
  }
}

template <class V>
void norm_sum_slice(const GroupNormF32& args, int slice) {
  const int slices = norm_slices(args);
  const int channels = args.channels[0] + args.channels[1];
  const ptrdiff_t begin = static_cast<ptrdiff_t>(slice * args.height / slices) * args.width;
  const ptrdiff_t end = static_cast<ptrdiff_t>((slice + 1) * args.height / slices) * args.width;
  float* sums = args.stats + static_cast<ptrdiff_t>(2 * slice) * channels;
  for (int i = 0; i < 2; ++i) {
    const int count = args.channels[i];
    for (int c = 0; c < count;) {
      const float* x = args.x[i] + c;
      if (count - c >= 4 * V::width) {
        norm_sums<V, 4, 1>(x, count, begin, end, V::width, sums + c, sums + channels + c);
        c += 4 * V::width;
      } else if (count - c >= 2 * V::width) {
        norm_sums<V, 2, 2>(x, count, begin, end, V::width, sums + c, sums + channels + c);
        c += 2 * V::width;
      } else {
        const int lanes = count - c < V::width ? count - c : V::width;
        norm_sums<V, 1, 4>(x, count, begin, end, lanes, sums + c, sums + channels + c);
        c += lanes;
      }
    }
    sums += count;
  }
}

// Slices added up: the mean of each channel and its sum of squared deviations, in the place of slice 0.
template <class V>
void norm_channel_moments(const GroupNormF32& args) {
  const int slices = norm_slices(args);
  const int channels = args.channels[0] + args.channels[1];
  const V n = V::set1(static_cast<float>(args.height) * static_cast<float>(args.width));
  for (int i = 0, first = 0; i < 2; first += args.channels[i], ++i) {
    for (int c = 0; c < args.channels[i]; c += V::width) {
      const int lanes = args.channels[i] - c < V::width ? args.channels[i] - c : V::width;
      float* sums = args.stats + first + c;
      V s = V::load_partial(sums, lanes), q = V::load_partial(sums + channels, lanes);
      for (int slice = 1; slice < slices; ++slice) {
        const float* more = sums + static_cast<ptrdiff_t>(2 * slice) * channels;
        s = add(s, V::load_partial(more, lanes));
        q = add(q, V::load_partial(more + channels, lanes));
      }
      const V offset = div(s, n);
      add(V::load_partial(args.x[i] + c, lanes), offset).store_partial(sums, lanes);
      fnma(s, offset, q).store_partial(sums + channels, lanes);
    }
  }
}

template <class V>
void norm_combine(const GroupNormF32& args) {
  norm_channel_moments<V>(args);
  const int channels = args.channels[0] + args.channels[1];
  const int size = channels / args.groups;
  const float n = static_cast<float>(args.height) * static_cast<float>(args.width);
  const float* means = args.stats;
  const float* deviations = args.stats + channels;
  float* factors = args.stats + static_cast<ptrdiff_t>(2 * norm_slices(args)) * channels;
  float* offsets = factors + channels;
  for (int first = 0; first < channels; first += size) {
    float mean = 0.0f, within = 0.0f, between = 0.0f;
    for (int c = first; c < first + size; ++c) mean += means[c];
    mean /= static_cast<float>(size);
    for (int c = first; c < first + size; ++c) {
      within += deviations[c];
      between += (means[c] - mean) * (means[c] - mean);
    }
    const float sum = within + n * between;
    const float variance = sum > 0.0f ? sum / (n * static_cast<float>(size)) : 0.0f;
    const float inverse = 1.0f / __builtin_sqrtf(variance + args.epsilon);
    for (int c = first; c < first + size; ++c) {
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

// One source: y[p * y_pitch + c] = act(x * factor + offset).
template <class V, Activation activation>
MOTE_INLINE void norm_apply_source(const float* x, int channels, const float* factors, const float* offsets, float* y,
                                   int y_pitch, ptrdiff_t begin, ptrdiff_t end) {
  for (ptrdiff_t p = begin; p < end; ++p) {
    const float* from = x + p * channels;
    float* to = y + p * y_pitch;
    int c = 0;
    for (; c + V::width <= channels; c += V::width) {
      const V v = fma(V::load(from + c), V::load(factors + c), V::load(offsets + c));
      activate<activation>(v).store(to + c);
    }
    if (c < channels) {
      const int lanes = channels - c;
      const V v = fma(V::load_partial(from + c, lanes), V::load_partial(factors + c, lanes),
                      V::load_partial(offsets + c, lanes));
      activate<activation>(v).store_partial(to + c, lanes);
    }
  }
}

template <class V>
void norm_apply(const GroupNormF32& args, int row_begin, int row_end) {
  const int channels = args.channels[0] + args.channels[1];
  const float* factors = args.stats + static_cast<ptrdiff_t>(2 * norm_slices(args)) * channels;
  const ptrdiff_t begin = static_cast<ptrdiff_t>(row_begin) * args.width;
  const ptrdiff_t end = static_cast<ptrdiff_t>(row_end) * args.width;
  for (int i = 0; i < 2; ++i) {
    if (args.channels[i] == 0) continue;
    const int first = i == 0 ? 0 : args.channels[0];
    float* y = args.y[1] != nullptr ? args.y[i] : args.y[0] + first;
    const int y_pitch = args.y[1] != nullptr ? args.channels[i] : channels;
    with_activation(args.activation, [&](auto tag) {
      norm_apply_source<V, decltype(tag)::value>(args.x[i], args.channels[i], factors + first,
                                                 factors + channels + first, y, y_pitch, begin, end);
    });
  }
}

template <class V>
MOTE_INLINE void group_norm_run(const GroupNormF32& args, int phase, int row_begin, int row_end) {
  if (phase == 0) {
    for (int slice = row_begin; slice < row_end; ++slice) norm_sum_slice<V>(args, slice);
  } else if (phase == 1) {
    norm_combine<V>(args);
  } else {
    norm_apply<V>(args, row_begin, row_end);
  }
}

}  // namespace
}  // namespace mote
