// Speed of single kernels: every operator at shapes of small and large UNets, for every kernel set of this processor,
// one thread. Sets take turns for a number of rounds, so that a busy machine slows them alike; best and median round
// are printed, in multiply-accumulates (GMAC/s) or bytes read and written (GB/s) a second.
//
//   kernels_bench [--rounds N] [--only TEXT]      TEXT: part of a row's name, such as conv or 28x28
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "tests/bench/turns.h"

namespace {

using mote::KernelSet;
using mote::bench::measure;
using mote::bench::Options;
using mote::bench::sets;
using mote::bench::Variant;

// 64-byte aligned floats with harmless contents.
class Buffer {
 public:
  explicit Buffer(size_t floats) : storage_(floats + 16), count_(floats) {
    uint32_t state = 12345;
    for (float& value : storage_) {
      state = state * 1664525u + 1013904223u;
      value = static_cast<float>(state >> 8) / 16777216.0f - 0.5f;
    }
  }
  float* data() {
    const size_t misaligned = reinterpret_cast<uintptr_t>(storage_.data()) / sizeof(float) % 16;
    return storage_.data() + (16 - misaligned) % 16;
  }
  size_t size() const { return count_; }

 private:
  std::vector<float> storage_;
  size_t count_;
};

void bench_conv(const Options& options, int size, int inputs, int outputs, int kernel, int upsample = 1,
                int stride = 1) {
  mote::Conv2dF32 a = {};
  a.in_height = a.in_width = size;
  a.out_height = a.out_width = size * upsample / stride;
  a.channels[0] = inputs;
  a.out_channels = outputs;
  a.kernel_height = a.kernel_width = kernel;
  a.stride = stride;
  a.upsample = upsample;
  a.pad_top = a.pad_left = stride == 1 ? kernel / 2 : 0;
  const double macs = static_cast<double>(a.out_height) * a.out_width * inputs * outputs * kernel * kernel;
  const size_t pixels = static_cast<size_t>(size) * static_cast<size_t>(size);
  Buffer x(pixels * static_cast<size_t>(inputs)), y(static_cast<size_t>(a.out_height * a.out_width * outputs));
  Buffer w(static_cast<size_t>(outputs * kernel * kernel * inputs)), bias(static_cast<size_t>(outputs));
  a.x[0] = x.data();
  a.y = y.data();
  a.weights = w.data();
  a.bias = bias.data();
  std::vector<Variant> variants;
  std::vector<Buffer> kept;
  kept.reserve(16);
  for (const KernelSet set : sets()) {
    const mote::Conv2dF32Kernel& k = mote::pick_kernel(mote::conv2d_f32_kernels, set);
    const std::string name = mote::kernel_set_name(set);
    const size_t bytes = k.packed_bytes != nullptr ? k.packed_bytes(a) : 0;
    if (bytes != 0) {
      kept.emplace_back(bytes / sizeof(float));
      k.pack(a, kept.back().data());
      mote::Conv2dF32 b = a;
      b.packed = kept.back().data();
      kept.emplace_back(k.packed_scratch_bytes(b) / sizeof(float));
      float* scratch = kept.back().data();
      variants.push_back({name + " packed", [b, k, scratch] { k.run(b, 0, b.out_height, scratch); }, {}});
    }
    variants.push_back({name, [a, k] { k.run(a, 0, a.out_height, nullptr); }, {}});
  }
  const std::string s = std::to_string(size), what = std::to_string(kernel) + "x" + std::to_string(kernel);
  const std::string how = upsample != 1 ? " up" : stride != 1 ? " down" : "";
  measure(options,
          "conv " + what + " " + s + "x" + s + "x" + std::to_string(inputs) + "->" + std::to_string(outputs) + how,
          macs, "GMAC/s", std::move(variants));
}

void bench_linear(const Options& options, int rows, int in, int out) {
  const auto product = [](int a, int b) { return static_cast<size_t>(a) * static_cast<size_t>(b); };
  Buffer x(product(rows, in)), w(product(in, out)), bias(product(out, 1)), y(product(rows, out));
  mote::LinearF32 a = {x.data(), rows,    in,          out,     mote::Activation::none,
                       w.data(), nullptr, bias.data(), nullptr, y.data()};
  std::vector<Variant> variants;
  std::vector<Buffer> kept;
  kept.reserve(8);
  for (const KernelSet set : sets()) {
    const mote::LinearF32Kernel& k = mote::pick_kernel(mote::linear_f32_kernels, set);
    const std::string name = mote::kernel_set_name(set);
    const size_t bytes = k.packed_bytes != nullptr ? k.packed_bytes(a) : 0;
    if (bytes != 0) {
      kept.emplace_back(bytes / sizeof(float));
      mote::LinearF32 b = a;
      k.pack(a, kept.back().data());
      b.packed = kept.back().data();
      variants.push_back({name + " packed", [b, k] { k.run(b, 0, b.rows, nullptr); }, {}});
    }
    variants.push_back({name, [a, k] { k.run(a, 0, a.rows, nullptr); }, {}});
  }
  const double macs = static_cast<double>(rows) * in * out;
  measure(options, "linear " + std::to_string(rows) + "x" + std::to_string(in) + "->" + std::to_string(out), macs,
          "GMAC/s", std::move(variants));
}

void bench_norm(const Options& options, int size, int channels, int groups) {
  const size_t count = static_cast<size_t>(size * size * channels);
  Buffer x(count), y(count), stats(mote::group_norm_stats_floats(channels, size));
  mote::GroupNormF32 a = {};
  a.x[0] = x.data();
  a.channels[0] = channels;
  a.height = a.width = size;
  a.groups = groups;
  a.epsilon = 1e-5f;
  a.activation = mote::Activation::silu;
  a.stats = stats.data();
  a.y[0] = y.data();
  std::vector<Variant> variants;
  for (const KernelSet set : sets()) {
    const auto run = mote::pick_kernel(mote::group_norm_f32_kernels, set).run;
    variants.push_back({mote::kernel_set_name(set),
                        [a, run, size] {
                          run(a, 0, 0, mote::group_norm_slices(size));
                          run(a, 1, 0, 1);
                          run(a, 2, 0, size);
                        },
                        {}});
  }
  measure(options,
          "group_norm+silu " + std::to_string(size) + "x" + std::to_string(size) + "x" + std::to_string(channels),
          static_cast<double>(count) * 12, "GB/s  ", std::move(variants));
}

void bench_attention(const Options& options, int tokens, int inner, int heads) {
  const size_t count = static_cast<size_t>(tokens * inner);
  Buffer qkv(3 * count), y(count), scratch(mote::attention_scratch_floats(tokens));
  const mote::AttentionF32 a = {qkv.data(), tokens, heads, inner / heads, 0.2f, y.data()};
  float* const space = scratch.data();
  std::vector<Variant> variants;
  for (const KernelSet set : sets()) {
    const auto run = mote::pick_kernel(mote::attention_f32_kernels, set).run;
    variants.push_back({mote::kernel_set_name(set), [a, run, space] { run(a, 0, a.tokens, space); }, {}});
  }
  measure(options,
          "attention " + std::to_string(tokens) + "x" + std::to_string(inner) + " heads " + std::to_string(heads),
          2.0 * tokens * tokens * inner, "GMAC/s", std::move(variants));
}

void bench_elementwise(const Options& options) {
  const int rows = 28, row = 28 * 32;
  const size_t count = static_cast<size_t>(rows * row);
  Buffer x(count), b(count), y(4 * count);
  std::vector<Variant> silu, gelu, sum, up, pool;
  for (const KernelSet set : sets()) {
    const std::string name = mote::kernel_set_name(set);
    const auto act = mote::pick_kernel(mote::activation_f32_kernels, set).run;
    const auto add = mote::pick_kernel(mote::add_f32_kernels, set).run;
    const auto upsample = mote::pick_kernel(mote::upsample_f32_kernels, set).run;
    const auto average = mote::pick_kernel(mote::average_pool_f32_kernels, set).run;
    silu.push_back({name, [&, act] { act({x.data(), y.data(), rows, row, mote::Activation::silu}, 0, rows); }, {}});
    gelu.push_back({name, [&, act] { act({x.data(), y.data(), rows, row, mote::Activation::gelu}, 0, rows); }, {}});
    sum.push_back({name, [&, add] { add({x.data(), b.data(), y.data(), rows, row}, 0, rows); }, {}});
    up.push_back({name, [&, upsample] { upsample({x.data(), y.data(), 28, 28, 32, 2}, 0, 56); }, {}});
    pool.push_back({name, [&, average] { average({x.data(), y.data(), 28, 28, 32, 2}, 0, 14); }, {}});
  }
  const double bytes = static_cast<double>(count) * 4;
  measure(options, "silu 28x28x32", 2 * bytes, "GB/s  ", std::move(silu));
  measure(options, "gelu 28x28x32", 2 * bytes, "GB/s  ", std::move(gelu));
  measure(options, "add 28x28x32", 3 * bytes, "GB/s  ", std::move(sum));
  measure(options, "upsample 28x28x32", 5 * bytes, "GB/s  ", std::move(up));
  measure(options, "average_pool 28x28x32", 1.25 * bytes, "GB/s  ", std::move(pool));
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--rounds") == 0) options.rounds = std::max(1, std::atoi(argv[i + 1]));
    if (std::strcmp(argv[i], "--only") == 0) options.only = argv[i + 1];
  }
  std::printf("%-34s %-15s %8s %8s\n", "kernel", "set", "best", "median");
  bench_conv(options, 28, 1, 16, 3);
  bench_conv(options, 28, 16, 1, 3);
  bench_conv(options, 28, 16, 16, 3);
  bench_conv(options, 28, 32, 32, 3);
  bench_conv(options, 14, 64, 64, 3);
  bench_conv(options, 7, 96, 96, 3);
  bench_conv(options, 28, 16, 32, 3, 1, 2);
  bench_conv(options, 14, 32, 32, 3, 2);
  bench_conv(options, 32, 3, 128, 3);
  bench_conv(options, 32, 128, 3, 3);
  bench_conv(options, 32, 128, 128, 3);
  bench_conv(options, 16, 256, 256, 3);
  bench_conv(options, 8, 256, 256, 3);
  bench_conv(options, 4, 256, 256, 3);
  bench_conv(options, 28, 32, 16, 1);
  bench_conv(options, 14, 96, 64, 1);
  bench_conv(options, 16, 512, 256, 1);
  bench_linear(options, 1, 512, 512);
  bench_linear(options, 1, 64, 64);
  bench_linear(options, 196, 64, 192);
  bench_linear(options, 256, 256, 768);
  bench_norm(options, 28, 16, 4);
  bench_norm(options, 14, 64, 8);
  bench_norm(options, 7, 96, 8);
  bench_norm(options, 16, 256, 32);
  bench_attention(options, 49, 96, 1);
  bench_attention(options, 49, 96, 3);
  bench_attention(options, 196, 64, 1);
  bench_attention(options, 196, 64, 4);
  bench_attention(options, 256, 256, 1);
  bench_attention(options, 256, 256, 32);
  bench_elementwise(options);
  return 0;
}
