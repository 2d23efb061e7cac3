// Convolution of quantized tensors: every kernel set, with weights as stored and packed, byte for byte against sums in
// int64 over an input that is upsampled, joined and padded beforehand, and the epilogue in the order of kernels_s8.h.
#include <cmath>
#include <cstdlib>

#include "kernel_test.h"
#include "kernels/kernels_s8.h"

namespace mote::test {
namespace {

// n values at the end of a page, as Floats.
template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(size_t n) : floats_((n * sizeof(T) + 3) / 4), count_(n) {}
  T* data() const { return reinterpret_cast<T*>(floats_.data()); }
  size_t size() const { return count_; }
  T& operator[](size_t i) const { return data()[i]; }
  void erase() const {
    if (count_ != 0) floats_.erase();
  }
  bool intact() const {
    const unsigned char* bytes = reinterpret_cast<const unsigned char*>(floats_.data());
    for (size_t i = count_ * sizeof(T); i < floats_.size() * 4; ++i) {
      if (bytes[i] != 0xff) return false;
    }
    return floats_.intact();
  }
  bool same_bytes(const Guarded& other) const {
    return count_ == other.count_ && std::memcmp(data(), other.data(), count_ * sizeof(T)) == 0;
  }

 private:
  Floats floats_;
  size_t count_ = 0;
};

enum class Values { random, low, high, mixed };  // mixed: only the two extremes, at random
enum class Proof { none, below_2_29, below_2_25 };

struct ConvCase {
  int height, width, c0, c1, outputs, kh, kw, stride, top, bottom, left, right, upsample;
  bool int16, float_output, residual, relu;
  Values x, weights;
  int weight_limit;  // |w| of random weights
  float m;           // 0: so that outputs fill their range
  Proof proof;       // given only where it holds
};

struct ConvData {
  Conv2dS8 args = {};
  Guarded<int8_t> x[2], weights, residual, y;
  Guarded<int16_t> x16;
  Guarded<float> y_f32;
  Guarded<int32_t> correction[2];
  Floats m[2], b;
};

size_t product(int a, int b, int c = 1) {
  return static_cast<size_t>(a) * static_cast<size_t>(b) * static_cast<size_t>(c);
}

int draw(Values values, int low, int high, Random& random) {
  switch (values) {
    case Values::low: return low;
    case Values::high: return high;
    case Values::mixed: return random.coin() ? low : high;
    default: return random.between(low, high);
  }
}

int64_t sum_of_weights(const ConvData& d, int input, int o, bool magnitudes) {
  const Conv2dS8& a = d.args;
  const int inputs = a.channels[0] + a.channels[1], taps = a.kernel_height * a.kernel_width;
  int64_t sum = 0;
  for (int tap = 0; tap < taps; ++tap) {
    for (int c = 0; c < a.channels[input]; ++c) {
      const int w = a.weights[product(o * taps + tap, inputs) + static_cast<size_t>(c + input * a.channels[0])];
      sum += magnitudes ? std::abs(w) : w;
    }
  }
  return sum;
}

// Weights, and what follows from them: corrections and proofs.
void make_weights(ConvData& d, const ConvCase& c, Random& random) {
  Conv2dS8& a = d.args;
  d.weights = Guarded<int8_t>(product(c.outputs, c.kh * c.kw, c.c0 + c.c1));
  a.weights = d.weights.data();
  for (size_t i = 0; i < d.weights.size(); ++i) {
    d.weights[i] = static_cast<int8_t>(draw(c.weights, -c.weight_limit, c.weight_limit, random));
  }
  int64_t bound = 0;
  for (int input = 0; input < (c.c1 != 0 ? 2 : 1); ++input) {
    const int zero = a.zero[input], span = c.int16 ? 32767 : std::max(127 - zero, zero + 128);
    d.correction[input] = Guarded<int32_t>(product(c.outputs, 1));
    a.correction[input] = d.correction[input].data();
    for (int o = 0; o < c.outputs; ++o) {
      bound = std::max(bound, sum_of_weights(d, input, o, true) * span);
      d.correction[input][product(o, 1)] = static_cast<int32_t>(-zero * sum_of_weights(d, input, o, false));
    }
  }
  a.below_2_25 = c.proof == Proof::below_2_25 && bound < (int64_t{1} << 25);
  a.below_2_29 = c.proof != Proof::none && bound < (int64_t{1} << 29);
}

void make_input(ConvData& d, const ConvCase& c, Random& random) {
  if (c.int16) {
    d.x16 = Guarded<int16_t>(product(c.height, c.width, c.c0));
    d.args.x16 = d.x16.data();
    for (size_t i = 0; i < d.x16.size(); ++i) d.x16[i] = static_cast<int16_t>(draw(c.x, -32767, 32767, random));
    return;
  }
  for (int input = 0; input < (c.c1 != 0 ? 2 : 1); ++input) {
    d.x[input] = Guarded<int8_t>(product(c.height, c.width, input == 0 ? c.c0 : c.c1));
    d.args.x[input] = d.x[input].data();
    for (size_t i = 0; i < d.x[input].size(); ++i) d.x[input][i] = static_cast<int8_t>(draw(c.x, -128, 127, random));
  }
}

void make_output(ConvData& d, const ConvCase& c, Random& random) {
  Conv2dS8& a = d.args;
  const size_t count = product(a.out_height, a.out_width, c.outputs);
  const float typical = std::sqrt(static_cast<float>(c.kh * c.kw * (c.c0 + c.c1))) *
                        static_cast<float>(c.weight_limit) * (c.int16 ? 16000.0f : 80.0f);
  for (int input = 0; input < (c.c1 != 0 ? 2 : 1); ++input) {
    d.m[input] = Floats(product(c.outputs, 1), random, 200.0f / typical);
    if (c.m != 0.0f) std::fill_n(d.m[input].data(), c.outputs, c.m);
    a.m[input] = d.m[input].data();
  }
  d.b = Floats(product(c.outputs, 1), random, c.m != 0.0f ? 0.0f : 40.0f);
  a.b = d.b.data();
  a.y_zero = random.between(-128, 127);
  a.y_min = c.relu ? a.y_zero : -128;
  if (c.residual) {
    d.residual = Guarded<int8_t>(count);
    for (size_t i = 0; i < count; ++i) d.residual[i] = static_cast<int8_t>(random.between(-128, 127));
    a.residual = d.residual.data();
    a.residual_zero = random.between(-128, 127);
    a.residual_m = c.m != 0.0f ? 0.5f : random.uniform();
  }
  if (c.float_output) {
    d.y_f32 = Guarded<float>(count);
    a.y_f32 = d.y_f32.data();
  } else {
    d.y = Guarded<int8_t>(count);
    a.y = d.y.data();
  }
}

ConvData make_data(const ConvCase& c, Random& random) {
  ConvData d;
  Conv2dS8& a = d.args;
  a.channels[0] = c.c0;
  a.channels[1] = c.c1;
  a.in_height = c.height;
  a.in_width = c.width;
  a.out_height = (c.height * c.upsample + c.top + c.bottom - c.kh) / c.stride + 1;
  a.out_width = (c.width * c.upsample + c.left + c.right - c.kw) / c.stride + 1;
  a.out_channels = c.outputs;
  a.kernel_height = c.kh;
  a.kernel_width = c.kw;
  a.stride = c.stride;
  a.pad_top = c.top;
  a.pad_left = c.left;
  a.upsample = c.upsample;
  for (int input = 0; input < 2; ++input) {
    const int drawn = random.between(-128, 127);
    a.zero[input] = c.int16 ? 0 : c.x == Values::low ? 127 : c.x == Values::high ? -128 : drawn;
  }
  make_input(d, c, random);
  make_weights(d, c, random);
  make_output(d, c, random);
  return d;
}

// x - zero of an input as the taps see it: upsampled, with zeros around it. [high][wide][channels]
std::vector<int> padded_input(const Conv2dS8& a, int input, int high, int wide) {
  const int channels = a.channels[input];
  std::vector<int> image(product(high, wide, channels), 0);
  for (int y = a.pad_top; y < high && y - a.pad_top < a.in_height * a.upsample; ++y) {
    for (int x = a.pad_left; x < wide && x - a.pad_left < a.in_width * a.upsample; ++x) {
      const int pixel = (y - a.pad_top) / a.upsample * a.in_width + (x - a.pad_left) / a.upsample;
      for (int c = 0; c < channels; ++c) {
        const size_t at = product(pixel, channels) + static_cast<size_t>(c);
        image[product(y * wide + x, channels) + static_cast<size_t>(c)] =
            (a.x16 != nullptr ? a.x16[at] : a.x[input][at]) - a.zero[input];
      }
    }
  }
  return image;
}

// The sums of an input for all outputs, [pixel][output].
std::vector<int32_t> expected_sums(const Conv2dS8& a, int input) {
  const int high = (a.out_height - 1) * a.stride + a.kernel_height;
  const int wide = (a.out_width - 1) * a.stride + a.kernel_width;
  const std::vector<int> image = padded_input(a, input, high, wide);
  const int channels = a.channels[input], inputs = a.channels[0] + a.channels[1];
  const int taps = a.kernel_height * a.kernel_width;
  std::vector<int32_t> sums(product(a.out_height, a.out_width, a.out_channels));
  for (int pixel = 0; pixel < a.out_height * a.out_width; ++pixel) {
    const int y = pixel / a.out_width * a.stride, x = pixel % a.out_width * a.stride;
    for (int o = 0; o < a.out_channels; ++o) {
      int64_t sum = 0;
      for (int tap = 0; tap < taps; ++tap) {
        const int at = (y + tap / a.kernel_width) * wide + x + tap % a.kernel_width;
        const int* v = image.data() + product(at, channels);
        const int8_t* w = a.weights + product(o * taps + tap, inputs) + (input == 0 ? 0 : a.channels[0]);
        for (int c = 0; c < channels; ++c) sum += v[c] * w[c];
      }
      sums[product(pixel, a.out_channels) + static_cast<size_t>(o)] = static_cast<int32_t>(static_cast<uint32_t>(sum));
    }
  }
  return sums;
}

// What kernels_s8.h says about v and y, word for word.
void expected_outputs(const ConvData& d, Guarded<int8_t>& y, Guarded<float>& y_f32) {
  const Conv2dS8& a = d.args;
  const std::vector<int32_t> first = expected_sums(a, 0);
  const std::vector<int32_t> second = a.channels[1] != 0 ? expected_sums(a, 1) : std::vector<int32_t>();
  y = Guarded<int8_t>(d.y.size());
  y_f32 = Guarded<float>(d.y_f32.size());
  for (size_t i = 0; i < first.size(); ++i) {
    const size_t o = i % product(a.out_channels, 1);
    float v = static_cast<float>(first[i]) * a.m[0][o];
    if (!second.empty()) {
      const float term = static_cast<float>(second[i]) * a.m[1][o];
      v = v + term;
    }
    v = v + a.b[o];
    if (a.residual != nullptr) {
      const float term = static_cast<float>(a.residual[i] - a.residual_zero) * a.residual_m;
      v = v + term;
    }
    if (a.y == nullptr) {
      y_f32[i] = v;
    } else {
      const float low = static_cast<float>(-128 - a.y_zero), high = static_cast<float>(127 - a.y_zero);
      const int code = static_cast<int>(std::nearbyint(std::min(std::max(v, low), high))) + a.y_zero;
      y[i] = static_cast<int8_t>(std::max(code, a.y_min));
    }
  }
}

const char* describe(const ConvCase& c, KernelSet set, bool packed) {
  static char text[200];
  std::snprintf(
      text, sizeof text,
      "%s%s: %dx%dx(%d+%d)->%d kernel %dx%d stride %d pad %d %d %d %d up %d s16 %d f32 %d residual %d proof %d",
      kernel_set_name(set), packed ? " packed" : "", c.height, c.width, c.c0, c.c1, c.outputs, c.kh, c.kw, c.stride,
      c.top, c.bottom, c.left, c.right, c.upsample, c.int16, c.float_output, c.residual, static_cast<int>(c.proof));
  return text;
}

void check_sums(const ConvData& d, const int32_t* sums) {
  for (int input = 0; input < (d.args.channels[1] != 0 ? 2 : 1); ++input) {
    for (int o = 0; o < d.args.out_channels; ++o) {
      REQUIRE(sums[input * d.args.out_channels + o] == sum_of_weights(d, input, o, false));
    }
  }
}

void check_case(const ConvCase& c, Random& random) {
  ConvData d = make_data(c, random);
  Guarded<int8_t> y;
  Guarded<float> y_f32;
  expected_outputs(d, y, y_f32);
  const auto& table = c.int16 ? conv2d_s16_kernels : conv2d_s8_kernels;
  decltype(Conv2dS8Kernel::run) before = nullptr;
  for (const KernelSet set : available_sets()) {
    const Conv2dS8Kernel& kernel = pick_kernel(table, set);
    if (kernel.run == before) continue;  // this set has no kernel of its own
    before = kernel.run;
    for (const bool packed : {false, true}) {
      Guarded<int8_t> weights, scratch;
      Conv2dS8 args = d.args;
      if (packed) {
        const size_t bytes = kernel.packed_bytes != nullptr ? kernel.packed_bytes(args) : 0;
        if (bytes == 0) continue;
        REQUIRE(bytes % 64 == 0);
        weights = Guarded<int8_t>(bytes);
        kernel.pack(args, weights.data());
        REQUIRE(weights.intact());
        args.packed = weights.data();
        check_sums(d, reinterpret_cast<const int32_t*>(weights.data()));
        scratch = Guarded<int8_t>(kernel.packed_scratch_bytes(args));
      }
      d.y.erase();
      d.y_f32.erase();
      run_in_pieces(args.out_height, random,
                    [&](int begin, int end) { kernel.run(args, begin, end, packed ? scratch.data() : nullptr); });
      const bool same = args.y != nullptr ? d.y.same_bytes(y) : d.y_f32.same_bytes(y_f32);
      REQUIRE_MESSAGE(same, describe(c, set, packed));
      REQUIRE_MESSAGE((d.y.intact() && d.y_f32.intact() && weights.intact() && scratch.intact()),
                      describe(c, set, packed));
    }
  }
}

Proof any_proof(Random& random) { return static_cast<Proof>(random.below(3)); }

// Padding of a kernel that leaves something to compute.
void pad(ConvCase& c, Random& random) {
  const int most = (std::max(c.kh, c.kw) + 1) / 2;
  do {
    c.top = random.between(0, most);
    c.bottom = random.between(0, most);
    c.left = random.between(0, most);
    c.right = random.between(0, most);
  } while (c.height * c.upsample + c.top + c.bottom < c.kh || c.width * c.upsample + c.left + c.right < c.kw);
}

ConvCase random_case(int size, int channels, Random& random) {
  static const int kernels[] = {1, 1, 2, 3, 3, 3, 5, 7};
  ConvCase c = {};
  c.height = random.between(1, size);
  c.width = random.between(1, size);
  c.c0 = random.between(1, channels);
  c.c1 = random.below(3) == 0 ? random.between(1, channels) : 0;
  c.outputs = random.below(4) == 0 ? random.between(1, 4) : random.between(1, channels);
  c.kh = kernels[random.below(8)];
  c.kw = random.below(4) == 0 ? kernels[random.below(8)] : c.kh;
  c.stride = random.below(3) == 0 ? random.between(2, 3) : 1;
  c.upsample = random.below(4) == 0 ? 2 : 1;
  pad(c, random);
  c.float_output = random.below(4) == 0;
  c.residual = random.coin();
  c.relu = random.below(3) == 0;
  c.weight_limit = 127;
  c.proof = any_proof(random);
  return c;
}

// A 3x3 convolution that keeps its size.
ConvCase same_size(int height, int width, int c0, int c1, int outputs, Proof proof) {
  ConvCase c = {};
  c.height = height;
  c.width = width;
  c.c0 = c0;
  c.c1 = c1;
  c.outputs = outputs;
  c.kh = c.kw = 3;
  c.stride = c.top = c.bottom = c.left = c.right = c.upsample = 1;
  c.weight_limit = 127;
  c.proof = proof;
  return c;
}

}  // namespace

TEST_CASE("quantized convolution of any shape is exact in every kernel set") {
  Random random(1);
  for (int i = 0; i < 500; ++i) check_case(random_case(9, 40, random), random);
}

TEST_CASE("quantized convolution of int16 inputs is exact in every kernel set") {
  Random random(2);
  for (int i = 0; i < 300; ++i) {
    ConvCase c = random_case(9, 20, random);
    c.c1 = 0;
    if (random.coin()) c.c0 = random.between(1, 4);
    c.int16 = true;
    check_case(c, random);
  }
}

TEST_CASE("quantized 3x3 convolution is exact whatever the proofs allow") {
  Random random(3);
  for (int i = 0; i < 250; ++i) {
    ConvCase c = same_size(random.between(1, 19), random.between(1, 19), random.between(8, 70), 0,
                           random.between(8, 50), any_proof(random));
    if (random.below(3) == 0) c.c1 = random.between(8, 70);
    if (random.below(3) == 0) c.upsample = 2;
    if (random.below(5) == 0) pad(c, random);
    c.residual = random.coin();
    c.relu = random.below(3) == 0;
    c.float_output = random.below(4) == 0;
    check_case(c, random);
  }
}

TEST_CASE("quantized linear layers are exact") {
  Random random(4);
  for (int i = 0; i < 150; ++i) {
    ConvCase c = random_case(30, 150, random);
    c.width = c.kh = c.kw = c.stride = c.upsample = 1;
    c.top = c.bottom = c.left = c.right = c.c1 = 0;
    c.int16 = random.coin();
    if (random.coin()) c.height = 1;
    check_case(c, random);
  }
}

TEST_CASE("quantized convolution is exact at the extremes of inputs and weights") {
  Random random(5);
  for (const Values x : {Values::low, Values::high, Values::mixed}) {
    for (const Values weights : {Values::low, Values::high, Values::mixed}) {
      for (const Proof proof : {Proof::none, Proof::below_2_29, Proof::below_2_25}) {
        ConvCase c = same_size(9, 10, 48, weights == Values::mixed ? 33 : 0, 20, proof);
        c.x = x;
        c.weights = weights;
        c.float_output = random.coin();
        check_case(c, random);
        c.kh = c.kw = 1;
        c.int16 = c.c1 == 0;
        check_case(c, random);
      }
    }
  }
}

TEST_CASE("quantized convolution is exact next to the bounds that its proofs promise") {
  Random random(6);
  for (const Values weights : {Values::low, Values::high, Values::mixed}) {
    // 9 * 115 * 127 * 255 is 0.999 of 2^25, 9 * 1840 * 127 * 255 is 0.999 of 2^29; m = 1 shows the sums themselves.
    ConvCase c = same_size(9, 9, 115, 115, 17, Proof::below_2_25);
    c.x = Values::low;
    c.weights = weights;
    c.m = 1.0f;
    c.float_output = true;
    check_case(c, random);
    c.upsample = 2;
    check_case(c, random);
    c = same_size(4, 5, 1840, 0, 9, Proof::below_2_29);
    c.x = Values::high;
    c.weights = weights;
    c.m = 1.0f;
    c.float_output = true;
    check_case(c, random);
  }
}

TEST_CASE("sums of quantized convolution wrap modulo 2^32") {
  Random random(7);
  ConvCase c = same_size(2, 2, 140000, 0, 9, Proof::below_2_25);
  c.kh = c.kw = 1;
  c.top = c.bottom = c.left = c.right = 0;
  c.x = Values::low;
  c.weights = Values::high;
  c.m = 1.0f;
  c.float_output = true;
  check_case(c, random);
}

TEST_CASE("quantized convolution rounds ties to even") {
  Random random(8);
  for (int i = 0; i < 60; ++i) {
    ConvCase c = random_case(8, 24, random);
    c.weight_limit = 1;
    c.float_output = false;
    c.m = i % 2 == 0 ? 0.5f : 0.25f;
    check_case(c, random);
  }
}

}  // namespace mote::test
