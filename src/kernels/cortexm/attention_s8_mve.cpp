// Attention over quantized tensors with Helium, exact. Four queries share each key and each value that is loaded.
#include "kernels/cortexm/cortexm_s8.h"

#include "kernels/cortexm/cortexm.h"

#if defined(MOTE_HAS_MVE)
#include <arm_mve.h>

#include "kernels/ref/ref_s8.h"

namespace mote {
namespace {

static_assert(attention_block == 4);

// One head. Queries that there are not are the last one again.
struct HeadMve {
  const AttentionS8& args;
  ptrdiff_t pitch;           // from token to token
  const int8_t* queries[4];  // [head_dim]
  const int8_t *keys, *values;
  int32_t* scores;  // [4][tokens]; then the weights p, int16, at the start of each row
  int32_t sums[4];  // of the weights

  int16_t* weights(int q) const { return reinterpret_cast<int16_t*>(scores + static_cast<ptrdiff_t>(q) * args.tokens); }
};

// Scores but for a term of the query alone, which the difference to the largest one loses.
void find_scores(const HeadMve& head) {
  const int tokens = head.args.tokens, dim = head.args.head_dim;
  const int8_t *q0 = head.queries[0], *q1 = head.queries[1], *q2 = head.queries[2], *q3 = head.queries[3];
  const int8_t* key = head.keys;
  for (int s = 0; s < tokens; ++s, key += head.pitch) {
    int32_t sum = 0, dot0 = 0, dot1 = 0, dot2 = 0, dot3 = 0;
    int d = 0;
    for (; d + 16 <= dim; d += 16) {
      const int8x16_t k = vldrbq_s8(key + d);
      sum = vaddvaq_s8(sum, k);
      dot0 = vmladavaq_s8(dot0, vldrbq_s8(q0 + d), k);
      dot1 = vmladavaq_s8(dot1, vldrbq_s8(q1 + d), k);
      dot2 = vmladavaq_s8(dot2, vldrbq_s8(q2 + d), k);
      dot3 = vmladavaq_s8(dot3, vldrbq_s8(q3 + d), k);
    }
    if (d < dim) {
      const mve_pred16_t inside = vctp8q(static_cast<uint32_t>(dim - d));
      const int8x16_t k = vldrbq_z_s8(key + d, inside);
      sum = vaddvaq_s8(sum, k);
      dot0 = vmladavaq_s8(dot0, vldrbq_z_s8(q0 + d, inside), k);
      dot1 = vmladavaq_s8(dot1, vldrbq_z_s8(q1 + d, inside), k);
      dot2 = vmladavaq_s8(dot2, vldrbq_z_s8(q2 + d, inside), k);
      dot3 = vmladavaq_s8(dot3, vldrbq_z_s8(q3 + d, inside), k);
    }
    sum *= head.args.zero;
    int32_t* score = head.scores + s;
    score[0] = dot0 - sum;
    score[tokens] = dot1 - sum;
    score[2 * tokens] = dot2 - sum;
    score[3 * tokens] = dot3 - sum;
  }
}

// The weights of query q from its scores; each vector is read before it is written over.
void find_weights(HeadMve* head, int q) {
  const AttentionS8& args = head->args;
  const int32_t* scores = head->scores + static_cast<ptrdiff_t>(q) * args.tokens;
  int32_t largest = INT32_MIN, sum = 0;
  for (int s = 0; s < args.tokens; s += 4) {
    const mve_pred16_t inside = vctp32q(static_cast<uint32_t>(args.tokens - s));
    largest = vmaxvq_p_s32(largest, vldrwq_z_s32(scores + s, inside), inside);
  }
  const int32x4_t top = vdupq_n_s32(largest);
  const float32x4_t low = vdupq_n_f32(0.0f), high = vdupq_n_f32(255.0f);
  int16_t* weights = head->weights(q);
  for (int s = 0; s < args.tokens; s += 4) {
    const mve_pred16_t inside = vctp32q(static_cast<uint32_t>(args.tokens - s));
    const int32x4_t below = vsubq_s32(top, vldrwq_z_s32(scores + s, inside));
    const float32x4_t v = vmulq_n_f32(vcvtq_f32_s32(below), args.score_m);
    const float32x4_t clamped = vmaxnmq_f32(vminnmq_f32(v, high), low);
    const uint32x4_t index = vreinterpretq_u32_s32(vcvtnq_s32_f32(clamped));
    const int32x4_t p = vreinterpretq_s32_u32(vldrbq_gather_offset_u32(args.table, index));
    sum = vaddvaq_p_s32(sum, p, inside);
    vstrhq_p_s32(weights + s, p, inside);
  }
  head->sums[q] = sum;
}

// Sums of weight * value at `value` over all tokens.
void add_values(const HeadMve& head, const int8_t* value, int32_t acc[4]) {
  const ptrdiff_t row = 2 * static_cast<ptrdiff_t>(head.args.tokens);  // from one query's weights to the next one's
  const int16_t *p0 = head.weights(0), *p1 = p0 + row, *p2 = p1 + row, *p3 = p2 + row;
  const uint16x8_t offsets = vmulq_n_u16(vidupq_n_u16(0, 1), static_cast<uint16_t>(head.pitch));
  int32_t acc0 = 0, acc1 = 0, acc2 = 0, acc3 = 0;
  int rest = head.args.tokens;
  for (; rest >= 8; rest -= 8, value += 8 * head.pitch, p0 += 8, p1 += 8, p2 += 8, p3 += 8) {
    const int16x8_t v = vldrbq_gather_offset_s16(value, offsets);
    acc0 = vmladavaq_s16(acc0, vldrhq_s16(p0), v);
    acc1 = vmladavaq_s16(acc1, vldrhq_s16(p1), v);
    acc2 = vmladavaq_s16(acc2, vldrhq_s16(p2), v);
    acc3 = vmladavaq_s16(acc3, vldrhq_s16(p3), v);
  }
  if (rest > 0) {
    const mve_pred16_t inside = vctp16q(static_cast<uint32_t>(rest));
    const int16x8_t v = vldrbq_gather_offset_z_s16(value, offsets, inside);
    acc0 = vmladavaq_s16(acc0, vldrhq_z_s16(p0, inside), v);
    acc1 = vmladavaq_s16(acc1, vldrhq_z_s16(p1, inside), v);
    acc2 = vmladavaq_s16(acc2, vldrhq_z_s16(p2, inside), v);
    acc3 = vmladavaq_s16(acc3, vldrhq_z_s16(p3, inside), v);
  }
  acc[0] = acc0;
  acc[1] = acc1;
  acc[2] = acc2;
  acc[3] = acc3;
}
// The same where tokens lie too far apart for offsets of 16 bits.
void add_distant_values(const HeadMve& head, const int8_t* value, int32_t acc[4]) {
  for (int q = 0; q < 4; ++q) {
    acc[q] = 0;
    for (int s = 0; s < head.args.tokens; ++s) acc[q] += head.weights(q)[s] * value[s * head.pitch];
  }
}

void attend(HeadMve* head, int count, int8_t* y, ptrdiff_t y_pitch) {
  const AttentionS8& args = head->args;
  find_scores(*head);
  for (int q = 0; q < 4; ++q) find_weights(head, q);
  const auto add = head->pitch <= 65535 / 7 ? add_values : add_distant_values;
  const int32x4_t offset = vmulq_n_s32(vldrwq_s32(head->sums), args.zero);
  float sums[4], quotients[4];
  vstrwq_f32(sums, vcvtq_f32_s32(vldrwq_s32(head->sums)));
  const uint32x4_t queries = vmulq_n_u32(vidupq_n_u32(0, 1), static_cast<uint32_t>(y_pitch));
  const mve_pred16_t inside = vctp32q(static_cast<uint32_t>(count));
  for (int d = 0; d < args.head_dim; ++d) {
    int32_t acc[4];
    add(*head, head->values + d, acc);
    vstrwq_f32(quotients, vmulq_n_f32(vcvtq_f32_s32(vsubq_s32(vldrwq_s32(acc), offset)), args.m));
    for (int q = 0; q < 4; ++q) quotients[q] = quotients[q] / sums[q];
    const int32x4_t rounded = vcvtnq_s32_f32(vldrwq_f32(quotients));
    const int32x4_t code = vqaddq_n_s32(rounded, args.y_zero);
    vstrbq_scatter_offset_p_s32(y + d, queries, vminq_s32(vmaxq_s32(code, vdupq_n_s32(-128)), vdupq_n_s32(127)),
                                inside);
  }
}

}  // namespace

void attention_s8_mve(const AttentionS8& args, int row_begin, int row_end, void* scratch) {
  const ptrdiff_t inner = static_cast<ptrdiff_t>(args.heads) * args.head_dim;
  for (int t = row_begin; t < row_end; t += 4) {
    const int count = row_end - t < 4 ? row_end - t : 4;
    for (int h = 0; h < args.heads; ++h) {
      const int8_t* first = args.qkv + static_cast<ptrdiff_t>(h) * args.head_dim;
      HeadMve head = {args, 3 * inner, {}, first + inner, first + 2 * inner, static_cast<int32_t*>(scratch), {}};
      for (int q = 0; q < 4; ++q) head.queries[q] = first + (t + (q < count ? q : count - 1)) * head.pitch;
      attend(&head, count, args.y + t * inner + static_cast<ptrdiff_t>(h) * args.head_dim, inner);
    }
  }
}

}  // namespace mote
#endif
