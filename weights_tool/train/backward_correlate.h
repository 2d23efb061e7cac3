// The product of the weight gradients as a template over a vector trait: see CorrelateF32 in backward.h.
#pragma once
#include <type_traits>

#include "weights_tool/train/backward.h"
#include "weights_tool/train/backward_vectors.h"

namespace mote::tool {
namespace {

// Rows m of a register tile, and its vectors across n: what the registers hold beside the operands.
template <class V>
struct CorrelateTile {
  static constexpr int rows = V::width == 8 ? 4 : 8;  // AVX2 has 16 registers, the others 32
  static constexpr int vectors = 3;
};

// One tile: `rows` values of m by `vectors` vectors of n, the last with `last` lanes if partial.
template <class V, int rows, int vectors, bool partial>
void correlate_tile(const CorrelateF32& args, const float* a, const float* b, int last, float* c) {
  V sums[rows][vectors];
  for (int m = 0; m < rows; ++m) {
    for (int j = 0; j < vectors; ++j) sums[m][j] = V::zero();
  }
  for (int image = 0; image < args.images; ++image) {
    for (int row = 0; row < args.rows; ++row) {
      const float* pa = a + image * args.a_image + row * args.a_row;
      const float* pb = b + image * args.b_image + row * args.b_row;
      for (int col = 0; col < args.cols; ++col, pa += args.a_col, pb += args.b_col) {
        V right[vectors];
        for (int j = 0; j < vectors; ++j) {
          right[j] =
              partial && j == vectors - 1 ? V::load_partial(pb + j * V::width, last) : V::load(pb + j * V::width);
        }
        for (int m = 0; m < rows; ++m) {
          const V left = V::set1(pa[m]);
          for (int j = 0; j < vectors; ++j) sums[m][j] = fma(left, right[j], sums[m][j]);
        }
      }
    }
  }
  for (int m = 0; m < rows; ++m) {
    for (int j = 0; j < vectors; ++j) {
      float* to = c + m * args.c_row + j * V::width;
      const int lanes = partial && j == vectors - 1 ? last : V::width;
      store_some(add(load_some<V>(to, lanes), sums[m][j]), to, lanes);
    }
  }
}

template <class V, int rows>
MOTE_INLINE void correlate_columns(const CorrelateF32& args, const float* a, const float* b, int lanes, float* c) {
  const int vectors = (lanes + V::width - 1) / V::width, last = lanes - (vectors - 1) * V::width;
  const bool partial = last < V::width;
  if (vectors == 1) {
    partial ? correlate_tile<V, rows, 1, true>(args, a, b, last, c)
            : correlate_tile<V, rows, 1, false>(args, a, b, last, c);
  } else if (vectors == 2) {
    partial ? correlate_tile<V, rows, 2, true>(args, a, b, last, c)
            : correlate_tile<V, rows, 2, false>(args, a, b, last, c);
  } else {
    partial ? correlate_tile<V, rows, 3, true>(args, a, b, last, c)
            : correlate_tile<V, rows, 3, false>(args, a, b, last, c);
  }
}

// All m for the columns [n, n + lanes).
template <class V>
void correlate_strip(const CorrelateF32& args, int n, int lanes) {
  constexpr int full = CorrelateTile<V>::rows;
  int m = 0;
  const auto take = [&](auto rows) {
    constexpr int count = decltype(rows)::value;
    correlate_columns<V, count>(args, args.a + m, args.b + n, lanes, args.c + m * args.c_row + n);
    m += count;
  };
  while (args.m - m >= full) take(std::integral_constant<int, full>{});
  if (full > 4 && args.m - m >= 4) take(std::integral_constant<int, 4>{});
  if (args.m - m >= 2) take(std::integral_constant<int, 2>{});
  if (args.m - m >= 1) take(std::integral_constant<int, 1>{});
}

template <class V>
void correlate(const CorrelateF32& args) {
  if (args.rows <= 0 || args.cols <= 0) return;
  const int vectors = (args.n + V::width - 1) / V::width;
  const int strips = (vectors + CorrelateTile<V>::vectors - 1) / CorrelateTile<V>::vectors;
  int n = 0;
  for (int strip = 0; strip < strips; ++strip) {  // strips of nearly equal width
    const int end = (strip + 1) * vectors / strips * V::width;
    const int lanes = (end < args.n ? end : args.n) - n;
    correlate_strip<V>(args, n, lanes);
    n += lanes;
  }
}

}  // namespace
}  // namespace mote::tool
