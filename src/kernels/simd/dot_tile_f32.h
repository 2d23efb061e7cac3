// Dot products along contiguous floats: PM stretches of input against OM stretches of weights, each pair with one
// vector of partial sums, added up at the end.
#pragma once
#include "kernels/simd/math_f32.h"

namespace mote {
namespace {

// acc[p][o] += x[p][k] * w[o * pitch + k] over k < length, lane k % width.
template <class V, int PM, int OM>
MOTE_INLINE void dot_run(V (&acc)[PM][OM], const float* const* x, const float* w, ptrdiff_t pitch, int length) {
  int k = 0;
  for (; k + V::width <= length; k += V::width) {
    V a[PM];
#pragma GCC unroll 4
    for (int p = 0; p < PM; ++p) a[p] = V::load(x[p] + k);
#pragma GCC unroll 4
    for (int o = 0; o < OM; ++o) {
      const V b = V::load(w + o * pitch + k);
#pragma GCC unroll 4
      for (int p = 0; p < PM; ++p) acc[p][o] = fma(a[p], b, acc[p][o]);
    }
  }
  if (k < length) {
    V a[PM];
#pragma GCC unroll 4
    for (int p = 0; p < PM; ++p) a[p] = V::load_partial(x[p] + k, length - k);
#pragma GCC unroll 4
    for (int o = 0; o < OM; ++o) {
      const V b = V::load_partial(w + o * pitch + k, length - k);
#pragma GCC unroll 4
      for (int p = 0; p < PM; ++p) acc[p][o] = fma(a[p], b, acc[p][o]);
    }
  }
}

template <class V, int PM, int OM>
MOTE_INLINE void dot_clear(V (&acc)[PM][OM]) {
#pragma GCC unroll 4
  for (int p = 0; p < PM; ++p) {
#pragma GCC unroll 4
    for (int o = 0; o < OM; ++o) acc[p][o] = V::zero();
  }
}

// sums[p * pitch + o]; the order of additions does not depend on PM and OM.
template <class V, int PM, int OM>
MOTE_INLINE void dot_sums(const V (&acc)[PM][OM], float* sums, int pitch) {
  if constexpr (OM == 1 && PM == 4) {
    float four[4];
    reduce_add4(acc[0][0], acc[1][0], acc[2][0], acc[3][0], four);
    for (int p = 0; p < PM; ++p) sums[p * pitch] = four[p];
    return;
  }
#pragma GCC unroll 4
  for (int p = 0; p < PM; ++p) {
    if constexpr (OM == 4) {
      reduce_add4(acc[p][0], acc[p][1], acc[p][2], acc[p][3], sums + p * pitch);
    } else {
#pragma GCC unroll 4
      for (int o = 0; o < OM; ++o) sums[p * pitch + o] = reduce_add(acc[p][o]);
    }
  }
}

}  // namespace
}  // namespace mote
