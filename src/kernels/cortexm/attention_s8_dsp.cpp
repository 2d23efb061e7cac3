// Attention over quantized tensors with the DSP extension: one query and head at a time, 4 values of a head at a time.
// Nothing but the kernel leaves this file.
#include "kernels/cortexm/cortexm.h"
#if defined(MOTE_HAS_DSP)
#if !defined(__clang__)
#pragma GCC optimize("Os")
#endif
#include "core/math.h"
#include "kernels/cortexm/cortexm_s8.h"
#include "kernels/cortexm/dsp.h"

namespace mote {
namespace {

// Sum of (a[k] + add_a) * (b[k] + add_b); the sums in brackets fit int16.
__attribute__((noinline)) int32_t dot8(const int8_t* a, const int8_t* b, int n, int add_a, int add_b) {
  const uint32_t offset_a = both_halves(add_a), offset_b = both_halves(add_b);
  int32_t sum = 0;
  for (; n >= 4; n -= 4) {
    const uint32_t from_a = load4(a), from_b = load4(b);
    a += 4;
    b += 4;
    sum = dot_pair(add_even_bytes(offset_a, from_a), add_even_bytes(offset_b, from_b), sum);
    sum = dot_pair(add_odd_bytes(offset_a, from_a), add_odd_bytes(offset_b, from_b), sum);
  }
  for (; n > 0; --n) sum = low_product(static_cast<uint32_t>(*a++ + add_a), *b++ + add_b, sum);
  return sum;
}

// p_s into `weights`, over the scores they are made from; returns their sum.
int32_t softmax(const AttentionS8& args, const int8_t* query, const int8_t* key, int32_t* weights) {
  const ptrdiff_t pitch = static_cast<ptrdiff_t>(3) * args.heads * args.head_dim;
  int32_t largest = INT32_MIN;
  for (int s = 0; s < args.tokens; ++s, key += pitch) {
    weights[s] = dot8(query, key, args.head_dim, -args.zero, -args.zero);
    if (weights[s] > largest) largest = weights[s];
  }
  int32_t sum = 0;
  for (int s = 0; s < args.tokens; ++s) {
    const float v = static_cast<float>(largest - weights[s]) * args.score_m;
    weights[s] = args.table[v < 255.0f ? round_to_mode(v > 0.0f ? v : 0.0f) : 255];
    sum += weights[s];
  }
  return sum;
}

// sums[k] of p_s * (v[s][k] - zero), k < n <= 4.
MOTE_DSP_INLINE void weigh(const AttentionS8& args, const int8_t* value, int n, const int32_t* weights,
                           int32_t sums[4]) {
  const ptrdiff_t pitch = static_cast<ptrdiff_t>(3) * args.heads * args.head_dim;
  const uint32_t offset = both_halves(-args.zero);
  sums[0] = sums[1] = sums[2] = sums[3] = 0;
  for (const int32_t* const end = weights + args.tokens; weights != end; ++weights, value += pitch) {
    if (n == 4) {
      const uint32_t bytes = load4(value), v02 = add_even_bytes(offset, bytes), v13 = add_odd_bytes(offset, bytes);
      sums[0] = low_product(v02, *weights, sums[0]);
      sums[1] = low_product(v13, *weights, sums[1]);
      sums[2] = high_product(v02, *weights, sums[2]);
      sums[3] = high_product(v13, *weights, sums[3]);
    } else {
      for (int k = 0; k < n; ++k) sums[k] += *weights * (value[k] - args.zero);
    }
  }
}

}  // namespace

void attention_s8_dsp(const AttentionS8& args, int row_begin, int row_end, void* scratch) {
  const ptrdiff_t inner = static_cast<ptrdiff_t>(args.heads) * args.head_dim;
  int32_t* weights = static_cast<int32_t*>(scratch);
  for (int t = row_begin; t < row_end; ++t) {
    for (int h = 0; h < args.heads; ++h) {
      const int8_t* head = args.qkv + static_cast<ptrdiff_t>(h) * args.head_dim;
      int8_t* y = args.y + t * inner + static_cast<ptrdiff_t>(h) * args.head_dim;
      const float sum = static_cast<float>(softmax(args, head + t * 3 * inner, head + inner, weights));
      for (int d = 0; d < args.head_dim; d += 4) {
        const int n = args.head_dim - d < 4 ? args.head_dim - d : 4;
        int32_t sums[4];
        weigh(args, head + 2 * inner + d, n, weights, sums);
        for (int k = 0; k < n; ++k) {
          y[d + k] = static_cast<int8_t>(round_code((static_cast<float>(sums[k]) * args.m) / sum, args.y_zero));
        }
      }
    }
  }
}

}  // namespace mote
#endif
