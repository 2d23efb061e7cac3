// Multi-head self-attention: blocks of four query rows pass over the keys together. Scores are dot products with
// vectors over head_dim; softmax and the weighted sum of the values follow, all from scratch[4][tokens].
#pragma once
#include "kernels/kernels.h"
#include "kernels/simd/math_f32.h"

namespace mote {
namespace {

// Scores of R queries against the keys, four at a time: scores[r * tokens + s]. q and keys are rows of `pitch` floats.
template <class V, int R, int KEYS>
MOTE_INLINE void attention_dots(const float* q, const float* keys, ptrdiff_t pitch, int head_dim, float* scores,
                                int tokens) {
  V acc[R][KEYS];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int i = 0; i < KEYS; ++i) acc[r][i] = V::zero();
  }
  int d = 0;
  for (; d + V::width <= head_dim; d += V::width) {
    V a[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) a[r] = V::load(q + r * pitch + d);
#pragma GCC unroll 4
    for (int i = 0; i < KEYS; ++i) {
      const V k = V::load(keys + i * pitch + d);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) acc[r][i] = fma(a[r], k, acc[r][i]);
    }
  }
  if (d < head_dim) {
    const int lanes = head_dim - d;
    V a[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) a[r] = V::load_partial(q + r * pitch + d, lanes);
#pragma GCC unroll 4
    for (int i = 0; i < KEYS; ++i) {
      const V k = V::load_partial(keys + i * pitch + d, lanes);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) acc[r][i] = fma(a[r], k, acc[r][i]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    if constexpr (KEYS == 4) {
      reduce_add4(acc[r][0], acc[r][1], acc[r][2], acc[r][3], scores + r * tokens);
    } else {
      scores[r * tokens] = reduce_add(acc[r][0]);
    }
  }
}

template <class V, int R>
void attention_scores(const float* q, const float* keys, ptrdiff_t pitch, int head_dim, float* scores, int tokens) {
  int s = 0;
  for (; s + 4 <= tokens; s += 4) {
    attention_dots<V, R, 4>(q, keys + s * pitch, pitch, head_dim, scores + s, tokens);
  }
  for (; s < tokens; ++s) attention_dots<V, R, 1>(q, keys + s * pitch, pitch, head_dim, scores + s, tokens);
}

// scores -> e^(scale * score - largest); returns 1 / their sum.
template <class V>
float attention_softmax(float* scores, int tokens, float scale) {
  const V factor = V::set1(scale);
  V top = V::set1(-3.0e38f);
  float largest = -3.0e38f;
  int s = 0;
  for (; s + V::width <= tokens; s += V::width) {
    const V v = mul(V::load(scores + s), factor);
    v.store(scores + s);
    top = max(v, top);
  }
  for (; s < tokens; ++s) {
    scores[s] *= scale;
    if (scores[s] > largest) largest = scores[s];
  }
  const float top_lane = reduce_max(top);
  if (top_lane > largest) largest = top_lane;

  const V shift = V::set1(largest);
  V sums = V::zero();
  float sum = 0.0f;
  for (s = 0; s + V::width <= tokens; s += V::width) {
    const V v = exp(sub(V::load(scores + s), shift));
    v.store(scores + s);
    sums = add(sums, v);
  }
  if (s < tokens) {
    exp(sub(V::load_partial(scores + s, tokens - s), shift)).store_partial(scores + s, tokens - s);
    for (; s < tokens; ++s) sum += scores[s];
  }
  return 1.0f / (sum + reduce_add(sums));
}

// NV vectors (the last of `lanes` lanes) of R outputs: y = inverse[r] * sum_s scores[r][s] * values[s].
template <class V, int R, int NV>
MOTE_INLINE void attention_values(const float* scores, int tokens, const float* values, ptrdiff_t pitch, int lanes,
                                  const float* inverse, float* y, ptrdiff_t y_pitch) {
  V acc[R][NV];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int n = 0; n < NV; ++n) acc[r][n] = V::zero();
  }
  for (int s = 0; s < tokens; ++s) {
    V v[NV];
#pragma GCC unroll 4
    for (int n = 0; n < NV; ++n) {
      const float* from = values + s * pitch + n * V::width;
      v[n] = NV == 1 ? V::load_partial(from, lanes) : V::load(from);
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const V weight = V::set1(scores[r * tokens + s]);
#pragma GCC unroll 4
      for (int n = 0; n < NV; ++n) acc[r][n] = fma(weight, v[n], acc[r][n]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int n = 0; n < NV; ++n) {
      const V v = mul(acc[r][n], V::set1(inverse[r]));
      float* to = y + r * y_pitch + n * V::width;
      if (NV == 1) {
        v.store_partial(to, lanes);
      } else {
        v.store(to);
      }
    }
  }
}

// R query rows of one head.
template <class V, int R>
void attention_block_of(const AttentionF32& args, int token, int head, float* scratch) {
  constexpr int together = V::registers >= 32 || R == 1 ? R : 2;  // queries whose sums fit the registers
  constexpr int most = V::registers >= 32 ? 4 : 2;
  const ptrdiff_t inner = static_cast<ptrdiff_t>(args.heads) * args.head_dim;
  const ptrdiff_t pitch = 3 * inner;
  const float* q = args.qkv + token * pitch + static_cast<ptrdiff_t>(head) * args.head_dim;
  const float* keys = args.qkv + inner + static_cast<ptrdiff_t>(head) * args.head_dim;
  const float* values = keys + inner;
  float* y = args.y + token * inner + static_cast<ptrdiff_t>(head) * args.head_dim;
  float inverse[R];
  for (int r = 0; r < R; r += together) {
    attention_scores<V, together>(q + r * pitch, keys, pitch, args.head_dim, scratch + r * args.tokens, args.tokens);
  }
  for (int r = 0; r < R; ++r) inverse[r] = attention_softmax<V>(scratch + r * args.tokens, args.tokens, args.scale);
  for (int d = 0; d < args.head_dim;) {
    const int left = args.head_dim - d;
    if (left >= most * V::width) {
      attention_values<V, R, most>(scratch, args.tokens, values + d, pitch, V::width, inverse, y + d, inner);
      d += most * V::width;
    } else if (left >= 2 * V::width) {
      attention_values<V, R, 2>(scratch, args.tokens, values + d, pitch, V::width, inverse, y + d, inner);
      d += 2 * V::width;
    } else {
      const int lanes = left < V::width ? left : V::width;
      attention_values<V, R, 1>(scratch, args.tokens, values + d, pitch, lanes, inverse, y + d, inner);
      d += lanes;
    }
  }
}

template <class V>
MOTE_INLINE void attention_run(const AttentionF32& args, int row_begin, int row_end, float* scratch) {
  int token = row_begin;
  for (; token + attention_block <= row_end; token += attention_block) {
    for (int head = 0; head < args.heads; ++head) attention_block_of<V, attention_block>(args, token, head, scratch);
  }
  for (; token < row_end; ++token) {
    for (int head = 0; head < args.heads; ++head) attention_block_of<V, 1>(args, token, head, scratch);
  }
}

}  // namespace
}  // namespace mote
