// Speed of quantized convolution beside that of float convolution of the same shape: one kernel set, packed weights,
// one thread. The two take turns, so that a busy machine slows them alike; the best round of each is printed in
// multiply-accumulates a second, the median of the rounds' ratios, and the bytes of the packed weights.
//
//   conv2d_s8_bench [--rounds N] [--only TEXT] [--set NAME] [--cold] [--plain]
//
// --cold: weights from memory, as in a network too large for the caches: each run uses another of many copies.
// --plain: weights as they are stored, not packed.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "kernels/kernels_s8.h"

namespace {

// Zeroed memory, 64-byte aligned.
class Buffer {
 public:
  explicit Buffer(size_t bytes) : storage_(bytes + 64) {}
  template <class T>
  T* as() {
    const size_t misaligned = reinterpret_cast<uintptr_t>(storage_.data()) % 64;
    return reinterpret_cast<T*>(storage_.data() + (64 - misaligned) % 64);
  }
  template <class T>
  T* filled(size_t count, T low, T high) {
    uint32_t state = 12345;
    T* const values = as<T>();
    for (size_t i = 0; i < count; ++i) {
      state = state * 1664525u + 1013904223u;
      values[i] = static_cast<T>(low + static_cast<float>(state >> 8) / 16777216.0f * static_cast<float>(high - low));
    }
    return values;
  }

 private:
  std::vector<char> storage_;
};

struct Options {
  int rounds = 15;
  std::string only, set = "avx2";
  bool cold = false, plain = false;
};

struct Shape {
  int size, c0, c1, outputs, kernel, upsample, stride;
  bool residual;
};

constexpr size_t cold_bytes = size_t{96} << 20;

// Packed weights: one copy, or so many that none is in a cache when its turn comes.
struct Packed {
  size_t bytes = 0;
  int copies = 1, next = 0;
  Buffer memory{0}, scratch{0};
  void make(size_t packed_bytes, size_t scratch_bytes, bool cold) {
    bytes = packed_bytes;
    copies = cold ? static_cast<int>(std::min<size_t>(1000, cold_bytes / bytes + 1)) : 1;
    memory = Buffer(bytes * static_cast<size_t>(copies));
    scratch = Buffer(scratch_bytes);
  }
  void copy_first() {
    char* const first = memory.as<char>();
    for (int i = 1; i < copies; ++i) std::memcpy(first + bytes * static_cast<size_t>(i), first, bytes);
  }
  char* turn() {
    next = next + 1 == copies ? 0 : next + 1;
    return memory.as<char>() + bytes * static_cast<size_t>(next);
  }
};

// Processor time, not that on the wall: what other programs take is not counted.
double time_of(const std::function<void()>& run, int repeats) {
  const std::clock_t begin = std::clock();
  for (int i = 0; i < repeats; ++i) run();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC / repeats;
}

int repeats_of(const std::function<void()>& run) {
  int count = 1;
  run();
  while (time_of(run, count) * count < 4e-3) count *= 2;
  return count;
}

// The fields that float and quantized convolution share.
template <class Args>
Args make_args(const Shape& s) {
  Args a = {};
  a.in_height = a.in_width = s.size;
  a.out_height = a.out_width = s.size * s.upsample / s.stride;
  a.channels[0] = s.c0;
  a.channels[1] = s.c1;
  a.out_channels = s.outputs;
  a.kernel_height = a.kernel_width = s.kernel;
  a.stride = s.stride;
  a.upsample = s.upsample;
  a.pad_top = a.pad_left = s.stride == 1 ? s.kernel / 2 : 0;
  return a;
}

void bench(const Options& options, mote::KernelSet set, const Shape& s, bool int16 = false) {
  const std::string at = std::to_string(s.size), k = std::to_string(s.kernel);
  const std::string inputs = std::to_string(s.c0) + (s.c1 != 0 ? "+" + std::to_string(s.c1) : "");
  const std::string name = at + "x" + at + "x" + inputs + "->" + std::to_string(s.outputs) + " " + k + "x" + k +
                           (s.upsample == 2 ? " up" : "") + (s.stride == 2 ? " down" : "") + (int16 ? " s16" : "");
  if (name.find(options.only) == std::string::npos) return;
  mote::Conv2dF32 f = make_args<mote::Conv2dF32>(s);
  mote::Conv2dS8 q = make_args<mote::Conv2dS8>(s);
  const size_t pixels = static_cast<size_t>(s.size * s.size), outputs = static_cast<size_t>(s.outputs);
  const size_t weights = outputs * static_cast<size_t>(s.kernel * s.kernel * (s.c0 + s.c1));
  const size_t results = static_cast<size_t>(f.out_height * f.out_width) * outputs;
  std::vector<Buffer> kept;
  const auto keep = [&kept](size_t bytes) -> Buffer& { return kept.emplace_back(bytes); };
  kept.reserve(32);
  const int channels[2] = {s.c0, s.c1};
  for (int i = 0; i < (s.c1 != 0 ? 2 : 1); ++i) {
    const size_t count = pixels * static_cast<size_t>(channels[i]);
    f.x[i] = keep(count * 4).filled<float>(count, -1.0f, 1.0f);
    q.x[i] = keep(count).filled<int8_t>(count, -128, 127);
    q.m[i] = keep(outputs * 4).filled<float>(outputs, 1e-5f, 1e-4f);
    q.correction[i] = keep(outputs * 4).filled<int32_t>(outputs, 0, 0);
  }
  if (int16) q.x16 = keep(pixels * static_cast<size_t>(s.c0) * 2).filled<int16_t>(pixels, -32767, 32767);
  f.weights = keep(weights * 4).filled<float>(weights, -1.0f, 1.0f);
  q.weights = keep(weights).filled<int8_t>(weights, -127, 127);
  f.bias = q.b = keep(outputs * 4).filled<float>(outputs, -1.0f, 1.0f);
  f.y = keep(results * 4).as<float>();
  q.y = keep(results).as<int8_t>();
  if (s.residual) {
    f.residual = keep(results * 4).filled<float>(results, -1.0f, 1.0f);
    q.residual = keep(results).filled<int8_t>(results, -128, 127);
    q.residual_m = 0.5f;
  }
  q.y_min = -128;
  q.below_2_25 = 127.0 * 128.0 * s.kernel * s.kernel * std::max(s.c0, s.c1) / 3 < (1 << 25);  // as weights usually are
  q.below_2_29 = true;
  const auto& float_kernel = mote::pick_kernel(mote::conv2d_f32_kernels, set);
  const auto& kernel = mote::pick_kernel(int16 ? mote::conv2d_s16_kernels : mote::conv2d_s8_kernels, set);
  Packed float_packed, packed;
  float_packed.make(float_kernel.packed_bytes(f), float_kernel.packed_scratch_bytes(f), options.cold);
  float_kernel.pack(f, float_packed.memory.as<float>());
  float_packed.copy_first();
  packed.make(kernel.packed_bytes(q), kernel.packed_scratch_bytes(q), options.cold);
  kernel.pack(q, packed.memory.as<char>());
  packed.copy_first();
  const std::function<void()> run_float = [&] {
    f.packed = options.plain ? nullptr : reinterpret_cast<float*>(float_packed.turn());
    float_kernel.run(f, 0, f.out_height, options.plain ? nullptr : float_packed.scratch.as<char>());
  };
  const std::function<void()> run = [&] {
    q.packed = options.plain ? nullptr : packed.turn();
    kernel.run(q, 0, q.out_height, options.plain ? nullptr : packed.scratch.as<char>());
  };
  const int float_repeats = repeats_of(run_float), repeats = repeats_of(run);
  std::vector<double> ratios;
  double best_float = 1e9, best = 1e9;
  for (int round = 0; round < options.rounds; ++round) {
    const double t = time_of(run_float, float_repeats), u = time_of(run, repeats);
    best_float = std::min(best_float, t);
    best = std::min(best, u);
    ratios.push_back(t / u);
  }
  std::sort(ratios.begin(), ratios.end());
  const double macs = static_cast<double>(f.out_height) * f.out_width * static_cast<double>(weights);
  std::printf("%-30s %8.1f %8.1f %8.2f %10.1f us %10zu %8zu\n", name.c_str(), macs / best * 1e-9,
              macs / best_float * 1e-9, ratios[ratios.size() / 2], best * 1e6, packed.bytes,
              kernel.packed_scratch_bytes(q));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--cold") == 0) options.cold = true;
    if (std::strcmp(argv[i], "--plain") == 0) options.plain = true;
    if (i + 1 == argc) break;
    if (std::strcmp(argv[i], "--rounds") == 0) options.rounds = std::max(1, std::atoi(argv[i + 1]));
    if (std::strcmp(argv[i], "--only") == 0) options.only = argv[i + 1];
    if (std::strcmp(argv[i], "--set") == 0) options.set = argv[i + 1];
  }
  mote::KernelSet set;
  if (!mote::find_kernel_set(options.set.c_str(), &set)) {
    std::fprintf(stderr, "conv2d_s8_bench: this processor cannot run the kernel set %s\n", options.set.c_str());
    return 1;
  }
  std::printf("%-30s %8s %8s %8s %13s %10s %8s\n", "GMAC/s", "int8", "float", "ratio", "int8", "packed", "scratch");
  // The layers of the shipped network.
  bench(options, set, {28, 1, 0, 16, 3, 1, 1, false}, true);
  bench(options, set, {28, 16, 0, 16, 3, 1, 1, true});
  bench(options, set, {28, 16, 16, 16, 3, 1, 1, false});
  bench(options, set, {14, 32, 0, 32, 3, 1, 1, true});
  bench(options, set, {14, 32, 32, 32, 3, 1, 1, false});
  bench(options, set, {7, 48, 0, 48, 3, 1, 1, true});
  bench(options, set, {7, 48, 48, 48, 3, 1, 1, false});
  bench(options, set, {14, 32, 0, 16, 3, 2, 1, false});
  bench(options, set, {7, 48, 0, 32, 3, 2, 1, false});
  bench(options, set, {28, 16, 0, 16, 3, 1, 2, false});
  bench(options, set, {28, 16, 16, 16, 1, 1, 1, false});
  bench(options, set, {14, 32, 32, 32, 1, 1, 1, false});
  bench(options, set, {7, 48, 0, 144, 1, 1, 1, false});
  bench(options, set, {28, 16, 0, 1, 3, 1, 1, false});
  // The layers of DDPM (Ho et al. 2020) for CIFAR-10.
  bench(options, set, {32, 3, 0, 128, 3, 1, 1, false}, true);
  bench(options, set, {32, 128, 0, 128, 3, 1, 1, true});
  bench(options, set, {32, 128, 128, 128, 3, 1, 1, false});
  bench(options, set, {16, 256, 0, 256, 3, 1, 1, true});
  bench(options, set, {16, 256, 256, 256, 3, 1, 1, false});
  bench(options, set, {8, 256, 0, 256, 3, 1, 1, true});
  bench(options, set, {8, 256, 256, 256, 3, 1, 1, false});
  bench(options, set, {4, 256, 0, 256, 3, 1, 1, true});
  bench(options, set, {4, 256, 256, 256, 3, 1, 1, false});
  bench(options, set, {16, 256, 0, 256, 3, 2, 1, false});
  bench(options, set, {4, 256, 0, 256, 3, 2, 1, false});
  bench(options, set, {32, 128, 0, 128, 3, 1, 2, false});
  bench(options, set, {16, 256, 0, 256, 3, 1, 2, false});
  bench(options, set, {16, 256, 0, 768, 1, 1, 1, false});
  bench(options, set, {16, 256, 256, 256, 1, 1, 1, false});
  bench(options, set, {32, 128, 0, 3, 3, 1, 1, false});
  bench(options, set, {1, 512, 0, 256, 1, 1, 1, false}, true);
  return 0;
}
