// Normalisation, elementwise operators and resampling.
#include "core/math.h"
#include "harness.h"
#include "kernels/ref/ref_s8.h"

namespace mote::board_test {
namespace {

constexpr int channel_counts[] = {1, 2, 3, 4, 5, 7, 8, 11, 12, 15, 16, 16, 17, 31, 32, 32, 33, 48, 64, 100, 128};

size_t product(int a, int b, int c) { return static_cast<size_t>(a) * static_cast<size_t>(b) * static_cast<size_t>(c); }

struct ChannelSums {
  ChannelSumsS8 args;
  int rows;
  Outputs<int32_t> sum;
  Outputs<uint32_t> squares;

  void make(Random* random) {
    rows = random->range(1, 9);
    args.width = random->range(1, 40);
    args.channels = random->one_of(channel_counts);
    const size_t count = product(rows, args.width, args.channels), channels = static_cast<size_t>(args.channels);
    auto* x = take<int8_t>(count, random);
    fill_s8(x, count, -128, random);
    args.x = x;
    sum = take_outputs<int32_t>(channels, random);
    squares = take_outputs<uint32_t>(channels, random);
  }
  int begin() const { return rows / 3; }
  void expect() {
    args.sum = sum.expected;
    args.squares = squares.expected;
    channel_sums_s8_ref(args, begin(), rows);
  }
  void run(const ChannelSumsS8Kernel& kernel, Random*) {
    args.sum = sum.actual;
    args.squares = squares.actual;
    kernel.run(args, begin(), rows);
  }
  bool same() const { return board_test::same(sum) && board_test::same(squares); }
  int numbers(int* out) const {
    out[0] = rows;
    out[1] = args.width;
    out[2] = args.channels;
    return 3;
  }
};

struct Affine {
  AffineS8 args;
  int rows;
  bool in_place;
  Outputs<int8_t> y;

  void make(Random* random) {
    rows = random->range(1, 9);
    args.width = random->range(1, 20);
    args.channels = random->one_of(channel_counts);
    const size_t count = product(rows, args.width, args.channels), channels = static_cast<size_t>(args.channels);
    auto* x = take<int8_t>(count, random);
    fill_s8(x, count, -128, random);
    args.x = x;
    args.shift = random->range(0, 20);
    if (random->one_in(2)) {
      args.table_entries = 256 << random->below(5);
      args.table = take<int8_t>(static_cast<size_t>(args.table_entries), random);
    }
    auto *A = take<int32_t>(channels, random), *B = take<int32_t>(channels, random);
    const int32_t middle = args.table != nullptr ? args.table_entries / 2 : 0;
    const int64_t offset = int64_t{middle} << args.shift, most = (int64_t{1} << 31) - (int64_t{1} << 23);
    for (size_t c = 0; c < channels; ++c) {
      A[c] = random->one_in(8) ? (random->one_in(2) ? -32768 : 32767) : random->range(-32768, 32767);
      B[c] = static_cast<int32_t>((offset < most ? offset : most) - random->range(0, 1 << 22));
    }
    args.A = A;
    args.B = B;
    in_place = random->one_in(2);
    y = take_outputs<int8_t>(count, random, in_place ? x : nullptr);
  }
  void expect() {
    args.y = y.expected;
    affine_s8_ref(args, 0, rows);
  }
  void run(const AffineS8Kernel& kernel, Random* random) {
    args.y = y.actual;
    if (in_place) args.x = y.actual;
    in_bands(rows, row_quantum, random, [&](int begin, int end) { kernel.run(args, begin, end); });
  }
  bool same() const { return board_test::same(y); }
  int numbers(int* out) const {
    out[0] = rows;
    out[1] = args.width;
    out[2] = args.channels;
    out[3] = args.shift;
    out[4] = args.table != nullptr ? args.table_entries : 0;
    out[5] = in_place;
    return 6;
  }
};

struct Add {
  AddS8 args;
  int in_place;  // 1: y is a, 2: y is b
  Outputs<int8_t> y;

  void make(Random* random) {
    args.rows = random->range(1, 9);
    args.row = random->one_in(3) ? 64 : random->range(1, 200);
    const size_t count = product(args.rows, args.row, 1);
    auto *a = take<int8_t>(count, random), *b = take<int8_t>(count, random);
    fill_s8(a, count, -128, random);
    fill_s8(b, count, -128, random);
    args.a = a;
    args.b = b;
    args.shift = random->range(0, 20);
    args.A0 = random->one_in(8) ? -32768 : random->range(-32768, 32767);
    args.A1 = random->one_in(8) ? 32767 : random->range(-32768, 32767);
    args.B = random->range(-(1 << 22), 1 << 22);
    in_place = random->below(3);
    y = take_outputs<int8_t>(count, random, in_place == 1 ? a : in_place == 2 ? b : nullptr);
  }
  void expect() {
    args.y = y.expected;
    add_s8_ref(args, 0, args.rows);
  }
  void run(const AddS8Kernel& kernel, Random* random) {
    args.y = y.actual;
    if (in_place == 1) args.a = y.actual;
    if (in_place == 2) args.b = y.actual;
    in_bands(args.rows, row_quantum, random, [&](int begin, int end) { kernel.run(args, begin, end); });
  }
  bool same() const { return board_test::same(y); }
  int numbers(int* out) const {
    const int all[] = {args.rows, args.row, args.A0, args.A1, args.B, args.shift, in_place};
    memcpy(out, all, sizeof all);
    return 7;
  }
};

struct Table {
  TableS8 args;
  bool in_place;
  Outputs<int8_t> y;

  void make(Random* random) {
    args.rows = random->range(1, 9);
    args.row = random->range(1, 200);
    const size_t count = product(args.rows, args.row, 1);
    auto* x = take<int8_t>(count, random);
    args.x = x;
    args.table = take<int8_t>(256, random);
    in_place = random->one_in(2);
    y = take_outputs<int8_t>(count, random, in_place ? x : nullptr);
  }
  void expect() {
    args.y = y.expected;
    table_s8_ref(args, 0, args.rows);
  }
  void run(const TableS8Kernel& kernel, Random* random) {
    args.y = y.actual;
    if (in_place) args.x = y.actual;
    in_bands(args.rows, row_quantum, random, [&](int begin, int end) { kernel.run(args, begin, end); });
  }
  bool same() const { return board_test::same(y); }
  int numbers(int* out) const {
    out[0] = args.rows;
    out[1] = args.row;
    return 2;
  }
};

struct AveragePool {
  AveragePoolS8 args;
  Outputs<int8_t> y;

  void make(Random* random) {
    args.kernel = random->range(1, 5);
    args.in_height = args.kernel * random->range(1, 6) + random->below(args.kernel);
    if (random->below(4) == 0) args.in_height = 1;  // a signal
    args.in_width = args.kernel * random->range(1, 6) + random->below(args.kernel);
    args.channels = random->one_of(channel_counts);
    const size_t count = product(args.in_height, args.in_width, args.channels);
    auto* x = take<int8_t>(count, random);
    fill_s8(x, count, -128, random);
    args.x = x;
    args.shift = random->range(0, 20);
    args.A = random->range(-32768, 32767);
    args.B = random->range(-(1 << 22), 1 << 22);
    y = take_outputs<int8_t>(product(rows(), args.in_width / args.kernel, args.channels), random);
  }
  int rows() const { return args.in_height / pool_rows(args.in_height, args.kernel); }
  void expect() {
    args.y = y.expected;
    average_pool_s8_ref(args, 0, rows());
  }
  void run(const AveragePoolS8Kernel& kernel, Random* random) {
    args.y = y.actual;
    in_bands(rows(), row_quantum, random, [&](int begin, int end) { kernel.run(args, begin, end); });
  }
  bool same() const { return board_test::same(y); }
  int numbers(int* out) const {
    const int all[] = {args.in_height, args.in_width, args.channels, args.kernel, args.A, args.B, args.shift};
    memcpy(out, all, sizeof all);
    return 7;
  }
};

struct Upsample {
  UpsampleS8 args;
  Outputs<int8_t> y;

  void make(Random* random) {
    args.factor = random->range(1, 4);
    args.in_height = random->range(1, 6);
    args.in_width = random->range(1, 6);
    args.channels = random->one_of(channel_counts);
    args.x = take<int8_t>(product(args.in_height, args.in_width, args.channels), random);
    y = take_outputs<int8_t>(product(rows(), args.in_width * args.factor, args.channels), random);
  }
  int rows() const { return args.in_height * args.factor; }
  void expect() {
    args.y = y.expected;
    upsample_s8_ref(args, 0, rows());
  }
  void run(const UpsampleS8Kernel& kernel, Random* random) {
    args.y = y.actual;
    in_bands(rows(), row_quantum, random, [&](int begin, int end) { kernel.run(args, begin, end); });
  }
  bool same() const { return board_test::same(y); }
  int numbers(int* out) const {
    const int all[] = {args.in_height, args.in_width, args.channels, args.factor};
    memcpy(out, all, sizeof all);
    return 4;
  }
};

struct Quantize {
  QuantizeS16 args;
  Outputs<int16_t> y;

  void make(Random* random) {
    args.rows = random->range(1, 9);
    args.row = random->range(1, 100);
    const size_t count = product(args.rows, args.row, 1);
    auto* x = take<float>(count, random);
    for (size_t i = 0; i < count; ++i) {
      x[i] =
          random->one_in(4) ? static_cast<float>(random->range(-70000, 70000)) * 0.5f : 9.0f * (random->unit() - 0.5f);
    }
    args.x = x;
    args.inv_scale = random->one_in(2) ? 1.0f : 8000.0f * random->unit();
    y = take_outputs<int16_t>(count, random);
  }
  void expect() {
    args.y = y.expected;
    quantize_s16_ref(args, 0, args.rows);
  }
  void run(const QuantizeS16Kernel& kernel, Random* random) {
    args.y = y.actual;
    in_bands(args.rows, row_quantum, random, [&](int begin, int end) { kernel.run(args, begin, end); });
  }
  bool same() const { return board_test::same(y); }
  int numbers(int* out) const {
    out[0] = args.rows;
    out[1] = args.row;
    return 2;
  }
};

// tokens * 3 * inner bytes of qkv; scores in guarded scratch of exactly the normative size.
struct Attention {
  AttentionS8 args;
  uint8_t* scratch;
  Outputs<int8_t> y;

  void make(Random* random) {
    static constexpr int dims[] = {1, 3, 4, 8, 12, 15, 16, 16, 17, 24, 32, 33, 48, 48, 64};
    args.heads = random->range(1, 3);
    args.head_dim = random->one_of(dims);
    args.tokens = random->one_in(3) ? 49 : random->range(1, 70);
    const int inner = args.heads * args.head_dim;
    const size_t count = product(args.tokens, 3, inner);
    auto* qkv = take<int8_t>(count, random);
    fill_s8(qkv, count, -128, random);
    args.qkv = qkv;
    args.zero = random->one_in(4) ? 0 : random->range(-128, 127);
    auto* table = take<uint8_t>(256, random);
    for (int d = 0; d < 256; ++d) table[d] = static_cast<uint8_t>(d == 0 || random->one_in(2) ? 255 - d : table[d]);
    args.table = table;
    args.score_m = (0.1f + random->unit()) * 0.02f / sqrt_f32(static_cast<float>(args.head_dim));
    if (random->one_in(8)) args.score_m = 0.0f;
    args.m = 0.2f + 2.0f * random->unit();
    args.y_zero = random->range(-128, 127);
    scratch = take<uint8_t>(attention_s8_scratch_bytes(args.tokens), random);
    y = take_outputs<int8_t>(product(args.tokens, inner, 1), random);
  }
  void expect() {
    args.y = y.expected;
    attention_s8_ref(args, 0, args.tokens, scratch);
  }
  void run(const AttentionS8Kernel& kernel, Random* random) {
    args.y = y.actual;
    in_bands(args.tokens, row_quantum, random, [&](int begin, int end) { kernel.run(args, begin, end, scratch); });
  }
  bool same() const { return board_test::same(y); }
  int numbers(int* out) const {
    const int all[] = {args.tokens, args.heads, args.head_dim, args.zero, args.y_zero};
    memcpy(out, all, sizeof all);
    return 5;
  }
};

}  // namespace

int compare_elementwise(uint32_t seed) {
  return compare_sets<ChannelSums>("channel_sums_s8", channel_sums_s8_kernels, 200, seed + 2) +
         compare_sets<Affine>("affine_s8", affine_s8_kernels, 400, seed + 3) +
         compare_sets<Add>("add_s8", add_s8_kernels, 200, seed + 4) +
         compare_sets<Table>("table_s8", table_s8_kernels, 100, seed + 5) +
         compare_sets<AveragePool>("average_pool_s8", average_pool_s8_kernels, 200, seed + 6) +
         compare_sets<Upsample>("upsample_s8", upsample_s8_kernels, 100, seed + 7) +
         compare_sets<Quantize>("quantize_s16", quantize_s16_kernels, 100, seed + 8);
}

int compare_attention(uint32_t seed) {
  return compare_sets<Attention>("attention_s8", attention_s8_kernels, 100, seed + 9);
}

}  // namespace mote::board_test
