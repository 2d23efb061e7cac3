#include "tests/support/quantized_twin.h"

#include <algorithm>
#include <cmath>

#include "core/math.h"

namespace mote::test {

using format::OperatorRecord;
using format::OpKind;
using format::Storage;
using format::TensorRecord;
using Codes = std::vector<int32_t>;
using Floats = std::vector<float>;

namespace {

// Ties to even, as the default rounding mode of the processor has it.
int32_t rne(float v) { return static_cast<int32_t>(std::nearbyint(v)); }
// Modulo 2^32, then to float.
float wrapped(int64_t sum) {
  return static_cast<float>(static_cast<int32_t>(static_cast<uint32_t>(static_cast<uint64_t>(sum))));
}
int32_t round8(float v, int32_t zero) {
  return rne(std::clamp(v, static_cast<float>(-128 - zero), static_cast<float>(127 - zero))) + zero;
}
int32_t sat8(int64_t v) { return static_cast<int32_t>(std::clamp<int64_t>(v, -128, 127)); }

// y = (x * A + B) >> shift.
struct Fixed {
  int64_t A, B;
};
int common_shift(float factor, float offset) {
  for (int shift = 20; shift > 0; --shift) {
    const float power = std::ldexp(1.0f, shift);
    if (factor * power <= 32767.0f && offset * power <= 536870912.0f) return shift;
  }
  return 0;
}
int64_t whole(float v) { return std::fabs(v) < 4194304.0f ? rne(v) : static_cast<int64_t>(v); }
Fixed fixed(float factor, float offset, int64_t zero, int shift) {
  const float power = std::ldexp(1.0f, shift);
  const int64_t A = whole(std::clamp(factor * power, -32767.0f, 32767.0f));
  const int64_t half = shift > 0 ? int64_t{1} << (shift - 1) : 0;
  return {A, (whole(std::clamp(offset * power, -536870912.0f, 536870912.0f)) - zero * A) + half};
}

struct Scale {
  float s;
  int32_t z;
};

struct Twin {
  const Builder& model;
  uint32_t step, class_row;
  QuantizedTensors out;

  const TensorRecord& record(uint32_t i) const { return model.tensors[i]; }
  bool is(uint32_t i, DType type) const { return record(i).dtype == static_cast<uint8_t>(type); }
  Scale slot(uint32_t i, uint32_t k = 0) const {
    const format::QuantSlot& of = model.slots[i];
    const format::QuantValue& v = model.values[of.first + (of.scheme == 2 ? step : k)];
    return {v.scale, v.zero_point};
  }
  Scale scale(uint32_t tensor) const {
    return record(tensor).quant == format::none ? Scale{1.0f, 0} : slot(record(tensor).quant);
  }
  size_t size(uint32_t i) const { return record(i).bytes / dtype_bytes(static_cast<DType>(record(i).dtype)); }
  Codes codes(uint32_t i) const {
    const TensorRecord& t = record(i);
    if (t.storage != static_cast<uint8_t>(Storage::constant)) return out.codes.at(i);
    Codes all;
    for (uint32_t k = 0; k < t.bytes; ++k) {
      const uint8_t byte = model.data[t.offset + k];
      all.push_back(is(i, DType::u8) ? byte : static_cast<int8_t>(byte));
    }
    return all;
  }
  Floats floats(uint32_t i) const {
    const TensorRecord& t = record(i);
    if (t.storage != static_cast<uint8_t>(Storage::constant)) return out.floats.at(i);
    Floats all(t.bytes / 4);
    memcpy(all.data(), model.data.data() + t.offset, t.bytes);
    return all;
  }
  Floats floats_or(uint32_t i, size_t n, float otherwise) const {
    return i == format::none ? Floats(n, otherwise) : floats(i);
  }
  Floats vector_of(uint32_t i, size_t n) const {
    const Floats all = floats(i);
    const TensorRecord& t = record(i);
    if (t.rank == 1) return all;
    const size_t pitch = t.dims[t.rank - 1], row = t.rank == 2 ? step : class_row * t.dims[1] + step;
    return {all.begin() + static_cast<ptrdiff_t>(row * pitch), all.begin() + static_cast<ptrdiff_t>(row * pitch + n)};
  }

  struct Window {
    int height, width, out_height, out_width, kernel_height, kernel_width, stride, pad_top, pad_left, up;
  };
  Window window_of(const OperatorRecord& op) const {
    const TensorRecord &x = record(op.x[0]), &y = record(op.y[0]);
    if (op.kind == static_cast<uint16_t>(OpKind::linear)) {
      const int rows = static_cast<int>(size(op.x[0]) / x.dims[x.rank - 1]);
      return {rows, 1, rows, 1, 1, 1, 1, 0, 0, 1};
    }
    const auto i = [](uint32_t v) { return static_cast<int>(v); };
    return {i(x.dims[0]),    i(x.dims[1]), i(y.dims[0]), i(y.dims[1]), op.kernel_height,
            op.kernel_width, op.stride,    op.pad_top,   op.pad_left,  op.upsample};
  }

  // Of input i with its zero point, at one output pixel and channel.
  int64_t products(const Window& g, const Codes& x, int64_t zero, size_t channels, const Codes& w, size_t all,
                   size_t before, int oy, int ox, size_t o) const {
    int64_t sum = 0;
    for (int kh = 0; kh < g.kernel_height; ++kh) {
      for (int kw = 0; kw < g.kernel_width; ++kw) {
        const int iy = oy * g.stride + kh - g.pad_top, ix = ox * g.stride + kw - g.pad_left;
        if (iy < 0 || ix < 0 || iy >= g.height * g.up || ix >= g.width * g.up) continue;
        const size_t pixel =
            static_cast<size_t>(iy / g.up) * static_cast<size_t>(g.width) + static_cast<size_t>(ix / g.up);
        const size_t tap =
            (o * static_cast<size_t>(g.kernel_height) + static_cast<size_t>(kh)) * static_cast<size_t>(g.kernel_width) +
            static_cast<size_t>(kw);
        for (size_t c = 0; c < channels; ++c) sum += (x[pixel * channels + c] - zero) * w[tap * all + before + c];
      }
    }
    return sum;
  }

  void convolution(const OperatorRecord& op) {
    const Window g = window_of(op);
    const TensorRecord& w = record(op.weights);
    const size_t outputs = w.dims[0], all = w.dims[w.rank - 1];
    const Codes weights = codes(op.weights), a = codes(op.x[0]);
    const bool two = op.x[1] != format::none, has_residual = op.residual != format::none;
    const Codes b = two ? codes(op.x[1]) : Codes{}, residual = has_residual ? codes(op.residual) : Codes{};
    const Scale x0 = scale(op.x[0]), x1 = two ? scale(op.x[1]) : Scale{}, y = scale(op.y[0]);
    const Scale r = has_residual ? scale(op.residual) : Scale{};
    const float inv = 1.0f / y.s;
    const Floats bias = floats_or(op.bias, outputs, 0);
    const Floats shift = op.vector == format::none ? Floats(outputs, 0.0f) : vector_of(op.vector, outputs);
    const size_t c0 = record(op.x[0]).dims[record(op.x[0]).rank - 1];
    Codes y_codes;
    Floats y_floats;
    for (int oy = 0; oy < g.out_height; ++oy) {
      for (int ox = 0; ox < g.out_width; ++ox) {
        for (size_t o = 0; o < outputs; ++o) {
          const float s_w = slot(w.quant, static_cast<uint32_t>(o)).s;
          float v = wrapped(products(g, a, x0.z, c0, weights, all, 0, oy, ox, o)) * (s_w * (x0.s * inv));
          if (two) {
            const float second = wrapped(products(g, b, x1.z, all - c0, weights, all, c0, oy, ox, o));
            const float term = second * (s_w * (x1.s * inv));
            v = v + term;
          }
          v = v + (bias[o] + shift[o]) * inv;
          if (has_residual) {
            const float term = static_cast<float>(residual[y_codes.size()] - r.z) * (r.s * inv);
            v = v + term;
          }
          y_floats.push_back(v);
          const int32_t code = round8(v, y.z);
          y_codes.push_back(op.activation == 3 ? std::max(code, y.z) : code);
        }
      }
    }
    if (is(op.y[0], DType::f32)) {
      out.floats[op.y[0]] = y_floats;
    } else {
      out.codes[op.y[0]] = y_codes;
    }
  }

  // Codes, or table entries, from factors and offsets in codes of channels; the codes of each input.
  void affine(const OperatorRecord& op, const Floats& factor, const Floats& offset) {
    float largest_factor = 0, largest_offset = 0;
    for (float f : factor) largest_factor = std::max(largest_factor, std::fabs(f));
    for (float f : offset) largest_offset = std::max(largest_offset, std::fabs(f));
    const int shift = common_shift(largest_factor, largest_offset);
    const Codes table = op.residual == format::none ? Codes{} : codes(op.residual);
    size_t before = 0;
    for (int i = 0; i < 2 && op.x[i] != format::none; ++i) {
      const Scale x = scale(op.x[i]);
      const size_t channels = record(op.x[i]).dims[2];
      Codes y;
      for (int32_t code : codes(op.x[i])) {
        const size_t c = before + y.size() % channels;
        const Fixed f = fixed(factor[c], offset[c], x.z, shift);
        const int64_t u = (code * f.A + f.B) >> shift;
        y.push_back(
            table.empty()
                ? sat8(u)
                : table[static_cast<size_t>(std::clamp<int64_t>(u, 0, static_cast<int64_t>(table.size()) - 1))]);
      }
      before += channels;
      out.codes[op.y[i]] = y;
    }
  }
  // 1 / scale and zero of what `affine` writes.
  std::pair<float, float> index_scale(const OperatorRecord& op) const {
    if (op.residual == format::none) {
      const Scale y = scale(op.y[0]);
      return {1.0f / y.s, static_cast<float>(y.z)};
    }
    const Scale n = slot(op.quant);
    const int32_t wide = static_cast<int32_t>(record(op.residual).dims[0] / 256);
    return {1.0f / n.s, static_cast<float>((n.z + 128) * wide)};
  }

  struct Moments {
    int64_t n = 0;
    float mean = 0, deviation = 0;
  };
  Moments moments(uint32_t tensor, size_t begin, size_t end) const {
    Moments m;
    if (begin >= end) return m;
    const Codes x = codes(tensor);
    const Scale scale_x = scale(tensor);
    const size_t channels = record(tensor).dims[2];
    int64_t sum = 0, squares = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      if (i % channels < begin || i % channels >= end) continue;
      sum += x[i];
      squares += x[i] * x[i];
      ++m.n;
    }
    const float n = static_cast<float>(m.n);
    m.mean = (static_cast<float>(sum - m.n * scale_x.z) / n) * scale_x.s;
    m.deviation = (static_cast<float>(m.n * squares - sum * sum) / n) * (scale_x.s * scale_x.s);
    return m;
  }

  void group_norm(const OperatorRecord& op) {
    const bool two = op.x[1] != format::none;
    const size_t c0 = record(op.x[0]).dims[2], all = c0 + (two ? record(op.x[1]).dims[2] : 0);
    const Floats gamma = floats_or(op.weights, all, 1), beta = floats_or(op.bias, all, 0);
    const bool modulated = op.vector != format::none;
    const Floats vector = modulated ? vector_of(op.vector, 2 * all) : Floats{};
    const auto [inv, zero] = index_scale(op);
    Floats factor, offset;
    const size_t group = all / op.p0;
    for (size_t begin = 0; begin < all; begin += group) {
      const size_t end = begin + group;
      const Moments a = moments(op.x[0], begin, std::min(end, c0));
      const Moments b = two ? moments(op.x[1], std::max(begin, c0) - c0, end > c0 ? end - c0 : 0) : Moments{};
      Moments m = a.n == 0 ? b : a;
      if (a.n != 0 && b.n != 0) {
        const float n0 = static_cast<float>(a.n), n1 = static_cast<float>(b.n), n = static_cast<float>(a.n + b.n);
        const float delta = b.mean - a.mean;
        const float move = delta * (n1 / n), between = (delta * delta) * ((n0 * n1) / n);
        m.mean = a.mean + move;
        m.deviation = (a.deviation + b.deviation) + between;
        m.n = a.n + b.n;
      }
      const float r = 1.0f / std::sqrt(m.deviation / static_cast<float>(m.n) + op.f0);
      for (size_t c = begin; c < end; ++c) {
        float g = r * gamma[c];
        const float centre = m.mean * g;
        float h = beta[c] - centre;
        if (modulated) {
          const float t = 1.0f + vector[c];
          g = g * t;
          h = h * t;
          h = h + vector[all + c];
        }
        factor.push_back((g * scale(op.x[c < c0 ? 0 : 1]).s) * inv);
        const float scaled = h * inv;
        offset.push_back(scaled + zero);
      }
    }
    affine(op, factor, offset);
  }

  void scale_shift(const OperatorRecord& op) {
    const size_t channels = record(op.x[0]).dims[2];
    const bool shift_only = record(op.vector).rank == 1 && record(op.vector).dims[0] == channels;
    const Floats v = vector_of(op.vector, shift_only ? channels : 2 * channels);
    const auto [inv, zero] = index_scale(op);
    Floats factor, offset;
    for (size_t c = 0; c < channels; ++c) {
      const float g = shift_only ? 1.0f : 1.0f + v[c], h = shift_only ? v[c] : v[channels + c];
      factor.push_back((g * scale(op.x[0]).s) * inv);
      const float scaled = h * inv;
      offset.push_back(scaled + zero);
    }
    affine(op, factor, offset);
  }

  void attention(const OperatorRecord& op) {
    const Codes qkv = codes(op.x[0]), table = codes(op.weights);
    const Scale x = scale(op.x[0]), y = scale(op.y[0]);
    const size_t heads = op.p0, d = op.p1, inner = heads * d, tokens = qkv.size() / (3 * inner);
    const float score_m = (op.f0 * (x.s * x.s)) / op.f1, m = x.s / y.s;
    Codes result(tokens * inner);
    for (size_t t = 0; t < tokens; ++t) {
      for (size_t h = 0; h < heads; ++h) {
        std::vector<int64_t> score(tokens);
        for (size_t s = 0; s < tokens; ++s) {
          for (size_t i = h * d; i < h * d + d; ++i) {
            score[s] += (int64_t{qkv[t * 3 * inner + i]} - x.z) * (qkv[s * 3 * inner + inner + i] - x.z);
          }
        }
        const int64_t best = *std::max_element(score.begin(), score.end());
        int64_t sum = 0;
        for (int64_t& p : score) {
          p = table[static_cast<size_t>(rne(std::min(static_cast<float>(best - p) * score_m, 255.0f)))];
          sum += p;
        }
        for (size_t i = h * d; i < h * d + d; ++i) {
          int64_t acc = 0;
          for (size_t s = 0; s < tokens; ++s) acc += score[s] * (qkv[s * 3 * inner + 2 * inner + i] - x.z);
          const float v = (static_cast<float>(acc) * m) / static_cast<float>(sum);
          result[t * inner + i] = round8(v, y.z);
        }
      }
    }
    out.codes[op.y[0]] = result;
  }

  void add(const OperatorRecord& op) {
    const Scale a = scale(op.x[0]), b = scale(op.x[1]), y = scale(op.y[0]);
    const float inv = 1.0f / y.s, f0 = a.s * inv, f1 = b.s * inv, zero = static_cast<float>(y.z);
    const int shift = common_shift(std::max(f0, f1), std::fabs(zero));
    const Fixed one = fixed(f0, zero, a.z, shift), two = fixed(f1, 0, b.z, shift);
    const int64_t half = shift > 0 ? int64_t{1} << (shift - 1) : 0;  // is in both
    const Codes u = codes(op.x[0]), v = codes(op.x[1]);
    Codes result;
    for (size_t i = 0; i < u.size(); ++i) {
      result.push_back(sat8((u[i] * one.A + v[i] * two.A + one.B + two.B - half) >> shift));
    }
    out.codes[op.y[0]] = result;
  }

  void resample(const OperatorRecord& op, bool up) {
    const TensorRecord &in = record(op.x[0]), &y = record(op.y[0]);
    const Scale from = scale(op.x[0]), to = scale(op.y[0]);
    const uint32_t f = op.p0, channels = y.dims[2], rows = in.dims[0] == 1 ? 1 : f, area = rows * f;
    const float factor = (from.s * (1.0f / to.s)) / static_cast<float>(area), zero = static_cast<float>(to.z);
    const int shift = common_shift(factor, std::fabs(zero));
    const Fixed mean = fixed(factor, zero, int64_t{area} * from.z, shift);
    const Codes x = codes(op.x[0]);
    Codes result;
    for (uint32_t oy = 0; oy < y.dims[0]; ++oy) {
      for (uint32_t ox = 0; ox < y.dims[1]; ++ox) {
        for (uint32_t c = 0; c < channels; ++c) {
          if (up) {
            result.push_back(x[(oy / f * in.dims[1] + ox / f) * channels + c]);
            continue;
          }
          int64_t sum = 0;
          for (uint32_t i = 0; i < area; ++i) {
            sum += x[((oy * f + i / f) * in.dims[1] + ox * f + i % f) * channels + c];
          }
          result.push_back(sat8((sum * mean.A + mean.B) >> shift));
        }
      }
    }
    out.codes[op.y[0]] = result;
  }

  int32_t wide(float v, float inv) const { return rne(std::clamp(v * inv, -32767.0f, 32767.0f)); }

  void quantize(const OperatorRecord& op) {
    Codes result;
    for (float v : floats(op.x[0])) result.push_back(wide(v, 1.0f / scale(op.y[0]).s));
    out.codes[op.y[0]] = result;
  }

  void step_embedding(const OperatorRecord& op) {
    const size_t n = record(op.y[0]).dims[0];
    const Floats row = vector_of(op.vector, n);
    const Floats classes = floats_or(op.weights, n, 0);
    Codes result;
    for (size_t i = 0; i < n; ++i) {
      float v = row[i];
      if (op.weights != format::none) v = v + classes[class_row * n + i];
      if (op.activation == 1) v = silu_f32(v);
      if (op.activation == 2) v = gelu_f32(v);
      if (op.activation == 3) v = std::max(v, 0.0f);
      result.push_back(wide(v, 1.0f / scale(op.y[0]).s));
    }
    out.codes[op.y[0]] = result;
  }

  void activation(const OperatorRecord& op) {
    const Codes table = codes(op.weights);
    Codes result;
    for (int32_t code : codes(op.x[0])) result.push_back(table[static_cast<size_t>(code + 128)]);
    out.codes[op.y[0]] = result;
  }

  void run(const OperatorRecord& op) {
    switch (static_cast<OpKind>(op.kind)) {
      case OpKind::conv2d:
      case OpKind::linear: return convolution(op);
      case OpKind::group_norm: return group_norm(op);
      case OpKind::attention: return attention(op);
      case OpKind::upsample: return resample(op, true);
      case OpKind::average_pool: return resample(op, false);
      case OpKind::add: return add(op);
      case OpKind::activation: return activation(op);
      case OpKind::scale_shift: return scale_shift(op);
      case OpKind::quantize: return quantize(op);
      default: return step_embedding(op);
    }
  }
};

}  // namespace

QuantizedTensors quantized_twin(const Builder& model, const Floats& x, uint32_t step, uint32_t class_row) {
  Twin twin{model, step, class_row, {}};
  twin.out.floats[model.model.input_tensor] = x;
  for (const OperatorRecord& op : model.operators) twin.run(op);
  return twin.out;
}

}  // namespace mote::test
