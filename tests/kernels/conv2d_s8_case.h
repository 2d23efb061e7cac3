// A quantized convolution for the tests: a case, its tensors, and what must come out, from sums in int64 over an input
// that is upsampled, joined and padded beforehand, and the epilogue in the order of kernels_s8.h.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "kernel_test.h"
#include "kernels/kernels_s8.h"

namespace mote::test {

// n values at the end of a page, as Floats.
template <class T>
class PageArray {
 public:
  PageArray() = default;
  explicit PageArray(size_t n) : floats_((n * sizeof(T) + 3) / 4), count_(n) {}
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
  bool same_bytes(const PageArray& other) const {
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
  bool signal;       // one row under a kernel of one row, upsampled along the width only
};

struct ConvData {
  Conv2dS8 args = {};
  PageArray<int8_t> x[2], weights, residual, y;
  PageArray<int16_t> x16;
  PageArray<float> y_f32;
  PageArray<int32_t> correction[2];
  Floats m[2], b;
};

inline size_t product(int a, int b, int c = 1) {
  return static_cast<size_t>(a) * static_cast<size_t>(b) * static_cast<size_t>(c);
}

inline int draw(Values values, int low, int high, Random& random) {
  switch (values) {
    case Values::low: return low;
    case Values::high: return high;
    case Values::mixed: return random.coin() ? low : high;
    default: return random.between(low, high);
  }
}

inline int64_t sum_of_weights(const ConvData& d, int input, int o, bool magnitudes) {
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
inline void make_weights(ConvData& d, const ConvCase& c, Random& random) {
  Conv2dS8& a = d.args;
  d.weights = PageArray<int8_t>(product(c.outputs, c.kh * c.kw, c.c0 + c.c1));
  a.weights = d.weights.data();
  for (size_t i = 0; i < d.weights.size(); ++i) {
    d.weights[i] = static_cast<int8_t>(draw(c.weights, -c.weight_limit, c.weight_limit, random));
  }
  int64_t bound = 0;
  for (int input = 0; input < (c.c1 != 0 ? 2 : 1); ++input) {
    const int zero = a.zero[input], span = c.int16 ? 32767 : std::max(127 - zero, zero + 128);
    d.correction[input] = PageArray<int32_t>(product(c.outputs, 1));
    a.correction[input] = d.correction[input].data();
    for (int o = 0; o < c.outputs; ++o) {
      bound = std::max(bound, sum_of_weights(d, input, o, true) * span);
      d.correction[input][product(o, 1)] = static_cast<int32_t>(-zero * sum_of_weights(d, input, o, false));
    }
  }
  a.below_2_25 = c.proof == Proof::below_2_25 && bound < (int64_t{1} << 25);
  a.below_2_29 = c.proof != Proof::none && bound < (int64_t{1} << 29);
}

inline void make_input(ConvData& d, const ConvCase& c, Random& random) {
  if (c.int16) {
    d.x16 = PageArray<int16_t>(product(c.height, c.width, c.c0));
    d.args.x16 = d.x16.data();
    for (size_t i = 0; i < d.x16.size(); ++i) d.x16[i] = static_cast<int16_t>(draw(c.x, -32767, 32767, random));
    return;
  }
  for (int input = 0; input < (c.c1 != 0 ? 2 : 1); ++input) {
    d.x[input] = PageArray<int8_t>(product(c.height, c.width, input == 0 ? c.c0 : c.c1));
    d.args.x[input] = d.x[input].data();
    for (size_t i = 0; i < d.x[input].size(); ++i) d.x[input][i] = static_cast<int8_t>(draw(c.x, -128, 127, random));
  }
}

inline void make_output(ConvData& d, const ConvCase& c, Random& random) {
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
    d.residual = PageArray<int8_t>(count);
    for (size_t i = 0; i < count; ++i) d.residual[i] = static_cast<int8_t>(random.between(-128, 127));
    a.residual = d.residual.data();
    a.residual_zero = random.between(-128, 127);
    a.residual_m = c.m != 0.0f ? 0.5f : random.uniform();
  }
  if (c.float_output) {
    d.y_f32 = PageArray<float>(count);
    a.y_f32 = d.y_f32.data();
  } else {
    d.y = PageArray<int8_t>(count);
    a.y = d.y.data();
  }
}

inline ConvData make_data(const ConvCase& c, Random& random) {
  ConvData d;
  Conv2dS8& a = d.args;
  a.channels[0] = c.c0;
  a.channels[1] = c.c1;
  a.in_height = c.height;
  a.in_width = c.width;
  a.out_height = c.signal ? 1 : (c.height * c.upsample + c.top + c.bottom - c.kh) / c.stride + 1;
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
inline std::vector<int> padded_input(const Conv2dS8& a, int input, int high, int wide) {
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
inline std::vector<int32_t> expected_sums(const Conv2dS8& a, int input) {
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
inline void expected_outputs(const ConvData& d, PageArray<int8_t>& y, PageArray<float>& y_f32) {
  const Conv2dS8& a = d.args;
  const std::vector<int32_t> first = expected_sums(a, 0);
  const std::vector<int32_t> second = a.channels[1] != 0 ? expected_sums(a, 1) : std::vector<int32_t>();
  y = PageArray<int8_t>(d.y.size());
  y_f32 = PageArray<float>(d.y_f32.size());
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

}  // namespace mote::test
