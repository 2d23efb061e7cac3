// Linear layers: every kernel set, with weights as stored and packed, against sums in double.
#include "kernel_test.h"

namespace mote::test {
namespace {

struct LinearCase {
  int rows, in, out;
  bool bias, residual;
  Activation activation;
};

void check_linear(const LinearCase& c, uint64_t seed) {
  Random random(seed);
  const auto count = [](int a, int b) { return static_cast<size_t>(a) * static_cast<size_t>(b); };
  Floats x(count(c.rows, c.in), random), weights(count(c.out, c.in), random), bias(count(c.out, 1), random);
  Floats residual(count(c.rows, c.out), random), y(count(c.rows, c.out)), pieces(count(c.rows, c.out));
  LinearF32 args = {x.data(),
                    c.rows,
                    c.in,
                    c.out,
                    c.activation,
                    weights.data(),
                    nullptr,
                    c.bias ? bias.data() : nullptr,
                    c.residual ? residual.data() : nullptr,
                    y.data()};
  CAPTURE(c.rows);
  CAPTURE(c.in);
  CAPTURE(c.out);
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    const LinearF32Kernel& kernel = pick_kernel(linear_f32_kernels, set);
    const size_t packed_bytes = kernel.packed_bytes != nullptr ? kernel.packed_bytes(args) : 0;
    for (int use_packed = 0; use_packed <= (packed_bytes != 0 ? 1 : 0); ++use_packed) {
      CAPTURE(use_packed);
      Floats packed(packed_bytes / sizeof(float));
      args.packed = nullptr;
      if (use_packed != 0) {
        kernel.pack(args, packed.data());
        CHECK(packed.intact());
        args.packed = packed.data();
      }
      args.y = y.data();
      y.erase();
      kernel.run(args, 0, c.rows, nullptr);
      double worst = 0;
      for (int r = 0; r < c.rows; ++r) {
        for (int o = 0; o < c.out; ++o) {
          double sum = c.bias ? bias[static_cast<size_t>(o)] : 0.0, magnitude = std::fabs(sum) + 1e-3;
          for (int i = 0; i < c.in; ++i) {
            const double product = static_cast<double>(x[count(r, c.in) + i]) * weights[count(o, c.in) + i];
            sum += product;
            magnitude += std::fabs(product);
          }
          const size_t at = count(r, c.out) + static_cast<size_t>(o);
          if (c.residual) {
            sum += residual[at];
            magnitude += std::fabs(residual[at]);
          }
          const double error = std::fabs(y[at] - activate(sum, c.activation)) / magnitude;
          if (!(error <= worst)) worst = error;
        }
      }
      CHECK(worst < 2e-6);
      CHECK(y.intact());
      args.y = pieces.data();
      run_in_pieces(c.rows, random, [&](int begin, int end) { kernel.run(args, begin, end, nullptr); });
      CHECK(pieces.same_bytes(y));
    }
  }
}

TEST_CASE("linear_f32: vectors and matrices of any size, with bias, residual and activation") {
  check_linear({1, 512, 512, true, false, Activation::silu}, 1);
  check_linear({1, 3, 1, false, false, Activation::none}, 2);
  check_linear({196, 64, 192, true, false, Activation::none}, 3);
  check_linear({49, 96, 96, true, true, Activation::none}, 4);
  check_linear({5, 700, 33, true, true, Activation::gelu}, 5);
  for (uint64_t seed = 10; seed < 110; ++seed) {
    Random r(seed);
    check_linear(
        {r.between(1, 20), r.between(1, 90), r.between(1, 70), r.coin(), r.coin(), all_activations[r.below(4)]}, seed);
  }
}

}  // namespace
}  // namespace mote::test
