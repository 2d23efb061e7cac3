// The backward kernels alone, every set against sums in double, at widths around each vector's. Their use in a network is
// tested by differences in executor_test.cpp.
#include "weights_tool/train/backward.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

using namespace mote;
using namespace mote::tool;

namespace {

struct Sets {
  std::vector<KernelSet> list;
  Sets() {
    KernelSet sets[kernel_set_count];
    list.assign(sets, sets + kernel_sets_available(sets));
  }
};

std::vector<float> random_floats(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& v : values) v = normal(random);
  return values;
}

bool close(double got, double want, double scale) { return std::fabs(got - want) < 1e-5 * scale; }

}  // namespace

TEST_CASE("correlate is the sum of outer products over images, rows and columns, and touches nothing else") {
  for (const KernelSet set : Sets().list) {
    CAPTURE(kernel_set_name(set));
    for (const int m : {1, 2, 3, 7, 8, 13, 16}) {
      for (const int n : {1, 4, 5, 15, 16, 17, 31, 33, 48, 49, 64, 100}) {
        CorrelateF32 args = {};
        args.images = 2;
        args.rows = 3;
        args.cols = 5;
        args.m = m;
        args.n = n;
        args.a_col = m + 2;
        args.a_row = 6 * args.a_col;
        args.a_image = 3 * args.a_row;
        args.b_col = 2 * n;
        args.b_row = 5 * args.b_col;
        args.b_image = 4 * args.b_row;
        args.c_row = n + 3;
        const std::vector<float> a = random_floats(static_cast<size_t>(2 * args.a_image), 1);
        const std::vector<float> b = random_floats(static_cast<size_t>(2 * args.b_image), 2);
        const std::vector<float> before = random_floats(static_cast<size_t>(m * args.c_row), 3);
        std::vector<float> c = before;
        args.a = a.data();
        args.b = b.data();
        args.c = c.data();
        backward_kernels(set).correlate(args);
        for (int i = 0; i < m * (n + 3); ++i) {
          const int row = i / (n + 3), col = i % (n + 3);
          double want = double{before[static_cast<size_t>(i)]};
          for (int p = 0; p < 30 && col < n; ++p) {
            const ptrdiff_t at_a = p / 15 * args.a_image + p / 5 % 3 * args.a_row + p % 5 * args.a_col + row;
            const ptrdiff_t at_b = p / 15 * args.b_image + p / 5 % 3 * args.b_row + p % 5 * args.b_col + col;
            want += double{a[static_cast<size_t>(at_a)]} * double{b[static_cast<size_t>(at_b)]};
          }
          REQUIRE(close(double{c[static_cast<size_t>(i)]}, want, col < n ? 10 : 1e-9));
        }
      }
    }
  }
}

TEST_CASE("a rectangle without pixels adds nothing") {
  for (const KernelSet set : Sets().list) {
    CorrelateF32 args = {};
    args.images = 1;
    args.m = args.n = 1;
    float c = 4.0f;
    args.c = &c;
    args.c_row = 1;
    backward_kernels(set).correlate(args);
    CHECK(c == 4.0f);
  }
}

TEST_CASE("column sums, additions and dropout masks hold at every width") {
  for (const KernelSet set : Sets().list) {
    CAPTURE(kernel_set_name(set));
    const BackwardKernels& kernels = backward_kernels(set);
    for (const int cols : {1, 3, 4, 7, 8, 9, 16, 21, 40}) {
      for (const int rows : {1, 2, 5}) {
        const std::vector<float> x = random_floats(static_cast<size_t>(rows * cols), 4);
        std::vector<float> sums(static_cast<size_t>(cols), 0.5f), added = sums;
        kernels.column_sums(x.data(), rows, cols, sums.data(), false);
        kernels.column_sums(x.data(), rows, cols, added.data(), true);
        for (int c = 0; c < cols; ++c) {
          double want = 0;
          for (int r = 0; r < rows; ++r) want += double{x[static_cast<size_t>(r * cols + c)]};
          CHECK(close(double{sums[static_cast<size_t>(c)]}, want, 1));
          CHECK(close(double{added[static_cast<size_t>(c)]}, want + 0.5, 1));
        }
      }
      const size_t n = static_cast<size_t>(cols);
      const std::vector<float> x = random_floats(n, 5);
      std::vector<float> y(n, 2.0f), masked(n), both(n, 1.0f);
      kernels.add(x.data(), y.data(), n);
      std::vector<uint8_t> random(n);
      for (size_t i = 0; i < n; ++i) random[i] = static_cast<uint8_t>(97 * i + 60);
      kernels.mask(x.data(), random.data(), 64, 4.0f / 3.0f, masked.data(), n, false);
      kernels.mask(x.data(), random.data(), 64, 4.0f / 3.0f, both.data(), n, true);
      for (size_t i = 0; i < n; ++i) {
        CHECK(y[i] == x[i] + 2.0f);
        const float want = random[i] < 64 ? 0.0f : x[i] * (4.0f / 3.0f);
        CHECK(masked[i] == want);
        CHECK(close(double{both[i]}, 1.0 + double{want}, 1));
      }
    }
  }
}

TEST_CASE("the slopes of the activations are those of their formulas over the whole range") {
  for (const KernelSet set : Sets().list) {
    CAPTURE(kernel_set_name(set));
    std::vector<float> x;
    for (float v = -60.0f; v <= 60.0f; v += 0.17f) x.push_back(v);
    const std::vector<float> dy = random_floats(x.size(), 6);
    for (const Activation activation :
         {Activation::none, Activation::silu, Activation::gelu, Activation::relu, Activation::mish}) {
      std::vector<float> dx(x.size()), added(x.size(), 1.0f);
      backward_kernels(set).activation(x.data(), dy.data(), dx.data(), x.size(), activation, false);
      backward_kernels(set).activation(x.data(), dy.data(), added.data(), x.size(), activation, true);
      for (size_t i = 0; i < x.size(); ++i) {
        const double v = double{x[i]}, s = 1 / (1 + std::exp(-v)), pi = std::acos(-1.0);
        double slope = 1;
        if (activation == Activation::silu) slope = s * (1 + v * (1 - s));
        if (activation == Activation::relu) slope = v > 0 ? 1 : 0;
        if (activation == Activation::mish) {
          const double t = std::tanh(std::log1p(std::exp(v)));
          slope = t + v * (1 - t * t) * s;
        }
        if (activation == Activation::gelu) {
          slope = 0.5 * std::erfc(-v / std::sqrt(2.0)) + v * std::exp(-v * v / 2) / std::sqrt(2 * pi);
        }
        CHECK(close(double{dx[i]}, slope * double{dy[i]}, 1));
        CHECK(close(double{added[i]}, 1 + slope * double{dy[i]}, 1));
      }
    }
  }
}

TEST_CASE("windows that do not fill the picture: sums skip nothing, a rest at the edge has no gradient") {
  for (const KernelSet set : Sets().list) {
    CAPTURE(kernel_set_name(set));
    const int height = 5, width = 7, factor = 2;
    for (const int channels : {1, 6, 17}) {
      const std::vector<float> large = random_floats(static_cast<size_t>(4 * height * width * channels), 7);
      const std::vector<float> small = random_floats(static_cast<size_t>(2 * 3 * channels), 8);
      std::vector<float> sums(static_cast<size_t>(height * width * channels), 3.0f), spread = sums;
      backward_kernels(set).sum_windows(large.data(), height, width, channels, factor, factor, sums.data(), true);
      backward_kernels(set).spread_windows(small.data(), height, width, channels, factor, factor, 0.25f, spread.data(),
                                           false);
      for (int h = 0, at = 0; h < height; ++h) {
        for (int w = 0; w < width; ++w) {
          for (int c = 0; c < channels; ++c, ++at) {
            double want = 3;
            for (int k = 0; k < 4; ++k) {
              want += double{large[static_cast<size_t>(((2 * h + k / 2) * 2 * width + 2 * w + k % 2) * channels + c)]};
            }
            CHECK(close(double{sums[static_cast<size_t>(at)]}, want, 5));
            const bool inside = h < 4 && w < 6;
            const float from = inside ? small[static_cast<size_t>((h / 2 * 3 + w / 2) * channels + c)] * 0.25f : 0.0f;
            CHECK(spread[static_cast<size_t>(at)] == from);
          }
        }
      }
    }
  }
}

TEST_CASE("group normalisation's gradient survives a mean far from zero") {
  // y = normalised x: the gradient is that of the same values without the mean, to the precision of x.
  for (const KernelSet set : Sets().list) {
    CAPTURE(kernel_set_name(set));
    const int channels = 10, pixels = 12;
    const size_t n = static_cast<size_t>(channels * pixels);
    std::vector<float> x[2];
    for (float& v : x[0] = random_floats(n, 9))
      v = static_cast<float>(static_cast<int>(v * 64)) / 64.0f;  // exact + 1000
    for (const float v : x[0]) x[1].push_back(v + 1000.0f);
    std::vector<float> dx[2], gamma_gradient[2];
    for (int k = 0; k < 2; ++k) {
      GroupNormGradF32 args = {};
      args.forward.x[0] = x[k].data();
      args.forward.channels[0] = channels;
      args.forward.height = 3;
      args.forward.width = 4;
      args.forward.groups = 2;
      args.forward.epsilon = 1e-5f;
      std::vector<float> dy = random_floats(n, 10), scratch(group_norm_grad_floats(channels));
      std::vector<float> unused(static_cast<size_t>(channels), 1.0f);
      dx[k].resize(n);
      gamma_gradient[k].assign(static_cast<size_t>(channels), 0.0f);
      args.factors = args.offsets = unused.data();
      args.dy[0] = dy.data();
      args.dx[0] = dx[k].data();
      args.dgamma = gamma_gradient[k].data();
      args.scratch = scratch.data();
      backward_kernels(set).group_norm(args);
    }
    for (size_t i = 0; i < n; ++i) CHECK(std::fabs(double{dx[0][i]} - double{dx[1][i]}) < 3e-4);
    for (size_t c = 0; c < gamma_gradient[0].size(); ++c) {
      CHECK(std::fabs(double{gamma_gradient[0][c]} - double{gamma_gradient[1][c]}) < 1e-4);
    }
  }
}
