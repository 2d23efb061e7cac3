// The gradient of self-attention as a template over a vector trait: the probabilities again, then five products.
#pragma once
#include <cstring>

#include "weights_tool/train/backward_correlate.h"

namespace mote::tool {
namespace {

// to[col][row] = from[row][col].
inline void transpose(const float* from, ptrdiff_t pitch, int rows, int cols, float* to) {
  for (int col = 0; col < cols; ++col) {
    for (int row = 0; row < rows; ++row) to[static_cast<ptrdiff_t>(col) * rows + row] = from[row * pitch + col];
  }
}

// c[m][n] (zeroed here) = sum_k a[k][m] * b[k][n].
template <class V>
MOTE_INLINE void product(const float* a, ptrdiff_t a_pitch, const float* b, ptrdiff_t b_pitch, int k, int m, int n,
                         float* c, ptrdiff_t c_pitch) {
  for (int row = 0; row < m; ++row) std::memset(c + row * c_pitch, 0, static_cast<size_t>(n) * sizeof(float));
  CorrelateF32 args = {};
  args.a = a;
  args.b = b;
  args.a_col = a_pitch;
  args.b_col = b_pitch;
  args.images = args.rows = 1;
  args.cols = k;
  args.m = m;
  args.n = n;
  args.c = c;
  args.c_row = c_pitch;
  correlate<V>(args);
}

// scores -> softmax(scores * scale).
template <class V>
void softmax_row(float* row, int n, float scale) {
  float largest = row[0];
  for (int i = 1; i < n; ++i) largest = row[i] > largest ? row[i] : largest;
  V sum = V::zero();
  for_vectors<V>(n, [&](ptrdiff_t i, int lanes) {
    const V e = exp(mul(sub(load_some<V>(row + i, lanes), V::set1(largest)), V::set1(scale)));
    store_some(e, row + i, lanes);
    sum = add(sum, lanes == V::width ? e : load_some<V>(row + i, lanes));
  });
  const V inverse = V::set1(1.0f / reduce_add(sum));
  for_vectors<V>(
      n, [&](ptrdiff_t i, int lanes) { store_some(mul(load_some<V>(row + i, lanes), inverse), row + i, lanes); });
}

// d_scores (in place of d_p) = p * (d_p - sum(p * d_p)) * scale.
template <class V>
void softmax_row_grad(const float* p, float* d_p, int n, float scale) {
  V dot = V::zero();
  for_vectors<V>(
      n, [&](ptrdiff_t i, int lanes) { dot = fma(load_some<V>(p + i, lanes), load_some<V>(d_p + i, lanes), dot); });
  const V total = V::set1(reduce_add(dot));
  for_vectors<V>(n, [&](ptrdiff_t i, int lanes) {
    const V d = mul(load_some<V>(p + i, lanes), sub(load_some<V>(d_p + i, lanes), total));
    store_some(mul(d, V::set1(scale)), d_p + i, lanes);
  });
}

template <class V>
void attention_grad(const AttentionGradF32& args) {
  const AttentionF32& f = args.forward;
  const int tokens = f.tokens, dim = f.head_dim;
  const ptrdiff_t inner = static_cast<ptrdiff_t>(f.heads) * dim, pitch = 3 * inner;
  const ptrdiff_t square = static_cast<ptrdiff_t>(tokens) * tokens;
  float* const p = args.scratch;
  float* const d_p = p + square;
  float* const turned = d_p + square;  // d_p transposed
  float* const left = turned + square;
  float* const right = left + static_cast<ptrdiff_t>(dim) * tokens;
  for (int head = 0; head < f.heads; ++head) {
    const float* q = f.qkv + static_cast<ptrdiff_t>(head) * dim;
    const float *k = q + inner, *v = k + inner, *dy = args.dy + static_cast<ptrdiff_t>(head) * dim;
    float* dq = args.dqkv + static_cast<ptrdiff_t>(head) * dim;
    transpose(q, pitch, tokens, dim, left);
    transpose(k, pitch, tokens, dim, right);
    product<V>(left, tokens, right, tokens, dim, tokens, tokens, p, tokens);
    for (int t = 0; t < tokens; ++t) softmax_row<V>(p + static_cast<ptrdiff_t>(t) * tokens, tokens, f.scale);
    transpose(dy, inner, tokens, dim, left);
    transpose(v, pitch, tokens, dim, right);
    product<V>(left, tokens, right, tokens, dim, tokens, tokens, d_p, tokens);
    for (int t = 0; t < tokens; ++t) {
      const ptrdiff_t row = static_cast<ptrdiff_t>(t) * tokens;
      softmax_row_grad<V>(p + row, d_p + row, tokens, f.scale);
    }
    transpose(d_p, tokens, tokens, tokens, turned);
    product<V>(turned, tokens, k, pitch, tokens, tokens, dim, dq, pitch);
    product<V>(d_p, tokens, q, pitch, tokens, tokens, dim, dq + inner, pitch);
    product<V>(p, tokens, dy, inner, tokens, tokens, dim, dq + 2 * inner, pitch);
  }
}

}  // namespace
}  // namespace mote::tool
