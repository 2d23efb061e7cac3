// The two passes of a group normalisation of quantized tensors: every kernel set against integers of 64 bits.
#include "guarded.h"
#include "kernels/kernels_s8.h"

namespace mote::test {
namespace {

// ---- sums of channels -----------------------------------------------------------------------------------------------

void check_channel_sums(const Bytes& x, int height, int width, int channels, int begin, int end) {
  const size_t count = static_cast<size_t>(channels);
  std::vector<int32_t> sum(count);
  std::vector<uint32_t> squares(count);
  for (int c = 0; c < channels; ++c) {
    int64_t s = 0, q = 0;
    for (int p = begin * width; p < end * width; ++p) {
      const int64_t v = x[static_cast<size_t>(p) * count + static_cast<size_t>(c)];
      s += v;
      q += v * v;
    }
    sum[static_cast<size_t>(c)] = static_cast<int32_t>(s);
    squares[static_cast<size_t>(c)] = static_cast<uint32_t>(q);
  }
  CAPTURE(height);
  CAPTURE(width);
  CAPTURE(channels);
  CAPTURE(begin);
  CAPTURE(end);
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    const Guarded<int32_t> got(count);
    const Guarded<uint32_t> got_squares(count);
    const ChannelSumsS8 args = {x.data(), width, channels, got.data(), got_squares.data()};
    pick_kernel(channel_sums_s8_kernels, set).run(args, begin, end);
    CHECK(got.same_values(sum));
    CHECK(got_squares.same_values(squares));
    CHECK(got.intact());
    CHECK(got_squares.intact());
    CHECK(x.intact());
  }
}

TEST_CASE("channel_sums_s8: random shapes and slices of rows") {
  for (uint64_t seed = 1; seed < 400; ++seed) {
    Random r(seed);
    const int height = r.between(1, 9), width = r.between(1, r.coin() ? 40 : 5);
    const int channels = r.between(1, r.coin() ? 20 : 100);
    const Bytes x(static_cast<size_t>(height * width * channels));
    fill_codes(x, r);
    const int begin = r.below(height);
    check_channel_sums(x, height, width, channels, begin, r.between(begin + 1, height));
    if (seed % 10 == 0) check_channel_sums(x, height, width, channels, 0, height);
  }
}

TEST_CASE("channel_sums_s8: the largest sums, where int16 and int32 would overflow") {
  for (const int channels : {1, 3, 16, 33}) {
    const int height = 512, width = 256;  // 2^17 pixels: squares reach 2^31
    const Bytes x(static_cast<size_t>(height * width * channels));
    for (const int code : {-128, 127}) {
      fill_codes(x, static_cast<int8_t>(code));
      check_channel_sums(x, height, width, channels, 0, height);
    }
  }
}

// ---- the affine map -------------------------------------------------------------------------------------------------

struct AffineCase {
  int height, width, channels, shift, entries;  // entries 0: no table
  bool in_place;
};

// Any constants the contract allows: |x * A + B| < 2^31 for each of the 256 codes.
void fill_constants(Random& r, int shift, const Guarded<int32_t>& A, const Guarded<int32_t>& B) {
  const int64_t limit = int64_t{1} << 31;
  for (size_t c = 0; c < A.size(); ++c) {
    const int extreme[] = {-32768, -32767, 32767, 0, 1, -1};
    A[c] = r.below(4) == 0 ? extreme[r.below(6)] : r.between(-32767, 32767);
    const int64_t a = A[c], at_low = -128 * a, at_high = 127 * a;
    const int64_t most = limit - 1 - std::max(at_low, at_high), least = -limit + 1 - std::min(at_low, at_high);
    const int kind = r.below(8);
    // Mostly where the result is within the range of y or near it.
    const int64_t near = static_cast<int64_t>(r.between(-300, 300)) * (int64_t{1} << shift) + r.between(-2, 2);
    B[c] = static_cast<int32_t>(kind == 0 ? most : kind == 1 ? least : std::min(most, std::max(least, near)));
  }
}

int8_t expected_affine(int64_t x, int64_t A, int64_t B, int shift, const int8_t* table, int entries) {
  if (table == nullptr) return shifted_code(x * A + B, shift);
  const double floored = std::floor(std::ldexp(static_cast<double>(x * A + B), -shift));
  return table[static_cast<int>(std::min(std::max(floored, 0.0), static_cast<double>(entries - 1)))];
}

void check_affine(const AffineCase& k, uint64_t seed) {
  Random random(seed);
  const size_t channels = static_cast<size_t>(k.channels);
  const size_t count = static_cast<size_t>(k.height) * static_cast<size_t>(k.width) * channels;
  const Bytes x(count), table(static_cast<size_t>(k.entries)), y(count);
  const Guarded<int32_t> A(channels), B(channels);
  fill_codes(x, random);
  fill_codes(table, random);
  fill_constants(random, k.shift, A, B);
  AffineS8 args = {};
  args.width = k.width;
  args.channels = k.channels;
  args.A = A.data();
  args.B = B.data();
  args.shift = k.shift;
  args.table = k.entries != 0 ? table.data() : nullptr;
  args.table_entries = k.entries;
  std::vector<int8_t> expected(count);
  for (size_t i = 0; i < count; ++i) {
    const size_t c = i % channels;
    expected[i] = expected_affine(x[i], A[c], B[c], k.shift, args.table, k.entries);
  }
  CAPTURE(seed);
  CAPTURE(k.channels);
  CAPTURE(k.shift);
  CAPTURE(k.entries);
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    const auto run = pick_kernel(affine_s8_kernels, set).run;
    for (const bool pieces : {false, true}) {
      const Bytes source(x);
      y.erase();
      args.x = source.data();
      args.y = k.in_place ? source.data() : y.data();
      if (pieces) {
        run_in_pieces(k.height, random, [&](int begin, int end) { run(args, begin, end); });
      } else {
        run(args, 0, k.height);
      }
      CHECK((k.in_place ? source : y).same_values(expected));
      CHECK(source.intact());
      CHECK(y.intact());
      if (!k.in_place) CHECK(source.same_bytes(x));
    }
  }
}

TEST_CASE("affine_s8: random shapes, constants and tables") {
  const int entries[] = {0, 0, 256, 256, 512, 1024, 2048, 4096};
  for (uint64_t seed = 1; seed < 500; ++seed) {
    Random r(seed);
    check_affine({r.between(1, 13), r.between(1, 9), r.between(1, r.coin() ? 12 : 130), r.between(0, 20),
                  entries[r.below(8)], r.coin()},
                 seed);
  }
}

TEST_CASE("affine_s8: the channels of real layers and more than any register or buffer holds") {
  uint64_t seed = 1000;
  for (const int channels : {16, 31, 32, 33, 48, 64, 96, 192, 256, 257, 320, 509, 512, 544, 640, 1031}) {
    for (const int entries : {0, 256, 4096}) check_affine({3, 3, channels, 14, entries, channels % 2 == 0}, ++seed);
  }
}

TEST_CASE("affine_s8: the first and the last shift, and every code at the ends of the constants") {
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    const int32_t factors[] = {-32768, -32767, -1, 0, 1, 32767};
    const int32_t limit = INT32_MAX - 128 * 32768;
    const int32_t offsets[] = {-limit, -(1 << 29), -1, 0, 1, 1 << 19, 1 << 29, limit};
    const Bytes x(256), y(256);
    for (size_t i = 0; i < 256; ++i) x[i] = static_cast<int8_t>(static_cast<int>(i) - 128);
    for (const int32_t A : factors) {
      for (const int32_t B : offsets) {
        for (const int shift : {0, 1, 7, 19, 20}) {
          AffineS8 args = {};
          args.x = x.data();
          args.y = y.data();
          args.width = 1;
          args.channels = 1;
          args.A = &A;
          args.B = &B;
          args.shift = shift;
          pick_kernel(affine_s8_kernels, set).run(args, 0, 256);
          int wrong = 0;
          for (size_t i = 0; i < 256; ++i) wrong += y[i] != shifted_code(int64_t{x[i]} * A + B, shift);
          CHECK(wrong == 0);
        }
      }
    }
  }
}

TEST_CASE("affine_s8: each entry of a table is found") {
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    for (const int entries : {256, 512, 1024, 2048, 4096}) {
      Random random(static_cast<uint64_t>(entries));
      const Bytes table(static_cast<size_t>(entries)), x(static_cast<size_t>(entries)), y(x.size());
      const Guarded<int32_t> A(x.size()), B(x.size());
      fill_codes(table, random);
      fill_codes(x, random);
      for (int i = 0; i < entries; ++i) {  // one channel for each entry
        const size_t at = static_cast<size_t>(i);
        A[at] = 16 * random.between(-100, 100);
        B[at] = i * 16 + 8 - A[at] * x[at];
      }
      const AffineS8 args = {x.data(), y.data(), 1, entries, A.data(), B.data(), 4, table.data(), entries};
      pick_kernel(affine_s8_kernels, set).run(args, 0, 1);
      CHECK(y.same_bytes(table));
    }
  }
}

}  // namespace
}  // namespace mote::test
