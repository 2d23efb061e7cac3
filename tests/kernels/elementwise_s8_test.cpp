// Elementwise operators and resampling of quantized tensors: every kernel set against integers of 64 bits.
#include "guarded.h"
#include "kernels/kernels_s8.h"

namespace mote::test {
namespace {

// Whole, then in pieces; `run(begin, end)` must leave `expected` in y and nothing beside it.
template <class T, class Run>
void check_rows(int rows, const Guarded<T>& y, const std::vector<T>& expected, Random& random, const Run& run) {
  y.erase();
  run(0, rows);
  CHECK(y.same_values(expected));
  y.erase();
  run_in_pieces(rows, random, run);
  CHECK(y.same_values(expected));
  CHECK(y.intact());
}

// A constant B for which every |v + B| < 2^31, v in [low, high]: mostly one that makes codes.
int32_t offset_for(Random& r, int64_t low, int64_t high, int shift) {
  const int64_t most = INT32_MAX - std::max<int64_t>(high, 0), least = -int64_t{INT32_MAX} - std::min<int64_t>(low, 0);
  const int64_t near = static_cast<int64_t>(r.between(-200, 200)) * (int64_t{1} << shift) + r.between(-2, 2);
  const int kind = r.below(8);
  return static_cast<int32_t>(kind == 0 ? most : kind == 1 ? least : std::min(most, std::max(least, near)));
}

int factor_for(Random& r) {
  const int extreme[] = {-32768, -32767, 32767, 0, 1, -1};
  return r.below(4) == 0 ? extreme[r.below(6)] : r.between(-32767, 32767);
}

// ---- add ------------------------------------------------------------------------------------------------------------

void check_add(int rows, int row, uint64_t seed) {
  Random random(seed);
  const size_t count = static_cast<size_t>(rows * row);
  const Bytes a(count), b(count), y(count);
  fill_codes(a, random);
  fill_codes(b, random);
  AddS8 args = {a.data(), b.data(), y.data(), rows, row, factor_for(random), factor_for(random), 0, random.below(21)};
  const int64_t widest = 128 * (std::abs(int64_t{args.A0}) + std::abs(int64_t{args.A1}));
  args.B = offset_for(random, -widest, widest, args.shift);
  std::vector<int8_t> expected(count);
  for (size_t i = 0; i < count; ++i) {
    expected[i] = shifted_code(int64_t{a[i]} * args.A0 + int64_t{b[i]} * args.A1 + args.B, args.shift);
  }
  CAPTURE(rows);
  CAPTURE(row);
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    const auto kernel = pick_kernel(add_s8_kernels, set).run;
    check_rows(rows, y, expected, random, [&](int begin, int end) { kernel(args, begin, end); });
    CHECK(a.intact());
    CHECK(b.intact());
    for (const bool first : {true, false}) {  // over one of the inputs
      const Bytes kept(first ? a : b);
      AddS8 in_place = args;
      in_place.y = kept.data();
      (first ? in_place.a : in_place.b) = kept.data();
      run_in_pieces(rows, random, [&](int begin, int end) { kernel(in_place, begin, end); });
      CHECK(kept.same_values(expected));
      CHECK(kept.intact());
    }
  }
}

TEST_CASE("add_s8: random lengths and constants, in place too") {
  for (uint64_t seed = 1; seed < 300; ++seed) {
    Random r(seed);
    check_add(r.between(1, 12), r.between(1, r.coin() ? 15 : 150), seed);
  }
}

TEST_CASE("add_s8: every pair of codes") {
  const Bytes a(65536), b(65536), y(65536);
  for (size_t i = 0; i < 65536; ++i) {
    a[i] = static_cast<int8_t>(i & 255);
    b[i] = static_cast<int8_t>(i >> 8);
  }
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    const int constants[][4] = {{1, 1, 0, 0}, {-32768, -32768, 1 << 19, 20}, {32767, 32767, 8192, 14}, {3, -2, 1, 1}};
    for (const auto& k : constants) {
      const AddS8 args = {a.data(), b.data(), y.data(), 256, 256, k[0], k[1], k[2], k[3]};
      pick_kernel(add_s8_kernels, set).run(args, 0, 256);
      int wrong = 0;
      for (size_t i = 0; i < 65536; ++i) {
        wrong += y[i] != shifted_code(int64_t{a[i]} * k[0] + int64_t{b[i]} * k[1] + k[2], k[3]);
      }
      CHECK(wrong == 0);
    }
  }
}

// ---- table ----------------------------------------------------------------------------------------------------------

TEST_CASE("table_s8: every code, any length, in place too") {
  for (uint64_t seed = 1; seed < 150; ++seed) {
    Random random(seed);
    const int rows = random.between(1, 12), row = seed == 1 ? 256 : random.between(1, 150);
    const size_t count = static_cast<size_t>(rows * row);
    const Bytes x(count), y(count), table(256);
    fill_codes(x, random);
    fill_codes(table, random);
    if (seed == 1) {
      for (size_t i = 0; i < count; ++i) x[i] = static_cast<int8_t>(i & 255);
    }
    std::vector<int8_t> expected;
    for (size_t i = 0; i < count; ++i) expected.push_back(table[static_cast<size_t>(int{x[i]} + 128)]);
    for (const KernelSet set : available_sets()) {
      CAPTURE(kernel_set_name(set));
      CAPTURE(seed);
      const auto kernel = pick_kernel(table_s8_kernels, set).run;
      check_rows(rows, y, expected, random, [&](int begin, int end) {
        kernel({x.data(), y.data(), table.data(), rows, row}, begin, end);
      });
      const Bytes kept(x);
      run_in_pieces(rows, random, [&](int begin, int end) {
        kernel({kept.data(), kept.data(), table.data(), rows, row}, begin, end);
      });
      CHECK(kept.same_values(expected));
      CHECK(kept.intact());
    }
  }
}

// ---- average pool ---------------------------------------------------------------------------------------------------

void check_average(int height, int width, int channels, int kernel, int fixed, uint64_t seed) {
  Random random(seed);
  const int high = height == 1 ? 1 : kernel;  // of a window; signals are pooled along their width
  const int rows = height / high, columns = width / kernel;
  const Bytes x(static_cast<size_t>(height * width * channels)), y(static_cast<size_t>(rows * columns * channels));
  if (fixed != 0) {
    fill_codes(x, static_cast<int8_t>(fixed));
  } else {
    fill_codes(x, random);
  }
  AveragePoolS8 args = {x.data(), y.data(), height, width, channels, kernel, factor_for(random), 0, random.below(21)};
  const int64_t widest = std::abs(int64_t{args.A}) * 128 * kernel * kernel;
  if (widest > 1 << 30) args.A = (1 << 30) / (128 * kernel * kernel);
  const int64_t reach = std::min<int64_t>(widest, 1 << 30);
  args.B = offset_for(random, -reach, reach, args.shift);
  std::vector<int8_t> expected;
  for (int oy = 0; oy < rows; ++oy) {
    for (int ox = 0; ox < columns; ++ox) {
      for (int c = 0; c < channels; ++c) {
        int64_t sum = 0;
        for (int i = 0; i < high * kernel; ++i) {
          const int iy = oy * high + i / kernel, ix = ox * kernel + i % kernel;
          sum += x[static_cast<size_t>((iy * width + ix) * channels + c)];
        }
        expected.push_back(shifted_code(sum * args.A + args.B, args.shift));
      }
    }
  }
  CAPTURE(height);
  CAPTURE(width);
  CAPTURE(channels);
  CAPTURE(kernel);
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    const auto run = pick_kernel(average_pool_s8_kernels, set).run;
    check_rows(rows, y, expected, random, [&](int begin, int end) { run(args, begin, end); });
    CHECK(x.intact());
  }
}

TEST_CASE("average_pool_s8: random shapes with a rest at the edges") {
  for (uint64_t seed = 1; seed < 200; ++seed) {
    Random r(seed);
    const int kernel = r.between(1, 4);
    check_average(kernel * r.between(1, 6) + r.below(kernel), kernel * r.between(1, 5) + r.below(kernel),
                  r.between(1, r.coin() ? 17 : 90), kernel, 0, seed);
  }
}

TEST_CASE("average_pool_s8: signals are pooled along their width") {
  for (uint64_t seed = 300; seed < 360; ++seed) {
    Random r(seed);
    const int kernel = r.between(2, 5);
    check_average(1, kernel * r.between(1, 9) + r.below(kernel), r.between(1, 40), kernel, 0, seed);
  }
}

TEST_CASE("average_pool_s8: windows of any size, filled with the ends of the range") {
  uint64_t seed = 500;
  for (const int kernel : {7, 8, 15, 16, 17, 33}) {
    for (const int channels : {1, 16, 19, 40}) {
      for (const int fixed : {-128, 127, 0}) check_average(2 * kernel, kernel, channels, kernel, fixed, ++seed);
    }
  }
}

// ---- upsample -------------------------------------------------------------------------------------------------------

TEST_CASE("upsample_s8: each pixel becomes factor x factor pixels") {
  for (uint64_t seed = 1; seed < 150; ++seed) {
    Random random(seed);
    const int height = random.between(1, 6), width = random.between(1, 6), factor = random.between(1, 4);
    const int channels = random.between(1, random.coin() ? 40 : 140);
    const Bytes x(static_cast<size_t>(height * width * channels)), y(x.size() * static_cast<size_t>(factor * factor));
    fill_codes(x, random);
    std::vector<int8_t> expected;
    for (int oy = 0; oy < height * factor; ++oy) {
      for (int ox = 0; ox < width * factor; ++ox) {
        for (int c = 0; c < channels; ++c) {
          expected.push_back(x[static_cast<size_t>((oy / factor * width + ox / factor) * channels + c)]);
        }
      }
    }
    for (const KernelSet set : available_sets()) {
      CAPTURE(kernel_set_name(set));
      CAPTURE(seed);
      const auto kernel = pick_kernel(upsample_s8_kernels, set).run;
      check_rows(height * factor, y, expected, random, [&](int begin, int end) {
        kernel({x.data(), y.data(), height, width, channels, factor}, begin, end);
      });
    }
  }
}

// ---- quantize -------------------------------------------------------------------------------------------------------

TEST_CASE("quantize_s16: the product is rounded to float, clamped, then rounded to even") {
  for (uint64_t seed = 1; seed < 150; ++seed) {
    Random random(seed);
    const int rows = random.between(1, 12), row = random.between(1, 70);
    const size_t count = static_cast<size_t>(rows * row);
    const Guarded<float> x(count);
    const Guarded<int16_t> y(count);
    const float special[] = {0.5f,   -0.5f, 1.5f,     -2.5f,     32766.5f, 32767.5f, -32768.0f, 1e30f,
                             -1e30f, 3e38f, INFINITY, -INFINITY, 1e-30f,   -0.0f,    4194304.0f};
    for (size_t i = 0; i < count; ++i) {
      x[i] = random.below(4) == 0 ? special[random.below(15)] : random.uniform() * (random.coin() ? 5.0f : 40000.0f);
    }
    const float inv_scale = seed % 3 == 0 ? 1.0f : seed % 3 == 1 ? 2.0f : 1000.0f + random.uniform();
    std::vector<int16_t> expected;
    for (size_t i = 0; i < count; ++i) {
      const float v = x[i] * inv_scale;
      expected.push_back(static_cast<int16_t>(nearest_even(std::min(std::max(v, -32767.0f), 32767.0f))));
    }
    for (const KernelSet set : available_sets()) {
      CAPTURE(kernel_set_name(set));
      CAPTURE(seed);
      const auto kernel = pick_kernel(quantize_s16_kernels, set).run;
      check_rows(rows, y, expected, random, [&](int begin, int end) {
        kernel({x.data(), y.data(), rows, row, inv_scale}, begin, end);
      });
      CHECK(x.intact());
    }
  }
}

TEST_CASE("quantize_s16: every tie goes to even") {
  const Guarded<float> x(65534);
  const Guarded<int16_t> y(65534);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) - 32766.5f;
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    pick_kernel(quantize_s16_kernels, set).run({x.data(), y.data(), 1, 65534, 1.0f}, 0, 1);
    int wrong = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const int below = static_cast<int>(i) - 32767;  // the even one of below and below + 1
      wrong += y[i] != below + (below & 1);
    }
    CHECK(wrong == 0);
  }
}

}  // namespace
}  // namespace mote::test
