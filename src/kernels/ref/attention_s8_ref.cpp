// Attention over quantized tensors as kernels_s8.h defines it, one query and head at a time.
#include "kernels/ref/ref_s8.h"

namespace mote {
namespace {

// p_s into `weights` (over the scores it is made from); returns their sum.
int32_t softmax(const AttentionS8& args, const int8_t* query, const int8_t* keys, int32_t* weights) {
  const ptrdiff_t pitch = static_cast<ptrdiff_t>(3) * args.heads * args.head_dim;
  int32_t largest = INT32_MIN;
  for (int s = 0; s < args.tokens; ++s) {
    const int8_t* key = keys + s * pitch;
    int32_t score = 0;
    for (int d = 0; d < args.head_dim; ++d) score += (query[d] - args.zero) * (key[d] - args.zero);
    weights[s] = score;
    if (score > largest) largest = score;
  }
  int32_t sum = 0;
  for (int s = 0; s < args.tokens; ++s) {
    float v = static_cast<float>(largest - weights[s]) * args.score_m;
    v = v < 255.0f ? v : 255.0f;
    weights[s] = args.table[round_to_i32(v > 0.0f ? v : 0.0f)];
    sum += weights[s];
  }
  return sum;
}

}  // namespace

void attention_s8_ref(const AttentionS8& args, int row_begin, int row_end, void* scratch) {
  const ptrdiff_t inner = static_cast<ptrdiff_t>(args.heads) * args.head_dim;
  int32_t* weights = static_cast<int32_t*>(scratch);
  for (int t = row_begin; t < row_end; ++t) {
    for (int h = 0; h < args.heads; ++h) {
      const int8_t* head = args.qkv + static_cast<ptrdiff_t>(h) * args.head_dim;
      const float sum = static_cast<float>(softmax(args, head + t * 3 * inner, head + inner, weights));
      for (int d = 0; d < args.head_dim; ++d) {
        const int8_t* value = head + 2 * inner + d;
        int32_t acc = 0;
        for (int s = 0; s < args.tokens; ++s) acc += weights[s] * (value[s * 3 * inner] - args.zero);
        const float v = (static_cast<float>(acc) * args.m) / sum;
        args.y[t * inner + static_cast<ptrdiff_t>(h) * args.head_dim + d] = static_cast<int8_t>(round8(v, args.y_zero));
      }
    }
  }
}

}  // namespace mote
