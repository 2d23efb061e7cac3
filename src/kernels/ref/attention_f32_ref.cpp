// Multi-head self-attention as kernels.h defines it: one query row and head at a time, the weights of all keys in
// scratch.
#include "kernels/ref/ref.h"

namespace mote {
namespace {

void attend(const AttentionF32& args, int token, int head, float* weights) {
  const ptrdiff_t inner = static_cast<ptrdiff_t>(args.heads) * args.head_dim;
  const float* q = args.qkv + token * 3 * inner + static_cast<ptrdiff_t>(head) * args.head_dim;
  const float* keys = args.qkv + inner + static_cast<ptrdiff_t>(head) * args.head_dim;
  const float* values = keys + inner;
  float largest = -FLT_MAX;
  for (int s = 0; s < args.tokens; ++s) {
    float score = 0.0f;
    for (int d = 0; d < args.head_dim; ++d) score += q[d] * keys[s * 3 * inner + d];
    weights[s] = score * args.scale;
    if (weights[s] > largest) largest = weights[s];
  }
  float sum = 0.0f;
  for (int s = 0; s < args.tokens; ++s) {
    weights[s] = exp_f32(weights[s] - largest);
    sum += weights[s];
  }
  float* y = args.y + token * inner + static_cast<ptrdiff_t>(head) * args.head_dim;
  for (int d = 0; d < args.head_dim; ++d) y[d] = 0.0f;
  for (int s = 0; s < args.tokens; ++s) {
    for (int d = 0; d < args.head_dim; ++d) y[d] += weights[s] * values[s * 3 * inner + d];
  }
  for (int d = 0; d < args.head_dim; ++d) y[d] /= sum;
}

}  // namespace

void attention_f32_ref(const AttentionF32& args, int row_begin, int row_end, float* scratch) {
  for (int token = row_begin; token < row_end; ++token) {
    for (int head = 0; head < args.heads; ++head) attend(args, token, head, scratch);
  }
}

}  // namespace mote
