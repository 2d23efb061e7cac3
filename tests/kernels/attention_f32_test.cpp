// Self-attention: every kernel set against softmax(q k^T scale) v in double.
#include "kernel_test.h"

namespace mote::test {
namespace {

double expected_attention(const AttentionF32& a, int token, int head, int d) {
  const int inner = a.heads * a.head_dim;
  const auto at = [&](int t, int which, int i) {
    return static_cast<double>(a.qkv[(t * 3 + which) * inner + head * a.head_dim + i]);
  };
  std::vector<double> scores(static_cast<size_t>(a.tokens));
  double largest = -1e300, sum = 0, value = 0;
  for (int s = 0; s < a.tokens; ++s) {
    double& score = scores[static_cast<size_t>(s)];
    for (int i = 0; i < a.head_dim; ++i) score += at(token, 0, i) * at(s, 1, i);
    score *= static_cast<double>(a.scale);
    largest = std::max(largest, score);
  }
  for (int s = 0; s < a.tokens; ++s) {
    const double weight = std::exp(scores[static_cast<size_t>(s)] - largest);
    sum += weight;
    value += weight * at(s, 2, d);
  }
  return value / sum;
}

void check_attention(int tokens, int heads, int head_dim, float size, uint64_t seed) {
  Random random(seed);
  const size_t inner = static_cast<size_t>(heads * head_dim), count = static_cast<size_t>(tokens) * inner;
  const Floats qkv(3 * count, random, size), y(count), pieces(count), scratch(attention_scratch_floats(tokens));
  AttentionF32 args = {qkv.data(), tokens, heads, head_dim, 1.0f / std::sqrt(static_cast<float>(head_dim)), y.data()};
  CAPTURE(tokens);
  CAPTURE(heads);
  CAPTURE(head_dim);
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    const AttentionF32Kernel& kernel = pick_kernel(attention_f32_kernels, set);
    y.erase();
    args.y = y.data();
    kernel.run(args, 0, tokens, scratch.data());
    double worst = 0;
    const int step = count > 4000 ? 97 : 1;  // of a large output only a part
    for (size_t i = 0; i < count; i += static_cast<size_t>(step)) {
      const int token = static_cast<int>(i / inner), rest = static_cast<int>(i % inner);
      const double error = std::fabs(y[i] - expected_attention(args, token, rest / head_dim, rest % head_dim));
      if (!(error <= worst)) worst = error;
    }
    // A score of size s is rounded to s 2^-24 and goes through the exponential.
    CHECK(worst < size * (2e-6 + 2e-6 * size * size * std::sqrt(head_dim)));
    CHECK(y.intact());
    CHECK(scratch.intact());
    args.y = pieces.data();
    run_in_pieces(tokens, random, [&](int begin, int end) {
      scratch.erase();
      kernel.run(args, begin, end, scratch.data());
    });
    CHECK(pieces.same_bytes(y));
  }
}

TEST_CASE("attention_f32: any number of tokens, heads and any head size") {
  check_attention(49, 1, 96, 1.0f, 1);
  check_attention(49, 3, 32, 1.0f, 2);
  check_attention(64, 8, 8, 2.0f, 3);
  check_attention(17, 1, 256, 1.0f, 4);
  check_attention(1, 1, 1, 1.0f, 5);
  for (uint64_t seed = 10; seed < 90; ++seed) {
    Random r(seed);
    check_attention(r.between(1, 40), r.between(1, 3), r.between(1, r.coin() ? 80 : 10), 1.0f, seed);
  }
}

TEST_CASE("attention_f32: large scores do not overflow") { check_attention(20, 2, 16, 30.0f, 6); }

}  // namespace
}  // namespace mote::test
