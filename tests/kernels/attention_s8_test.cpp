// Attention over quantized tensors: every kernel set against integers of 64 bits and the stated float32 operations, and
// against a softmax in double within the bound that the table's steps give.
#include "guarded.h"
#include "kernels/kernels_s8.h"

namespace mote::test {
namespace {

struct Problem {
  int tokens, heads, head_dim;
  int32_t zero, y_zero;
  float score_m, m;
  int rows;  // of the output that are made; 0: all

  int made() const { return rows != 0 ? rows : tokens; }
};

// The table of e^-(d * step), as kernels_s8.h gives it.
void fill_table(const Guarded<uint8_t>& table, double step) {
  for (size_t d = 0; d < 256; ++d) {
    table[d] = static_cast<uint8_t>(std::nearbyint(255.0 * std::exp(-static_cast<double>(d) * step)));
  }
}

class Twin {
 public:
  Twin(const Problem& p, const Bytes& qkv, const Guarded<uint8_t>& table) : p_(p), qkv_(qkv), table_(table) {}

  std::vector<int8_t> output() const {
    std::vector<int8_t> y;
    for (int t = 0; t < p_.made(); ++t) {
      for (int h = 0; h < p_.heads; ++h) {
        int64_t sum = 0;
        const std::vector<int64_t> weights = weights_of(t, h, &sum);
        for (int d = 0; d < p_.head_dim; ++d) y.push_back(element(weights, sum, h, d));
      }
    }
    return y;
  }
  // which: 0 query, 1 key, 2 value.
  int64_t centred(int token, int which, int head, int d) const {
    const int inner = p_.heads * p_.head_dim;
    return int64_t{qkv_[static_cast<size_t>((token * 3 + which) * inner + head * p_.head_dim + d)]} - p_.zero;
  }
  int64_t score(int t, int s, int h) const {
    int64_t total = 0;
    for (int d = 0; d < p_.head_dim; ++d) total += centred(t, 0, h, d) * centred(s, 1, h, d);
    return total;
  }

 private:
  std::vector<int64_t> weights_of(int t, int h, int64_t* sum) const {
    std::vector<int64_t> w;
    for (int s = 0; s < p_.tokens; ++s) w.push_back(score(t, s, h));
    const int64_t largest = *std::max_element(w.begin(), w.end());
    for (int64_t& v : w) {
      const float scaled = static_cast<float>(largest - v) * p_.score_m;
      v = table_[static_cast<size_t>(nearest_even(std::min(scaled, 255.0f)))];
      *sum += v;
    }
    return w;
  }
  int8_t element(const std::vector<int64_t>& weights, int64_t sum, int h, int d) const {
    int64_t acc = 0;
    for (int s = 0; s < p_.tokens; ++s) acc += weights[static_cast<size_t>(s)] * centred(s, 2, h, d);
    const float product = static_cast<float>(acc) * p_.m;
    const float v = product / static_cast<float>(sum);
    const float clamped =
        std::min(std::max(v, static_cast<float>(-128 - p_.y_zero)), static_cast<float>(127 - p_.y_zero));
    return static_cast<int8_t>(nearest_even(clamped) + p_.y_zero);
  }

  const Problem& p_;
  const Bytes& qkv_;
  const Guarded<uint8_t>& table_;
};

void check_all_sets(const Problem& p, const Bytes& qkv, const Guarded<uint8_t>& table, Random& random) {
  const std::vector<int8_t> expected = Twin(p, qkv, table).output();
  CAPTURE(p.tokens);
  CAPTURE(p.heads);
  CAPTURE(p.head_dim);
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    const Bytes y(expected.size());
    const Guarded<char> scratch(attention_s8_scratch_bytes(p.tokens));
    const AttentionS8 args = {qkv.data(), p.tokens,     p.heads, p.head_dim, p.zero,
                              p.score_m,  table.data(), p.m,     p.y_zero,   y.data()};
    const auto run = pick_kernel(attention_s8_kernels, set).run;
    run(args, 0, p.made(), scratch.data());
    CHECK(y.same_values(expected));
    y.erase();
    run_in_pieces(p.made(), random, [&](int begin, int end) {
      scratch.erase();
      run(args, begin, end, scratch.data());
    });
    CHECK(y.same_values(expected));
    CHECK(y.intact());
    CHECK(scratch.intact());
    CHECK(qkv.intact());
  }
}

// Random codes; the scale of the scores so that the whole table is used.
void check_random(int tokens, int heads, int head_dim, uint64_t seed) {
  Random random(seed);
  const Bytes qkv(static_cast<size_t>(tokens) * 3 * static_cast<size_t>(heads * head_dim));
  const Guarded<uint8_t> table(256);
  fill_codes(qkv, random);
  fill_table(table, random.coin() ? 1.0 / 32 : 0.002);
  const double spread = 5000.0 * std::sqrt(static_cast<double>(head_dim));
  const Problem p = {tokens,
                     heads,
                     head_dim,
                     random.between(-128, 127),
                     random.between(-128, 127),
                     static_cast<float>((0.5 + random.below(100)) / spread),
                     std::fabs(random.uniform()) * 3.0f,
                     0};
  check_all_sets(p, qkv, table, random);
}

TEST_CASE("attention_s8: any number of tokens, heads and any head size") {
  check_random(49, 1, 48, 1);
  check_random(49, 3, 32, 2);
  check_random(64, 8, 8, 3);
  check_random(17, 1, 256, 4);
  check_random(1, 1, 1, 5);
  check_random(7, 1, 257, 6);
  check_random(6, 2, 700, 7);
  for (uint64_t seed = 10; seed < 200; ++seed) {
    Random r(seed);
    check_random(r.between(1, 70), r.between(1, 3), r.between(1, r.coin() ? 80 : 18), seed);
  }
}

TEST_CASE("attention_s8: the largest scores and sums") {
  Random random(1);
  const Guarded<uint8_t> table(256);
  for (size_t d = 0; d < 256; ++d) table[d] = 255;
  for (const int head_dim : {1, 8192}) {
    const int tokens = head_dim == 1 ? 33025 : 6;  // 33025 * 255 * 255 < 2^31
    const Bytes qkv(static_cast<size_t>(tokens) * 3 * static_cast<size_t>(head_dim));
    for (const int32_t zero : {-128, 127}) {
      // All as far from the zero point as they can be; then every other token at it, or beyond.
      const int8_t far = static_cast<int8_t>(zero == 127 ? -128 : 127);
      const Problem p = {tokens, 1, head_dim, zero, -zero - 1, 1e-7f, 1.0f, 6};
      fill_codes(qkv, far);
      check_all_sets(p, qkv, table, random);
      for (size_t i = 0; i < qkv.size(); i += 2) qkv[i] = static_cast<int8_t>(zero);
      check_all_sets(p, qkv, table, random);
      fill_codes(qkv, random);
      check_all_sets(p, qkv, table, random);
    }
  }
}

TEST_CASE("attention_s8: ties of both roundings go to even") {
  Random random(2);
  const Guarded<uint8_t> table(256);
  for (size_t d = 0; d < 256; ++d) table[d] = static_cast<uint8_t>(d == 0 ? 1 : d % 3);
  for (int tokens = 1; tokens < 40; ++tokens) {
    const Bytes qkv(static_cast<size_t>(tokens) * 3 * 20);
    for (size_t i = 0; i < qkv.size(); ++i) qkv[i] = static_cast<int8_t>(random.between(-6, 6));
    check_all_sets({tokens, 1, 20, 0, 3, 0.5f, 8.0f, 0}, qkv, table, random);
    check_all_sets({tokens, 2, 10, 1, -3, 1.5f, 0.25f, 0}, qkv, table, random);
  }
}

TEST_CASE("attention_s8: a scale of the scores that is zero, tiny or huge stays within the table") {
  Random random(3);
  const Guarded<uint8_t> table(256);
  fill_table(table, 0.01);
  const int tokens = 37, head_dim = 9;
  const Bytes qkv(tokens * 3 * head_dim);
  fill_codes(qkv, random);
  for (const float score_m : {0.0f, 1e30f, 1e-30f}) {
    check_all_sets({tokens, 1, head_dim, 5, -7, score_m, 0.7f, 0}, qkv, table, random);
  }
}

TEST_CASE("attention_s8: close to a softmax in double") {
  const int tokens = 49, heads = 2, head_dim = 24;
  const double step = 1.0 / 32, scale = 0.05, attention_scale = 1.0 / std::sqrt(static_cast<double>(head_dim));
  Random random(4);
  const Bytes qkv(tokens * 3 * heads * head_dim), y(tokens * heads * head_dim);
  const Guarded<uint8_t> table(256);
  const Guarded<char> scratch(attention_s8_scratch_bytes(tokens));
  for (size_t i = 0; i < qkv.size(); ++i) qkv[i] = static_cast<int8_t>(random.between(-60, 60));
  fill_table(table, step);
  const Problem p = {tokens, heads, head_dim, 3, -2, static_cast<float>(attention_scale * scale * scale / step),
                     1.0f,   0};
  const AttentionS8 args = {qkv.data(), tokens,       heads, head_dim, p.zero,
                            p.score_m,  table.data(), p.m,   p.y_zero, y.data()};
  const Twin twin(p, qkv, table);
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    pick_kernel(attention_s8_kernels, set).run(args, 0, tokens, scratch.data());
    for (int t = 0; t < tokens; ++t) {
      for (int h = 0; h < heads; ++h) {
        double largest = -1e300, sum = 0.0;
        std::vector<double> w(tokens);
        for (int s = 0; s < tokens; ++s) {
          w[static_cast<size_t>(s)] = static_cast<double>(twin.score(t, s, h)) * attention_scale * scale * scale;
          largest = std::max(largest, w[static_cast<size_t>(s)]);
        }
        for (double& v : w) sum += v = std::exp(v - largest);
        // Half a step of the index changes a weight by (e^(step/2) - 1) of it; rounding to 1/255 by half of that.
        const double off = (std::exp(step / 2) - 1.0) * sum + tokens * 0.5 / 255.0;
        for (int d = 0; d < head_dim; ++d) {
          double value = 0.0, widest = 0.0;
          for (int s = 0; s < tokens; ++s) {
            value += w[static_cast<size_t>(s)] / sum * static_cast<double>(twin.centred(s, 2, h, d));
          }
          for (int s = 0; s < tokens; ++s) {
            widest = std::max(widest, std::fabs(static_cast<double>(twin.centred(s, 2, h, d)) - value));
          }
          const double got = y[static_cast<size_t>((t * heads + h) * head_dim + d)] - p.y_zero;
          CHECK(std::fabs(got - value) <= off / (sum - off) * widest + 0.51);
        }
      }
    }
  }
}

}  // namespace
}  // namespace mote::test
