#include "tests/support/differential_s8.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tests/support/differential_memory.h"

namespace mote::test {
namespace differential {
namespace {

size_t product(int a, int b, int c = 1) {
  return static_cast<size_t>(a) * static_cast<size_t>(b) * static_cast<size_t>(c);
}

int some_channels(Choices* choices) { return choices->between(1, choices->one_in(4) ? 150 : 40); }

// Runs `run(kernel, y, cut)` for every set and compares y with what ref writes; `start` is what y holds before.
template <class T, class Kernel, class Run>
std::string compare_sets(const KernelTable<Kernel>& table, const Block<T>& start, const std::string& what,
                         const Run& run) {
  Block<T> expected(start.size());
  expected.copy_from(start);
  run(table.set[0], expected.data(), false);
  for (const KernelSet set : own_sets(table)) {
    for (const bool cut : {false, true}) {
      Block<T> y(start.size());
      y.copy_from(start);
      run(table.set[static_cast<int>(set)], y.data(), cut);
      const std::string wrong = judge(expected, y, "y");
      if (!wrong.empty()) return what + " " + kernel_set_name(set) + (cut ? " cut:" : ":") + wrong;
    }
  }
  return "";
}

std::string compare_channel_sums(Choices* choices) {
  const int height = choices->between(1, 20), width = choices->between(1, choices->one_in(8) ? 300 : 20);
  const int channels = some_channels(choices), row = choices->below(height);
  const int end = choices->between(row + 1, height);
  Block<int8_t> x(product(height, width, channels));
  fill(x, choices, -128, 127, 0);
  const Block<int32_t> start(product(2, channels));  // sums, then squares
  return compare_sets(channel_sums_s8_kernels, start,
                      text("channel_sums_s8 %dx%dx%d rows %d to %d", height, width, channels, row, end),
                      [&](const ChannelSumsS8Kernel& kernel, int32_t* y, bool) {
                        kernel.run({x.data(), width, channels, y, reinterpret_cast<uint32_t*>(y + channels)}, row, end);
                      });
}

// A and B with |x * A + B| < 2^31 for |x| <= largest.
void choose_map(Choices* choices, int64_t largest, int shift, int64_t middle, int32_t* A, int32_t* B) {
  const int kind = choices->below(5);
  const int any = static_cast<int>(choices->random() % 65535) - 32767;
  *A = kind == 0 ? 32767 : kind == 1 ? -32767 : kind == 2 ? 1 << std::min(shift, 14) : any;
  const int64_t room = (int64_t{1} << 31) - 1 - largest * std::abs(*A);
  const int64_t half = shift > 0 ? int64_t{1} << (shift - 1) : 0;
  int64_t offset = middle * (int64_t{1} << shift) + half;
  if (choices->one_in(4)) offset = room;
  if (choices->one_in(4)) offset = -room;
  if (choices->one_in(4)) offset = static_cast<int64_t>(choices->random() >> 34) - (int64_t{1} << 29);
  *B = static_cast<int32_t>(std::clamp(offset, -room, room));
}

int choose_shift(Choices* choices) {
  return choices->one_in(6) ? 0 : choices->one_in(5) ? 20 : choices->between(0, 20);
}

std::string compare_affine(Choices* choices) {
  const int height = choices->between(1, 9), width = choices->between(1, 12), channels = some_channels(choices);
  const int shift = choose_shift(choices), entries = 256 << choices->below(5);
  const bool has_table = choices->one_in(2), in_place = choices->one_in(2);
  Block<int8_t> x(product(height, width, channels)), table(has_table ? product(entries, 1) : 0);
  Block<int32_t> A(product(channels, 1)), B(product(channels, 1));
  fill(x, choices, -128, 127, 0);
  fill(table, choices, -128, 127, 0);
  for (size_t c = 0; c < A.size(); ++c) choose_map(choices, 128, shift, has_table ? entries / 2 : 0, &A[c], &B[c]);
  if (choices->one_in(8)) {
    A[0] = -32768;
    B[0] = 0;
  }
  return compare_sets(
      affine_s8_kernels, x,
      text("affine_s8 %dx%dx%d shift %d table %d in place %d", height, width, channels, shift, has_table ? entries : 0,
           in_place),
      [&](const AffineS8Kernel& kernel, int8_t* y, bool cut) {
        const AffineS8 args = {in_place ? y : x.data(),
                               y,
                               width,
                               channels,
                               A.data(),
                               B.data(),
                               shift,
                               has_table ? table.data() : nullptr,
                               entries};
        Pieces(height, row_quantum, cut, choices).run([&](int begin, int end) { kernel.run(args, begin, end); });
      });
}

std::string compare_add(Choices* choices) {
  const int rows = choices->between(1, 12), row = choices->between(1, 300), place = choices->below(3);
  Block<int8_t> a(product(rows, row)), b(product(rows, row));
  AddS8 args = {a.data(), b.data(), nullptr, rows, row, 0, 0, 0, choose_shift(choices)};
  fill(a, choices, -128, 127, 0);
  fill(b, choices, -128, 127, 0);
  choose_map(choices, 256, args.shift, 0, &args.A0, &args.B);
  choose_map(choices, 256, args.shift, 0, &args.A1, &args.B);
  const int64_t room = (int64_t{1} << 31) - 1 - int64_t{128} * (std::abs(args.A0) + std::abs(args.A1));
  args.B = static_cast<int32_t>(std::clamp<int64_t>(args.B, -room, room));
  return compare_sets(
      add_s8_kernels, place == 2 ? b : a,
      text("add_s8 %dx%d A %d %d B %d shift %d in place %d", rows, row, args.A0, args.A1, args.B, args.shift, place),
      [&](const AddS8Kernel& kernel, int8_t* y, bool cut) {
        AddS8 mine = args;
        mine.y = y;
        if (place == 1) mine.a = y;
        if (place == 2) mine.b = y;
        Pieces(rows, row_quantum, cut, choices).run([&](int begin, int end) { kernel.run(mine, begin, end); });
      });
}

std::string compare_table(Choices* choices) {
  const int rows = choices->between(1, 12), row = choices->between(1, 300);
  const bool in_place = choices->one_in(2);
  Block<int8_t> x(product(rows, row)), table(256);
  fill(x, choices, -128, 127, 0);
  fill(table, choices, -128, 127, 0);
  return compare_sets(
      table_s8_kernels, x, text("table_s8 %dx%d in place %d", rows, row, in_place),
      [&](const TableS8Kernel& kernel, int8_t* y, bool cut) {
        const TableS8 args = {in_place ? y : x.data(), y, table.data(), rows, row};
        Pieces(rows, row_quantum, cut, choices).run([&](int begin, int end) { kernel.run(args, begin, end); });
      });
}

std::string compare_average_pool(Choices* choices) {
  const int kernel = choices->between(2, 8), wide = choices->between(1, 5);
  int high = choices->between(1, 6);
  AveragePoolS8 args = {};
  args.in_height = kernel * high + choices->below(kernel);
  if (choices->below(4) == 0) args.in_height = high = 1;  // a signal
  args.in_width = kernel * wide + choices->below(kernel);
  args.channels = choices->between(1, 40);
  args.kernel = kernel;
  args.shift = choose_shift(choices);
  choose_map(choices, 128 * kernel * kernel, args.shift, 0, &args.A, &args.B);
  Block<int8_t> x(product(args.in_height, args.in_width, args.channels));
  fill(x, choices, -128, 127, 0);
  args.x = x.data();
  const Block<int8_t> start(product(high, wide, args.channels));
  return compare_sets(
      average_pool_s8_kernels, start,
      text("average_pool_s8 %dx%dx%d window %d A %d B %d shift %d", args.in_height, args.in_width, args.channels,
           kernel, args.A, args.B, args.shift),
      [&](const AveragePoolS8Kernel& run, int8_t* y, bool cut) {
        AveragePoolS8 mine = args;
        mine.y = y;
        Pieces(high, row_quantum, cut, choices).run([&](int begin, int end) { run.run(mine, begin, end); });
      });
}

std::string compare_upsample(Choices* choices) {
  const int height = choices->between(1, 6), width = choices->between(1, 7), channels = choices->between(1, 70);
  const int factor = choices->between(2, 8);
  Block<int8_t> x(product(height, width, channels));
  fill(x, choices, -128, 127, 0);
  const Block<int8_t> start(product(height * factor, width * factor, channels));
  return compare_sets(upsample_s8_kernels, start, text("upsample_s8 %dx%dx%d by %d", height, width, channels, factor),
                      [&](const UpsampleS8Kernel& kernel, int8_t* y, bool cut) {
                        const UpsampleS8 args = {x.data(), y, height, width, channels, factor};
                        Pieces(height * factor, row_quantum, cut, choices).run([&](int begin, int end) {
                          kernel.run(args, begin, end);
                        });
                      });
}

// Any finite float, ties, both limits and beyond.
float choose_float(Choices* choices, float step) {
  const uint64_t random = choices->random();
  const float whole = static_cast<float>(static_cast<int>(random >> 16 & 0x1FFFF) - 65536);
  const uint32_t bits = static_cast<uint32_t>(random >> 32);
  float any;
  memcpy(&any, &bits, sizeof any);
  switch (random & 3) {
    case 0: return whole * step;
    case 1: return (whole + 0.5f) * step;
    case 2: return std::isnan(any) ? 0.0f : any;
    default: return (whole < 0 ? -32767.5f : 32767.5f) * step * (1.0f + static_cast<float>(random >> 8 & 3) * 0x1p-23f);
  }
}

std::string compare_quantize(Choices* choices) {
  const int rows = choices->between(1, 12), row = choices->between(1, 200);
  const float inv_scale = choices->one_in(2) ? choices->scale(-20, 40) : choices->scale(10, 14);
  Block<float> x(product(rows, row));
  for (size_t i = 0; i < x.size(); ++i) x[i] = choose_float(choices, 1.0f / inv_scale);
  const Block<int16_t> start(x.size());
  return compare_sets(
      quantize_s16_kernels, start, text("quantize_s16 %dx%d inv_scale %.9g", rows, row, static_cast<double>(inv_scale)),
      [&](const QuantizeS16Kernel& kernel, int16_t* y, bool cut) {
        const QuantizeS16 args = {x.data(), y, rows, row, inv_scale};
        Pieces(rows, row_quantum, cut, choices).run([&](int begin, int end) { kernel.run(args, begin, end); });
      });
}

}  // namespace

std::string compare_attention(Choices* choices) {
  const bool deep = choices->one_in(8);
  AttentionS8 args = {};
  args.tokens = choices->between(1, deep ? 9 : 70);
  args.heads = choices->between(1, 4);
  args.head_dim = deep ? choices->between(200, 600) : choices->between(1, 40);
  args.zero = choices->zero_point();
  args.y_zero = choices->zero_point();
  const int inner = args.heads * args.head_dim;
  const int typical = -static_cast<int>(std::log2(static_cast<float>(args.head_dim)) * 0.5f);
  args.score_m = choices->one_in(4) ? choices->scale(-120, 100) : choices->scale(typical - 12, typical - 2);
  args.m = choices->one_in(4) ? choices->scale(-60, 60) : choices->scale(-3, 3);
  Block<int8_t> qkv(product(args.tokens, 3 * inner));
  fill(qkv, choices, -128, 127, args.zero);
  args.qkv = qkv.data();
  Block<uint8_t> table(256);
  fill(table, choices, 0, 255, 1);
  if (choices->one_in(2)) {
    for (size_t d = 0; d < 256; ++d) {
      table[d] = static_cast<uint8_t>(std::nearbyint(255.0 * std::exp(-static_cast<double>(d) / 32.0)));
    }
  }
  table[0] = std::max<uint8_t>(table[0], 1);
  args.table = table.data();
  Block<uint8_t> scratch(attention_s8_scratch_bytes(args.tokens), 64);
  const Block<int8_t> start(product(args.tokens, inner));
  const std::string what =
      text("attention_s8 %d tokens, %d heads of %d, zero %d, score_m %.9g, m %.9g, y_zero %d", args.tokens, args.heads,
           args.head_dim, args.zero, static_cast<double>(args.score_m), static_cast<double>(args.m), args.y_zero);
  const std::string wrong =
      compare_sets(attention_s8_kernels, start, what, [&](const AttentionS8Kernel& kernel, int8_t* y, bool cut) {
        AttentionS8 mine = args;
        mine.y = y;
        scratch.erase();
        Pieces(args.tokens, row_quantum, cut, choices).run([&](int begin, int end) {
          kernel.run(mine, begin, end, scratch.data());
        });
      });
  return !wrong.empty() || scratch.intact() ? wrong : what + " writes outside of its scratch";
}

}  // namespace differential

std::string compare_kernels_s8(const uint8_t* data, size_t size) {
  using namespace differential;
  Choices choices(data, size);
  switch (choices.below(12)) {
    case 0:
    case 1: return compare_convolution(&choices, false);
    case 2: return compare_convolution(&choices, true);
    case 3: return compare_winograd(&choices);
    case 4: return compare_attention(&choices);
    case 5: return compare_channel_sums(&choices);
    case 6: return compare_affine(&choices);
    case 7: return compare_add(&choices);
    case 8: return compare_table(&choices);
    case 9: return compare_average_pool(&choices);
    case 10: return compare_upsample(&choices);
    default: return compare_quantize(&choices);
  }
}

}  // namespace mote::test
