// Activation, sum, scale and shift, nearest upsampling, average pooling: every kernel set against double.
#include "kernel_test.h"

namespace mote::test {
namespace {

bool near(float got, double want, double tolerance) {
  return std::fabs(got - want) <= tolerance * (1.0 + std::fabs(want));
}

TEST_CASE("activation_f32: SiLU, GELU and ReLU over the whole range and any length") {
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    const ActivationF32Kernel& kernel = pick_kernel(activation_f32_kernels, set);
    for (const Activation activation : all_activations) {
      CAPTURE(static_cast<int>(activation));
      for (int row = 1; row <= 35; ++row) {
        Random random(static_cast<uint64_t>(row));
        const int rows = 9;
        const Floats x(static_cast<size_t>(rows * row), random, row % 3 == 0 ? 100.0f : 6.0f), y(x.size());
        run_in_pieces(rows, random, [&](int begin, int end) {
          kernel.run({x.data(), y.data(), rows, row, activation}, begin, end);
        });
        bool good = true;
        for (size_t i = 0; i < x.size(); ++i) good = good && near(y[i], activate(x[i], activation), 3e-7);
        CHECK(good);
        CHECK(y.intact());
        const Floats again(x.size());
        std::memcpy(again.data(), x.data(), x.size() * sizeof(float));
        kernel.run({again.data(), again.data(), rows, row, activation}, 0, rows);
        CHECK(again.same_bytes(y));
      }
    }
  }
}

TEST_CASE("activation_f32: extreme values stay finite or keep their limit, NaN stays NaN") {
  const float largest = 3.0e38f;
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    const ActivationF32Kernel& kernel = pick_kernel(activation_f32_kernels, set);
    const Floats x(5), y(5);
    x[0] = largest;
    x[1] = -largest;
    x[2] = 0.0f;
    x[3] = -200.0f;
    x[4] = std::nanf("");
    for (const Activation activation : {Activation::silu, Activation::gelu, Activation::relu, Activation::mish}) {
      CAPTURE(static_cast<int>(activation));
      kernel.run({x.data(), y.data(), 1, 5, activation}, 0, 1);
      CHECK(y[0] == largest);
      CHECK(std::fabs(y[1]) <= 4.0f);  // far outside: e^-88 times the input
      CHECK(y[2] == 0.0f);
      CHECK(std::fabs(y[3]) < 1e-30f);
      if (activation != Activation::relu) CHECK(std::isnan(y[4]));
    }
  }
}

TEST_CASE("add_f32: exact, also onto an operand") {
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    const AddF32Kernel& kernel = pick_kernel(add_f32_kernels, set);
    for (int row = 1; row <= 35; ++row) {
      Random random(static_cast<uint64_t>(row));
      const size_t n = static_cast<size_t>(6 * row);
      const Floats a(n, random), b(n, random), y(n);
      run_in_pieces(6, random, [&](int begin, int end) {
        kernel.run({a.data(), b.data(), y.data(), 6, row}, begin, end);
      });
      bool good = true;
      for (size_t i = 0; i < n; ++i) good = good && y[i] == a[i] + b[i];
      CHECK(good);
      CHECK(y.intact());
      kernel.run({a.data(), b.data(), b.data(), 6, row}, 0, 6);
      CHECK(b.same_bytes(y));
    }
  }
}

TEST_CASE("scale_shift_f32: with and without scale and shift") {
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      Random r(seed);
      const int height = r.between(1, 7), width = r.between(1, 5), channels = r.between(1, 40);
      const size_t count = static_cast<size_t>(channels);
      const Floats x(static_cast<size_t>(height * width) * count, r, 3.0f), y(x.size()), scale(count, r),
          shift(count, r);
      ScaleShiftF32 args = {
          x.data(), r.coin() ? scale.data() : nullptr, r.coin() ? shift.data() : nullptr, y.data(), height, width,
          channels, all_activations[r.below(4)]};
      run_in_pieces(height, r,
                    [&](int begin, int end) { pick_kernel(scale_shift_f32_kernels, set).run(args, begin, end); });
      bool good = true;
      for (size_t i = 0; i < x.size(); ++i) {
        const double factor = 1.0 + (args.scale != nullptr ? scale[i % count] : 0.0f);
        const double value = x[i] * factor + (args.shift != nullptr ? shift[i % count] : 0.0f);
        good = good && near(y[i], activate(value, args.activation), 1e-6);
      }
      CHECK(good);
      CHECK(y.intact());
    }
  }
}

TEST_CASE("upsample_f32: every pixel repeated") {
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      Random r(seed);
      const int height = r.between(1, 5), width = r.between(1, 5), channels = r.between(1, 40),
                factor = r.between(1, 3);
      const Floats x(static_cast<size_t>(height * width * channels), r);
      const Floats y(x.size() * static_cast<size_t>(factor * factor));
      run_in_pieces(height * factor, r, [&](int begin, int end) {
        pick_kernel(upsample_f32_kernels, set).run({x.data(), y.data(), height, width, channels, factor}, begin, end);
      });
      bool good = true;
      for (int oy = 0; oy < height * factor; ++oy) {
        for (int ox = 0; ox < width * factor; ++ox) {
          for (int c = 0; c < channels; ++c) {
            good = good && y[static_cast<size_t>((oy * width * factor + ox) * channels + c)] ==
                               x[static_cast<size_t>((oy / factor * width + ox / factor) * channels + c)];
          }
        }
      }
      CHECK(good);
      CHECK(y.intact());
    }
  }
}

TEST_CASE("average_pool_f32: means of windows, a rest at the edge is dropped") {
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      Random r(seed);
      const int kernel = r.between(1, 3), channels = r.between(1, 40);
      const int height = r.between(0, 3) == 0 ? 1 : r.between(kernel, 9), width = r.between(kernel, 9);
      const int high = height == 1 ? 1 : kernel;  // of a window; signals are pooled along their width
      const int rows = height / high, columns = width / kernel;
      const Floats x(static_cast<size_t>(height * width * channels), r),
          y(static_cast<size_t>(rows * columns * channels));
      run_in_pieces(rows, r, [&](int begin, int end) {
        pick_kernel(average_pool_f32_kernels, set)
            .run({x.data(), y.data(), height, width, channels, kernel}, begin, end);
      });
      bool good = true;
      for (int oy = 0; oy < rows; ++oy) {
        for (int ox = 0; ox < columns; ++ox) {
          for (int c = 0; c < channels; ++c) {
            double sum = 0;
            for (int i = 0; i < high * kernel; ++i) {
              const int pixel = (oy * high + i / kernel) * width + ox * kernel + i % kernel;
              sum += x[static_cast<size_t>(pixel * channels + c)];
            }
            good =
                good && near(y[static_cast<size_t>((oy * columns + ox) * channels + c)], sum / (high * kernel), 1e-6);
          }
        }
      }
      CHECK(good);
      CHECK(y.intact());
    }
  }
}

}  // namespace
}  // namespace mote::test
