// Convolution: every kernel set, with weights as stored and packed, against a sum in double over an input that is
// upsampled, joined and padded beforehand.
#include "kernel_test.h"

namespace mote::test {
namespace {

struct ConvCase {
  int height, width, c0, c1, outputs, kh, kw, stride, top, bottom, left, right, upsample;
  bool zero_insert, bias, shift, residual;
  Activation activation;
  bool signal = false;  // one row under a kernel of one row, upsampled along the width only
};

struct ConvData {
  Conv2dF32 args = {};
  Floats x0, x1, weights, bias, shift, residual, y;
};

ConvData make_data(const ConvCase& c, Random& random) {
  ConvData d;
  Conv2dF32& a = d.args;
  a.channels[0] = c.c0;
  a.channels[1] = c.c1;
  a.in_height = c.height;
  a.in_width = c.width;
  // Zeros inserted between pixels, none behind the last.
  const int high = c.zero_insert ? (c.height - 1) * c.upsample + 1 : c.height * c.upsample;
  const int wide = c.zero_insert ? (c.width - 1) * c.upsample + 1 : c.width * c.upsample;
  a.out_height = c.signal ? 1 : (high + c.top + c.bottom - c.kh) / c.stride + 1;
  a.out_width = (wide + c.left + c.right - c.kw) / c.stride + 1;
  a.out_channels = c.outputs;
  a.kernel_height = c.kh;
  a.kernel_width = c.kw;
  a.stride = c.stride;
  a.pad_top = c.top;
  a.pad_left = c.left;
  a.upsample = c.upsample;
  a.zero_insert = c.zero_insert;
  a.activation = c.activation;
  const size_t pixels = static_cast<size_t>(c.height * c.width);
  const size_t outputs = static_cast<size_t>(c.outputs);
  d.x0 = Floats(pixels * static_cast<size_t>(c.c0), random);
  d.weights = Floats(outputs * static_cast<size_t>(c.kh * c.kw * (c.c0 + c.c1)), random);
  d.y = Floats(outputs * static_cast<size_t>(a.out_height * a.out_width));
  a.x[0] = d.x0.data();
  if (c.c1 != 0) d.x1 = Floats(pixels * static_cast<size_t>(c.c1), random);
  if (c.bias) d.bias = Floats(outputs, random);
  if (c.shift) d.shift = Floats(outputs, random);
  if (c.residual) d.residual = Floats(d.y.size(), random);
  a.x[1] = d.x1.data();
  a.weights = d.weights.data();
  a.bias = d.bias.data();
  a.shift = d.shift.data();
  a.residual = d.residual.data();
  a.y = d.y.data();
  return d;
}

// The whole input as the taps see it.
std::vector<double> padded_input(const Conv2dF32& a, int high, int wide) {
  const int channels = a.channels[0] + a.channels[1];
  std::vector<double> image(static_cast<size_t>(high * wide * channels), 0.0);
  for (int y = 0; y < a.in_height * a.upsample; ++y) {
    for (int x = 0; x < a.in_width * a.upsample; ++x) {
      if (y + a.pad_top >= high || x + a.pad_left >= wide) continue;
      if (a.zero_insert && (y % a.upsample != 0 || x % a.upsample != 0)) continue;
      const int from = y / a.upsample * a.in_width + x / a.upsample;
      double* to = &image[static_cast<size_t>(((y + a.pad_top) * wide + x + a.pad_left) * channels)];
      for (int c = 0; c < a.channels[0]; ++c) *to++ = a.x[0][from * a.channels[0] + c];
      for (int c = 0; c < a.channels[1]; ++c) *to++ = a.x[1][from * a.channels[1] + c];
    }
  }
  return image;
}

struct Expected {
  std::vector<double> value, magnitude;  // magnitude: sum of |x||w| and what is added
};

Expected expected_output(const Conv2dF32& a) {
  const int high = (a.out_height - 1) * a.stride + a.kernel_height;
  const int wide = (a.out_width - 1) * a.stride + a.kernel_width;
  const int channels = a.channels[0] + a.channels[1];
  const std::vector<double> image = padded_input(a, high, wide);
  const std::vector<double> weights(a.weights,
                                    a.weights + a.out_channels * a.kernel_height * a.kernel_width * channels);
  Expected e;
  for (int oy = 0; oy < a.out_height; ++oy) {
    for (int ox = 0; ox < a.out_width; ++ox) {
      for (int o = 0; o < a.out_channels; ++o) {
        double sum = 0, magnitude = 0;
        for (int kh = 0; kh < a.kernel_height; ++kh) {
          const int run = a.kernel_width * channels;
          const double* x = &image[static_cast<size_t>(((oy * a.stride + kh) * wide + ox * a.stride) * channels)];
          const double* w = &weights[static_cast<size_t>((o * a.kernel_height + kh) * run)];
          for (int i = 0; i < run; ++i) {
            sum += x[i] * w[i];
            magnitude += std::fabs(x[i] * w[i]);
          }
        }
        const double bias = a.bias != nullptr ? a.bias[o] : 0.0, shift = a.shift != nullptr ? a.shift[o] : 0.0;
        const double residual = a.residual != nullptr ? a.residual[e.value.size()] : 0.0;
        e.value.push_back(activate(sum + bias + shift + residual, a.activation));
        e.magnitude.push_back(magnitude + std::fabs(bias) + std::fabs(shift) + std::fabs(residual));
      }
    }
  }
  return e;
}

// Rounding of sums of up to some thousand products, and 1.13 for the slope of an activation.
constexpr double tolerance = 2e-6;

// The largest error in relation to the magnitude.
double worst_error(const Floats& y, const Expected& e) {
  double worst = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    const double error = std::fabs(y[i] - e.value[i]) / (e.magnitude[i] + 1e-3);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

// Packed weights may mean Winograd's algorithm, whose errors spread over a tile of 4x4 outputs: they count in relation
// to the largest magnitude in the tile.
Expected spread_over_tiles(const Conv2dF32& a, Expected e) {
  for (int ty = 0; ty < a.out_height; ty += 4) {
    for (int tx = 0; tx < a.out_width; tx += 4) {
      for (int o = 0; o < a.out_channels; ++o) {
        double largest = 0;
        const auto each = [&](const auto& visit) {
          for (int y = ty; y < std::min(ty + 4, a.out_height); ++y) {
            for (int x = tx; x < std::min(tx + 4, a.out_width); ++x) {
              visit(e.magnitude[static_cast<size_t>((y * a.out_width + x) * a.out_channels + o)]);
            }
          }
        };
        each([&](const double& magnitude) { largest = std::max(largest, magnitude); });
        each([&](double& magnitude) { magnitude = largest; });
      }
    }
  }
  return e;
}

void check_set(KernelSet set, ConvData& d, const Expected& e, Random& random) {
  const Conv2dF32Kernel& kernel = pick_kernel(conv2d_f32_kernels, set);
  Conv2dF32 args = d.args;
  const size_t packed_bytes = kernel.packed_bytes != nullptr ? kernel.packed_bytes(args) : 0;
  CHECK(packed_bytes % 64 == 0);
  for (int packed = 0; packed <= (packed_bytes != 0 ? 1 : 0); ++packed) {
    CAPTURE(packed);
    Floats weights, scratch, whole(d.y.size());
    if (packed != 0) {
      weights = Floats(packed_bytes / sizeof(float));
      kernel.pack(args, weights.data());
      REQUIRE(weights.intact());
      args.packed = weights.data();
      scratch = Floats(kernel.packed_scratch_bytes(args) / sizeof(float));
    }
    args.y = whole.data();
    kernel.run(args, 0, args.out_height, scratch.data());
    CHECK(worst_error(whole, packed != 0 ? spread_over_tiles(args, e) : e) < tolerance);
    CHECK(whole.intact());
    d.y.erase();
    args.y = d.y.data();
    run_in_pieces(args.out_height, random, [&](int begin, int end) {
      if (scratch.data() != nullptr) scratch.erase();
      kernel.run(args, begin, end, scratch.data());
    });
    CHECK(d.y.same_bytes(whole));
    if (scratch.data() != nullptr) CHECK(scratch.intact());
  }
}

void check_case(const ConvCase& c, uint64_t seed) {
  Random random(seed);
  ConvData d = make_data(c, random);
  const std::string text = std::to_string(c.height) + "x" + std::to_string(c.width) + "x" + std::to_string(c.c0) + "+" +
                           std::to_string(c.c1) + " -> " + std::to_string(c.outputs) + ", kernel " +
                           std::to_string(c.kh) + "x" + std::to_string(c.kw) + " stride " + std::to_string(c.stride) +
                           " upsample " + std::to_string(c.upsample) + (c.zero_insert ? " zeros" : "");
  CAPTURE(text);
  CAPTURE(seed);
  const Expected e = expected_output(d.args);
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    check_set(set, d, e, random);
  }
}

ConvCase same_conv(int height, int width, int c0, int c1, int outputs, int kernel) {
  const int pad = kernel / 2;
  return {height, width, c0,  c1, outputs, kernel, kernel, 1,     pad,
          pad,    pad,   pad, 1,  false,   true,   false,  false, Activation::none};
}

TEST_CASE("conv2d_f32: the layers of a small UNet are computed by every kernel set") {
  check_case(same_conv(28, 28, 1, 0, 16, 3), 1);
  check_case(same_conv(28, 28, 16, 0, 16, 3), 2);
  check_case(same_conv(28, 28, 16, 16, 16, 3), 3);
  check_case(same_conv(28, 28, 16, 0, 1, 3), 4);
  check_case(same_conv(14, 14, 32, 0, 32, 3), 5);
  check_case(same_conv(7, 7, 48, 32, 48, 3), 6);
  check_case(same_conv(7, 7, 48, 0, 144, 1), 7);
  check_case(same_conv(16, 16, 3, 0, 20, 3), 8);
  check_case(same_conv(16, 16, 20, 0, 3, 3), 9);
  check_case(same_conv(8, 8, 260, 12, 40, 1), 10);
  check_case(same_conv(6, 6, 270, 0, 24, 3), 11);
}

TEST_CASE("conv2d_f32: one-sided padding, stride and odd sizes of a downsampling layer") {
  for (int size = 5; size <= 8; ++size) {
    check_case({size, size + 3, 12, 0, 24, 3, 3, 2, 0, 1, 0, 1, 1, false, true, false, false, Activation::none}, 20);
    check_case({size, size + 1, 7, 9, 5, 3, 3, 2, 1, 1, 1, 1, 1, false, true, true, false, Activation::silu}, 21);
    check_case({size, size, 8, 0, 33, 2, 2, 2, 0, 0, 0, 0, 1, false, false, false, false, Activation::none}, 22);
    check_case({size, size, 5, 0, 9, 1, 1, 3, 0, 0, 0, 0, 1, false, false, false, false, Activation::none}, 23);
  }
}

TEST_CASE("conv2d_f32: reading a smaller picture through nearest upsampling") {
  for (int size = 3; size <= 7; ++size) {
    check_case({size, size + 2, 16, 0, 17, 3, 3, 1, 1, 1, 1, 1, 2, false, true, false, true, Activation::none}, 30);
    check_case({size, size, 5, 6, 32, 3, 3, 1, 1, 0, 0, 1, 2, false, true, false, false, Activation::gelu}, 31);
    check_case({size, size, 9, 0, 4, 5, 5, 2, 2, 2, 2, 2, 2, false, true, false, false, Activation::none}, 32);
  }
}

TEST_CASE("conv2d_f32: zeros inserted between pixels give the transposed convolution") {
  for (int size = 2; size <= 6; ++size) {
    check_case({size, size + 1, 16, 0, 32, 3, 3, 1, 1, 2, 1, 2, 2, true, false, false, false, Activation::none}, 40);
    check_case({size, size, 6, 3, 18, 3, 3, 1, 2, 1, 2, 1, 2, true, false, false, false, Activation::none}, 41);
    check_case({size, size, 4, 0, 8, 2, 2, 1, 1, 1, 1, 1, 2, true, true, false, false, Activation::relu}, 42);
    check_case({size, size, 20, 0, 8, 1, 1, 1, 0, 1, 0, 1, 2, true, true, false, false, Activation::none}, 43);
  }
}

TEST_CASE("conv2d_f32: random shapes and options, tails of every dimension") {
  for (uint64_t seed = 100; seed < 420; ++seed) {
    Random r(seed);
    ConvCase c = {};
    c.height = r.between(1, 13);
    c.width = r.between(1, 13);
    c.c0 = r.between(1, r.coin() ? 40 : 8);
    c.c1 = r.below(3) == 0 ? r.between(1, 20) : 0;
    c.outputs = r.between(1, r.coin() ? 70 : 9);
    c.kh = r.between(1, r.coin() ? 3 : 7);
    c.kw = r.coin() ? c.kh : r.between(1, 7);
    c.stride = r.below(4) == 0 ? r.between(2, 3) : 1;
    c.upsample = r.below(4) == 0 ? 2 : 1;
    c.zero_insert = c.upsample == 2 && r.coin();
    c.top = r.between(0, c.kh - 1);
    c.left = r.between(0, c.kw - 1);
    c.bottom = r.between(0, c.kh - 1) + (c.height + c.top < c.kh ? c.kh : 0);
    c.right = r.between(0, c.kw - 1) + (c.width + c.left < c.kw ? c.kw : 0);
    c.bias = r.coin();
    c.shift = r.coin();
    c.residual = r.below(3) == 0;
    c.activation = all_activations[r.coin() ? 0 : r.below(4)];
    check_case(c, seed);
  }
}

TEST_CASE("conv2d_f32: signals, one row under kernels of one row") {
  for (uint64_t seed = 500; seed < 600; ++seed) {
    Random r(seed);
    ConvCase c = same_conv(1, r.between(7, 60), r.between(1, 40), 0, r.between(1, 40), 2 * r.between(0, 3) + 1);
    c.signal = true;
    c.kh = 1;
    c.top = c.bottom = 0;
    c.stride = r.below(3) == 0 ? 2 : 1;
    c.upsample = c.stride == 1 && r.below(3) == 0 ? 2 : 1;
    c.c1 = r.below(3) == 0 ? r.between(1, 20) : 0;
    c.residual = r.coin();
    check_case(c, seed);
  }
}

TEST_CASE("conv2d_f32: 3x3 layers with many channels, as Winograd's algorithm takes them") {
  check_case(same_conv(16, 16, 64, 64, 64, 3), 50);
  check_case(same_conv(32, 20, 48, 0, 96, 3), 51);
  check_case({10, 18, 16, 0, 16, 3, 3, 1, 0, 0, 0, 0, 1, false, true, false, false, Activation::none}, 52);
  for (uint64_t seed = 60; seed < 110; ++seed) {
    Random r(seed);
    ConvCase c = same_conv(r.between(6, 19), r.between(6, 19), r.between(16, 40), 0, r.between(16, 70), 3);
    if (r.coin()) c.c1 = r.between(1, 20);
    c.top = r.between(0, 2);
    c.left = r.between(0, 2);
    c.bottom = r.between(0, 2);
    c.right = r.between(0, 2);
    c.upsample = r.below(4) == 0 ? 2 : 1;
    c.bias = r.coin();
    c.shift = r.coin();
    c.residual = r.coin();
    c.activation = all_activations[r.coin() ? 0 : r.below(4)];
    check_case(c, seed);
  }
}

TEST_CASE("conv2d_f32: the residual may lie in the output") {
  Random random(5);
  ConvCase c = same_conv(9, 10, 24, 0, 37, 3);
  c.residual = true;
  c.activation = Activation::silu;
  ConvData d = make_data(c, random);
  const Expected e = expected_output(d.args);
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    std::memcpy(d.y.data(), d.residual.data(), d.y.size() * sizeof(float));
    Conv2dF32 args = d.args;
    args.residual = d.y.data();
    pick_kernel(conv2d_f32_kernels, set).run(args, 0, args.out_height, nullptr);
    CHECK(worst_error(d.y, e) < tolerance);
  }
}

}  // namespace
}  // namespace mote::test
