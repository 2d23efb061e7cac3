// The gradients of group normalisation and of scale and shift, both with their activation, as templates over a vector
// trait: see backward.h.
#pragma once
#include "weights_tool/train/backward.h"
#include "weights_tool/train/backward_vectors.h"

namespace mote::tool {
namespace {

// act'(z).
template <Activation activation, class V>
MOTE_INLINE V slope(V z) {
  const V one = V::set1(1.0f);
  if constexpr (activation == Activation::silu) {
    const V s = sigmoid(z);
    return mul(s, fma(z, sub(one, s), one));
  }
  if constexpr (activation == Activation::gelu) {
    const V phi = mul(V::set1(0.398942280f), exp(mul(V::set1(-0.5f), mul(z, z))));
    return fma(z, phi, mul(V::set1(0.5f), add(one, erf(mul(z, V::set1(0.707106781f))))));
  }
  if constexpr (activation == Activation::mish) {
    const V e = exp(min(V::set1(20.0f), z)), n = mul(e, add(e, V::set1(2.0f)));
    const V t = div(n, add(n, V::set1(2.0f)));  // tanh(log(1 + e^z)), whose slope is (1 - t^2) sigmoid(z)
    return fma(mul(z, sub(one, mul(t, t))), sigmoid(z), t);
  }
  if constexpr (activation == Activation::relu) return select_gt(z, V::zero(), one, V::zero());
  return one;
}

// ---- group normalisation --------------------------------------------------------------------------------------------

// Per channel, in scratch: sums over the pixels of dz, dz * d, d and d * d with d = x - pivot; then the three numbers
// of dx = dz * from_dz + x * from_x + constant.
struct GroupNormSums {
  float *dz, *dz_d, *d, *d_d, *from_dz, *from_x, *constant;
  GroupNormSums(float* scratch, int channels)
      : dz(scratch),
        dz_d(dz + channels),
        d(dz_d + channels),
        d_d(d + channels),
        from_dz(d_d + channels),
        from_x(from_dz + channels),
        constant(from_x + channels) {}
};

// Where source s of the (virtual) concatenation lies: its first channel, x, dz and the floats from pixel to pixel.
struct GroupNormSource {
  int first, channels;
  const float* x;
  float* dz;
  ptrdiff_t dz_pitch;
  GroupNormSource(const GroupNormGradF32& args, int s) {
    const GroupNormF32& f = args.forward;
    first = s == 0 ? 0 : f.channels[0];
    channels = f.channels[s];
    x = f.x[s];
    const bool joined = args.dy[1] == nullptr;
    dz = joined ? args.dy[0] + first : args.dy[s];
    dz_pitch = joined ? f.channels[0] + f.channels[1] : channels;
  }
};

// dz = dy * act'(z) in place of dy, and the sums.
template <class V>
void group_norm_sums(const GroupNormGradF32& args, const GroupNormSource& from, const GroupNormSums& sums) {
  const ptrdiff_t pixels = static_cast<ptrdiff_t>(args.forward.height) * args.forward.width;
  with_activation(args.forward.activation, [&](auto tag) {
    constexpr Activation activation = decltype(tag)::value;
    for_vectors<V>(from.channels, [&](ptrdiff_t c, int lanes) {
      const ptrdiff_t channel = from.first + c;
      const V factor = load_some<V>(args.factors + channel, lanes),
              offset = load_some<V>(args.offsets + channel, lanes);
      const V pivot = load_some<V>(from.x + c, lanes);
      V s_dz = V::zero(), s_dz_d = V::zero(), s_d = V::zero(), s_d_d = V::zero();
      const float* x = from.x + c;
      float* dz = from.dz + c;
      for (ptrdiff_t p = 0; p < pixels; ++p, x += from.channels, dz += from.dz_pitch) {
        const V value = load_some<V>(x, lanes), d = sub(value, pivot);
        V grad = load_some<V>(dz, lanes);
        if constexpr (activation != Activation::none) {
          grad = mul(grad, slope<activation>(fma(value, factor, offset)));
          store_some(grad, dz, lanes);
        }
        s_dz = add(s_dz, grad);
        s_dz_d = fma(grad, d, s_dz_d);
        s_d = add(s_d, d);
        s_d_d = fma(d, d, s_d_d);
      }
      store_some(s_dz, sums.dz + channel, lanes);
      store_some(s_dz_d, sums.dz_d + channel, lanes);
      store_some(s_d, sums.d + channel, lanes);
      store_some(s_d_d, sums.d_d + channel, lanes);
    });
  });
}

// The statistics of a group and the parameter gradients. With g = gamma (1 + scale), xhat = (x - mean) / deviation and
// averages over the group: dx = (dz g - avg(dz g) - xhat avg(dz g xhat)) / deviation.
inline void group_norm_combine(const GroupNormGradF32& args, int group, const GroupNormSums& sums) {
  const GroupNormF32& f = args.forward;
  const int channels = f.channels[0] + f.channels[1], size = channels / f.groups;
  const int begin = group * size, end = begin + size;
  const auto pivot = [&](int c) -> double { return c < f.channels[0] ? f.x[0][c] : f.x[1][c - f.channels[0]]; };
  const double n = static_cast<double>(f.height) * f.width, total = n * size;
  double mean = 0;
  for (int c = begin; c < end; ++c) mean += pivot(c) + sums.d[c] / n;
  mean /= size;
  double squares = 0;
  for (int c = begin; c < end; ++c) {
    const double shift = pivot(c) - mean;
    squares += sums.d_d[c] + 2 * shift * sums.d[c] + n * shift * shift;
  }
  const double variance = squares > 0 ? squares / total : 0;
  const double inverse = 1 / __builtin_sqrt(variance + static_cast<double>(f.epsilon));
  double average = 0, average_xhat = 0;
  for (int c = begin; c < end; ++c) {
    const double gamma = f.gamma != nullptr ? f.gamma[c] : 1.0f, beta = f.beta != nullptr ? f.beta[c] : 0.0f;
    const double scale = f.scale_shift != nullptr ? 1.0 + f.scale_shift[c] : 1.0;
    const double dz = sums.dz[c], dz_xhat = (sums.dz_d[c] + (pivot(c) - mean) * dz) * inverse;
    average += gamma * scale * dz / total;
    average_xhat += gamma * scale * dz_xhat / total;
    if (args.dgamma != nullptr) args.dgamma[c] += static_cast<float>(scale * dz_xhat);
    if (args.dbeta != nullptr) args.dbeta[c] += static_cast<float>(scale * dz);
    if (args.dscale_shift != nullptr) {
      float* to = args.dscale_shift + c;
      to[0] = (args.add_scale_shift ? to[0] : 0.0f) + static_cast<float>(gamma * dz_xhat + beta * dz);
      to[channels] = (args.add_scale_shift ? to[channels] : 0.0f) + static_cast<float>(dz);
    }
    sums.from_dz[c] = static_cast<float>(gamma * scale * inverse);
  }
  for (int c = begin; c < end; ++c) {
    sums.from_x[c] = static_cast<float>(-inverse * inverse * average_xhat);
    sums.constant[c] = static_cast<float>(inverse * (inverse * mean * average_xhat - average));
  }
}

template <class V>
void group_norm_apply(const GroupNormGradF32& args, const GroupNormSource& from, const GroupNormSums& sums, float* dx,
                      bool add_to_dx) {
  const ptrdiff_t pixels = static_cast<ptrdiff_t>(args.forward.height) * args.forward.width;
  for_vectors<V>(from.channels, [&](ptrdiff_t c, int lanes) {
    const V from_dz = load_some<V>(sums.from_dz + from.first + c, lanes);
    const V from_x = load_some<V>(sums.from_x + from.first + c, lanes);
    const V constant = load_some<V>(sums.constant + from.first + c, lanes);
    const float *x = from.x + c, *dz = from.dz + c;
    float* to = dx + c;
    for (ptrdiff_t p = 0; p < pixels; ++p, x += from.channels, dz += from.dz_pitch, to += from.channels) {
      V d = fma(load_some<V>(dz, lanes), from_dz, fma(load_some<V>(x, lanes), from_x, constant));
      if (add_to_dx) d = add(d, load_some<V>(to, lanes));
      store_some(d, to, lanes);
    }
  });
}

template <class V>
void group_norm_grad(const GroupNormGradF32& args) {
  const int sources = args.forward.channels[1] > 0 ? 2 : 1;
  const GroupNormSums sums(args.scratch, args.forward.channels[0] + args.forward.channels[1]);
  for (int s = 0; s < sources; ++s) group_norm_sums<V>(args, GroupNormSource(args, s), sums);
  for (int group = 0; group < args.forward.groups; ++group) group_norm_combine(args, group, sums);
  for (int s = 0; s < sources; ++s) {
    if (args.dx[s] != nullptr) group_norm_apply<V>(args, GroupNormSource(args, s), sums, args.dx[s], args.add[s]);
  }
}

// ---- scale and shift ------------------------------------------------------------------------------------------------

template <class V>
void scale_shift_grad(const ScaleShiftGradF32& args) {
  const ScaleShiftF32& f = args.forward;
  const ptrdiff_t pixels = static_cast<ptrdiff_t>(f.height) * f.width;
  with_activation(f.activation, [&](auto tag) {
    for_vectors<V>(f.channels, [&](ptrdiff_t c, int lanes) {
      const V scale = add(V::set1(1.0f), f.scale != nullptr ? load_some<V>(f.scale + c, lanes) : V::zero());
      const V shift = f.shift != nullptr ? load_some<V>(f.shift + c, lanes) : V::zero();
      V s_dz = V::zero(), s_dz_x = V::zero();
      for (ptrdiff_t i = c; i < pixels * f.channels; i += f.channels) {
        const V x = load_some<V>(f.x + i, lanes);
        const V dz = mul(load_some<V>(args.dy + i, lanes), slope<decltype(tag)::value>(fma(x, scale, shift)));
        s_dz = add(s_dz, dz);
        s_dz_x = fma(dz, x, s_dz_x);
        if (args.dx == nullptr) continue;
        V d = mul(dz, scale);
        if (args.add) d = add(d, load_some<V>(args.dx + i, lanes));
        store_some(d, args.dx + i, lanes);
      }
      const auto put = [&](float* to, V sum) {
        if (to == nullptr) return;
        store_some(args.add_vector ? add(sum, load_some<V>(to + c, lanes)) : sum, to + c, lanes);
      };
      put(args.dscale, s_dz_x);
      put(args.dshift, s_dz);
    });
  });
}

}  // namespace
}  // namespace mote::tool
