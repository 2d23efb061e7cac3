// Attention over quantized tensors in NEON (aarch64, ARMv7): attention_block queries at a time over all keys. Nothing but
// the kernel leaves this file.
//
// Scores are sums of (q - zero) * k: what k's zero point takes off is the same for all keys of a query, and only
// differences of scores matter. The scratch holds the scores of a query, int32, and then in the same place its weights,
// int16.
#if defined(__aarch64__) || (defined(__arm__) && defined(__ARM_NEON))
#include "kernels/arm/arm_s8.h"
#include "kernels/arm/table_s8_neon.h"
#include "kernels/arm/vec_s8.h"

namespace mote {
namespace {

constexpr int queries = attention_block;
#if defined(__aarch64__)
constexpr int keys_at_once = 4;
#else
constexpr int keys_at_once = 2;
#endif

// acc[j][k] += (q - zero) * k over n (8, or fewer) elements from d on, of N keys `pitch` apart.
template <int N>
MOTE_INLINE void score_part(const AttentionS8& args, const int8_t* const query[queries], const int8_t* keys,
                            ptrdiff_t pitch, int d, int n, int32x4_t acc[queries][4]) {
  const int8x8_t zero = vdup_n_s8(static_cast<int8_t>(args.zero));
  int16x8_t key[N];
  for (int k = 0; k < N; ++k) key[k] = vmovl_s8(load_part(keys + k * pitch + d, n));
  for (int j = 0; j < queries; ++j) {
    const int16x8_t q = vsubl_s8(load_part(query[j] + d, n), zero);
    for (int k = 0; k < N; ++k) {
      acc[j][k] = vmlal_s16(acc[j][k], vget_low_s16(q), vget_low_s16(key[k]));
      acc[j][k] = vmlal_s16(acc[j][k], vget_high_s16(q), vget_high_s16(key[k]));
    }
  }
}

// scores[j][s] for N keys from `keys` on.
template <int N>
MOTE_INLINE void score_keys(const AttentionS8& args, const int8_t* const query[queries], const int8_t* keys,
                            ptrdiff_t pitch, int32_t* const scores[queries], int s) {
  int32x4_t acc[queries][4];
  for (int j = 0; j < queries; ++j) {
    for (int k = 0; k < 4; ++k) acc[j][k] = vdupq_n_s32(0);
  }
  int d = 0;
  for (; d + 8 <= args.head_dim; d += 8) score_part<N>(args, query, keys, pitch, d, 8, acc);
  if (d < args.head_dim) score_part<N>(args, query, keys, pitch, d, args.head_dim - d, acc);
  for (int j = 0; j < queries; ++j) {
    int32_t sums[4];
    vst1q_s32(sums, sum_lanes(acc[j]));
    memcpy(scores[j] + s, sums, sizeof(int32_t) * N);
  }
}

// Scores become weights; returns their sum.
int32_t softmax(const AttentionS8& args, const TableLookup& lookup, int32_t* scores) {
  int32_t largest = INT32_MIN;
  for (int s = 0; s < args.tokens; ++s) largest = scores[s] > largest ? scores[s] : largest;
  const int32x4_t top = vdupq_n_s32(largest);
  int16_t* weights = reinterpret_cast<int16_t*>(scores);
  uint32x4_t sum = vdupq_n_u32(0);
  for (int s = 0; s < args.tokens; s += 8) {
    const int n = args.tokens - s;
    uint16x4_t index[2];
    for (int half = 0; half < 2; ++half) {
      const int32x4_t score = load_part(scores + s + 4 * half, n - 4 * half);
      const float32x4_t v = vmulq_n_f32(vcvtq_f32_s32(vsubq_s32(top, score)), args.score_m);
      index[half] = vmovn_u32(vreinterpretq_u32_s32(round_i32(vminq_f32(v, vdupq_n_f32(255.0f)))));
    }
    const int8x8_t p = lookup.get8(vmovn_u16(vcombine_u16(index[0], index[1])));
    uint16x8_t wide = vmovl_u8(vreinterpret_u8_s8(p));
    int16_t part[8];
    if (n >= 8) {
      memcpy(weights + s, &wide, sizeof wide);
    } else {
      vst1q_s16(part, vreinterpretq_s16_u16(wide));
      for (int i = n; i < 8; ++i) part[i] = 0;
      wide = vreinterpretq_u16_s16(vld1q_s16(part));
      memcpy(weights + s, part, sizeof(int16_t) * static_cast<size_t>(n));
    }
    sum = vpadalq_u16(sum, wide);
  }
  uint32_t sums[4];
  vst1q_u32(sums, sum);
  return static_cast<int32_t>(sums[0] + sums[1] + sums[2] + sums[3]);
}

// acc[j] += v * lane `lane` of w[j].
template <int lane>
MOTE_INLINE void add_value(int16x8_t v, const int16x4_t w[queries], int32x4_t acc[queries][2]) {
  for (int j = 0; j < queries; ++j) {
    acc[j][0] = vmlal_lane_s16(acc[j][0], vget_low_s16(v), w[j], lane);
    acc[j][1] = vmlal_lane_s16(acc[j][1], vget_high_s16(v), w[j], lane);
  }
}

// acc[j] = sum over the tokens of weights[j] * (value - zero), n of 8 elements of a head.
MOTE_INLINE void add_values(const AttentionS8& args, const int16_t* const weights[queries], const int8_t* values,
                            ptrdiff_t pitch, int n, int32x4_t acc[queries][2]) {
  const int8x8_t zero = vdup_n_s8(static_cast<int8_t>(args.zero));
  for (int j = 0; j < queries; ++j) acc[j][0] = acc[j][1] = vdupq_n_s32(0);
  int s = 0;
  if (n >= 8) {
    for (; s + 4 <= args.tokens; s += 4, values += 4 * pitch) {
      int16x4_t w[queries];
      for (int j = 0; j < queries; ++j) w[j] = vld1_s16(weights[j] + s);
      add_value<0>(vsubl_s8(vld1_s8(values), zero), w, acc);
      add_value<1>(vsubl_s8(vld1_s8(values + pitch), zero), w, acc);
      add_value<2>(vsubl_s8(vld1_s8(values + 2 * pitch), zero), w, acc);
      add_value<3>(vsubl_s8(vld1_s8(values + 3 * pitch), zero), w, acc);
    }
  }
  for (; s < args.tokens; ++s, values += pitch) {
    const int16x8_t v = vsubl_s8(load_part(values, n), zero);
    for (int j = 0; j < queries; ++j) {
      acc[j][0] = vmlal_n_s16(acc[j][0], vget_low_s16(v), weights[j][s]);
      acc[j][1] = vmlal_n_s16(acc[j][1], vget_high_s16(v), weights[j][s]);
    }
  }
}

// One head of the queries from t on, `count` of them.
void attend(const AttentionS8& args, const TableLookup& lookup, int t, int count, int h, int32_t* scratch) {
  const ptrdiff_t inner = static_cast<ptrdiff_t>(args.heads) * args.head_dim, pitch = 3 * inner;
  const int8_t* head = args.qkv + static_cast<ptrdiff_t>(h) * args.head_dim;
  const int8_t* query[queries];
  int32_t* scores[queries];
  const int16_t* weights[queries];
  float sums[queries];
  for (int j = 0; j < queries; ++j) {
    query[j] = head + (t + (j < count ? j : count - 1)) * pitch;
    scores[j] = scratch + static_cast<ptrdiff_t>(j) * args.tokens;
    weights[j] = reinterpret_cast<const int16_t*>(scores[j]);
  }
  int s = 0;
  for (; s + keys_at_once <= args.tokens; s += keys_at_once) {
    score_keys<keys_at_once>(args, query, head + inner + s * pitch, pitch, scores, s);
  }
  for (; s < args.tokens; ++s) score_keys<1>(args, query, head + inner + s * pitch, pitch, scores, s);
  for (int j = 0; j < queries; ++j) sums[j] = static_cast<float>(softmax(args, lookup, scores[j]));
  for (int d = 0; d < args.head_dim; d += 8) {
    const int n = args.head_dim - d;
    int32x4_t acc[queries][2];
    add_values(args, weights, head + 2 * inner + d, pitch, n, acc);
    for (int j = 0; j < count; ++j) {
      float32x4_t v[2];
      for (int half = 0; half < 2; ++half) {
        v[half] = divide(vmulq_n_f32(vcvtq_f32_s32(acc[j][half]), args.m), sums[j]);
      }
      store_part(args.y + (t + j) * inner + static_cast<ptrdiff_t>(h) * args.head_dim + d,
                 round_codes(v[0], v[1], vdupq_n_s16(static_cast<int16_t>(args.y_zero))), n);
    }
  }
}

}  // namespace

void attention_s8_neon(const AttentionS8& args, int row_begin, int row_end, void* scratch) {
  const TableLookup lookup(args.table);
  for (int t = row_begin; t < row_end; t += queries) {
    const int count = row_end - t < queries ? row_end - t : queries;
    for (int h = 0; h < args.heads; ++h) attend(args, lookup, t, count, h, static_cast<int32_t*>(scratch));
  }
}

}  // namespace mote
#endif
