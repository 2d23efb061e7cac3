// Speed of the int8 operators that are not convolutions, beside the float operators that do the same work in a float
// model: normalisation with SiLU, attention, elementwise. One thread, every kernel set of this processor, all variants
// of a row by turns for a number of rounds, so that a busy machine slows them alike; best and median round are printed,
// in elements (Gelem/s) or multiply-accumulates (GMAC/s) a second.
//
//   elementwise_s8_bench [--rounds N] [--only TEXT]      TEXT: part of a row's name, such as affine or 28x28
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/kernels_s8.h"
#include "tests/bench/turns.h"

namespace {

using mote::KernelSet;
using mote::bench::measure;
using mote::bench::Options;
using mote::bench::sets;
using mote::bench::Variant;

// 64-byte aligned values with harmless contents: floats in [-1/2, 1/2), any code.
template <class T>
class Buffer {
 public:
  explicit Buffer(size_t count) : storage_(count * sizeof(T) + 64) {
    const size_t misaligned = reinterpret_cast<uintptr_t>(storage_.data()) % 64;
    data_ = reinterpret_cast<T*>(storage_.data() + (64 - misaligned) % 64);
    uint32_t state = 12345;
    for (size_t i = 0; i < count; ++i) {
      state = state * 1664525u + 1013904223u;
      if (sizeof(T) == 1) {
        data_[i] = static_cast<T>(state >> 24);
      } else {
        data_[i] = static_cast<T>(static_cast<float>(state >> 8) / 16777216.0f - 0.5f);
      }
    }
  }
  T* data() { return data_; }

 private:
  std::vector<char> storage_;
  T* data_;
};

// The sets that have a kernel of their own.
template <class Kernel, class Add>
void each_set(const mote::KernelTable<Kernel>& table, const char* type, const Add& add) {
  for (const KernelSet set : sets()) {
    const auto run = table.set[static_cast<int>(set)].run;
    if (run != nullptr) add(run, std::string(type) + " " + mote::kernel_set_name(set));
  }
}

std::string shape(int size, int channels) {
  return std::to_string(size) + "x" + std::to_string(size) + "x" + std::to_string(channels);
}

// Both passes of a normalisation with SiLU. Float: all three phases of its kernel.
void bench_norm(const Options& options, int size, int channels, int groups) {
  const size_t count = static_cast<size_t>(size * size * channels), c = static_cast<size_t>(channels);
  Buffer<int8_t> x(count), y(count), table(4096);
  Buffer<int32_t> sum(c), A(c), B(c);
  Buffer<uint32_t> squares(c);
  for (size_t i = 0; i < c; ++i) {
    A.data()[i] = 2000 + static_cast<int>(i);
    B.data()[i] = 128 << 11;
  }
  const double elements = static_cast<double>(count);
  std::vector<Variant> sums, norm;
  each_set(mote::channel_sums_s8_kernels, "s8", [&](auto run, const std::string& name) {
    sums.push_back({name, [&, run] { run({x.data(), size, channels, sum.data(), squares.data()}, 0, size); }, {}});
  });
  measure(options, "channel_sums " + shape(size, channels), elements, "Gelem/s", std::move(sums));
  for (const int entries : {0, 256, 1024, 4096}) {
    std::vector<Variant> map;
    each_set(mote::affine_s8_kernels, "s8", [&, entries](auto run, const std::string& name) {
      const mote::AffineS8 a = {x.data(),
                                y.data(),
                                size,
                                channels,
                                A.data(),
                                B.data(),
                                entries > 256 ? 9 : 11,
                                entries != 0 ? table.data() : nullptr,
                                entries};
      map.push_back({name, [a, run, size] { run(a, 0, size); }, {}});
    });
    measure(options, "affine " + std::to_string(entries) + " " + shape(size, channels), elements, "Gelem/s",
            std::move(map));
  }
  Buffer<float> xf(count), yf(count), stats(mote::group_norm_stats_floats(channels, size));
  mote::GroupNormF32 a = {};
  a.x[0] = xf.data();
  a.channels[0] = channels;
  a.height = a.width = size;
  a.groups = groups;
  a.epsilon = 1e-5f;
  a.activation = mote::Activation::silu;
  a.stats = stats.data();
  a.y[0] = yf.data();
  each_set(mote::group_norm_f32_kernels, "f32", [&](auto run, const std::string& name) {
    norm.push_back({name,
                    [a, run, size] {
                      run(a, 0, 0, mote::group_norm_slices(size));
                      run(a, 1, 0, 1);
                      run(a, 2, 0, size);
                    },
                    {}});
  });
  measure(options, "group_norm+silu " + shape(size, channels), elements, "Gelem/s", std::move(norm));
}

void bench_attention(const Options& options, int tokens, int inner, int heads) {
  const size_t count = static_cast<size_t>(tokens * inner);
  Buffer<int8_t> qkv(3 * count), y(count);
  Buffer<uint8_t> table(256);
  Buffer<float> qkv_f(3 * count), y_f(count), scratch(mote::attention_scratch_floats(tokens));
  for (int d = 0; d < 256; ++d) table.data()[d] = static_cast<uint8_t>(255 - d);
  const mote::AttentionS8 s8 = {qkv.data(), tokens, heads, inner / heads, 3, 1e-3f, table.data(), 1.0f, -5, y.data()};
  const mote::AttentionF32 f32 = {qkv_f.data(), tokens, heads, inner / heads, 0.2f, y_f.data()};
  float* const space = scratch.data();  // as many bytes for both
  std::vector<Variant> variants;
  each_set(mote::attention_s8_kernels, "s8", [&](auto run, const std::string& name) {
    variants.push_back({name, [s8, run, space] { run(s8, 0, s8.tokens, space); }, {}});
  });
  each_set(mote::attention_f32_kernels, "f32", [&](auto run, const std::string& name) {
    variants.push_back({name, [f32, run, space] { run(f32, 0, f32.tokens, space); }, {}});
  });
  measure(options,
          "attention " + std::to_string(tokens) + "x" + std::to_string(inner) + " heads " + std::to_string(heads),
          2.0 * tokens * tokens * inner, "GMAC/s ", std::move(variants));
}

void bench_elementwise(const Options& options, int size, int channels) {
  const int rows = size, row = size * channels;
  const size_t count = static_cast<size_t>(rows * row);
  Buffer<int8_t> x(count), b(count), y(4 * count), table(256);
  Buffer<float> xf(count), bf(count), yf(4 * count);
  Buffer<int16_t> y16(count);
  std::vector<Variant> add, map, pool, up, quantize;
  each_set(mote::add_s8_kernels, "s8", [&](auto run, const std::string& name) {
    add.push_back({name,
                   [&, run] {
                     run({x.data(), b.data(), y.data(), rows, row, 9000, 7000, 99, 14}, 0, rows);
                   },
                   {}});
  });
  each_set(mote::add_f32_kernels, "f32", [&](auto run, const std::string& name) {
    add.push_back({name, [&, run] { run({xf.data(), bf.data(), yf.data(), rows, row}, 0, rows); }, {}});
  });
  each_set(mote::table_s8_kernels, "s8", [&](auto run, const std::string& name) {
    map.push_back({name, [&, run] { run({x.data(), y.data(), table.data(), rows, row}, 0, rows); }, {}});
  });
  each_set(mote::activation_f32_kernels, "f32", [&](auto run, const std::string& name) {
    map.push_back({name, [&, run] { run({xf.data(), yf.data(), rows, row, mote::Activation::silu}, 0, rows); }, {}});
  });
  each_set(mote::average_pool_s8_kernels, "s8", [&](auto run, const std::string& name) {
    pool.push_back({name,
                    [&, run] {
                      run({x.data(), y.data(), size, size, channels, 2, 4096, 99, 14}, 0, size / 2);
                    },
                    {}});
  });
  each_set(mote::average_pool_f32_kernels, "f32", [&](auto run, const std::string& name) {
    pool.push_back({name, [&, run] { run({xf.data(), yf.data(), size, size, channels, 2}, 0, size / 2); }, {}});
  });
  each_set(mote::upsample_s8_kernels, "s8", [&](auto run, const std::string& name) {
    up.push_back({name, [&, run] { run({x.data(), y.data(), size, size, channels, 2}, 0, 2 * size); }, {}});
  });
  each_set(mote::upsample_f32_kernels, "f32", [&](auto run, const std::string& name) {
    up.push_back({name, [&, run] { run({xf.data(), yf.data(), size, size, channels, 2}, 0, 2 * size); }, {}});
  });
  each_set(mote::quantize_s16_kernels, "s16", [&](auto run, const std::string& name) {
    quantize.push_back({name, [&, run] { run({xf.data(), y16.data(), rows, row, 8000.0f}, 0, rows); }, {}});
  });
  const double elements = static_cast<double>(count);
  const std::string what = " " + shape(size, channels);
  measure(options, "add" + what, elements, "Gelem/s", std::move(add));
  measure(options, "table, silu" + what, elements, "Gelem/s", std::move(map));
  measure(options, "average_pool" + what, elements, "Gelem/s", std::move(pool));
  measure(options, "upsample" + what, elements * 4, "Gelem/s", std::move(up));
  measure(options, "quantize" + what, elements, "Gelem/s", std::move(quantize));
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--rounds") == 0) options.rounds = std::max(1, std::atoi(argv[i + 1]));
    if (std::strcmp(argv[i], "--only") == 0) options.only = argv[i + 1];
  }
  std::printf("%-34s %-15s %8s %8s\n", "operator", "set", "best", "median");
  bench_norm(options, 28, 16, 4);
  bench_norm(options, 14, 48, 8);
  bench_norm(options, 7, 96, 8);
  bench_norm(options, 16, 256, 32);
  bench_attention(options, 49, 48, 1);
  bench_attention(options, 49, 96, 3);
  bench_attention(options, 256, 256, 1);
  bench_attention(options, 256, 256, 32);
  bench_elementwise(options, 28, 16);
  bench_elementwise(options, 14, 48);
  return 0;
}
