#include "tests/support/twin.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "diffusion/noise.h"

namespace mote::test {

using format::OperatorRecord;
using format::OpKind;
using format::Storage;
using format::TensorRecord;
using Values = std::vector<double>;

namespace {

double activate(double x, int activation) {
  switch (activation) {
    case 1: return x / (1 + std::exp(-x));
    case 2: return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0)));
    case 3: return std::max(x, 0.0);
    case 4: return x * std::tanh(std::log1p(std::exp(x)));
    default: return x;
  }
}

// Tensors by number, so that nothing can be overwritten: an operator that writes where another still lies shows up as
// a difference.
struct Twin {
  const Builder& model;
  double timestep;
  uint32_t class_row, step;
  std::map<uint32_t, Values> values;

  const TensorRecord& record(uint32_t i) const { return model.tensors[i]; }
  Values read(uint32_t i) const {
    const TensorRecord& t = record(i);
    if (t.storage != static_cast<uint8_t>(Storage::constant)) return values.at(i);
    std::vector<float> floats(t.bytes / 4);
    memcpy(floats.data(), model.data.data() + t.offset, t.bytes);
    return {floats.begin(), floats.end()};
  }
  // Concatenation of the inputs over channels, at pixel (y, x); 0 outside.
  double at(const OperatorRecord& op, const Values& a, const Values& b, int y, int x, uint32_t c) const {
    const TensorRecord& t = record(op.x[0]);
    const int up = op.upsample;
    if (y < 0 || x < 0 || y >= static_cast<int>(t.dims[0]) * up || x >= static_cast<int>(t.dims[1]) * up) return 0;
    const size_t pixel = static_cast<size_t>(y / up) * t.dims[1] + static_cast<size_t>(x / up);
    return c < t.dims[2] ? a[pixel * t.dims[2] + c] : b[pixel * record(op.x[1]).dims[2] + (c - t.dims[2])];
  }
  Values vector_of(const OperatorRecord& op, uint32_t n) const {
    const Values all = read(op.vector);
    const TensorRecord& t = record(op.vector);
    if (t.rank == 1) return all;
    const size_t pitch = t.dims[t.rank - 1];
    const size_t row = t.rank == 2 ? step : static_cast<size_t>(class_row) * t.dims[1] + step;
    return {all.begin() + static_cast<ptrdiff_t>(row * pitch), all.begin() + static_cast<ptrdiff_t>(row * pitch + n)};
  }

  void conv2d(const OperatorRecord& op) {
    const TensorRecord& y = record(op.y[0]);
    const TensorRecord& w = record(op.weights);
    const Values a = read(op.x[0]), b = op.x[1] == format::none ? Values{} : read(op.x[1]), weights = read(op.weights);
    const Values bias = op.bias == format::none ? Values(w.dims[0]) : read(op.bias);
    const Values shift = op.vector == format::none ? Values(w.dims[0]) : vector_of(op, w.dims[0]);
    const Values residual = op.residual == format::none ? Values(y.bytes / 4) : read(op.residual);
    Values& out = values[op.y[0]];
    out.clear();
    for (int oy = 0; oy < static_cast<int>(y.dims[0]); ++oy) {
      for (int ox = 0; ox < static_cast<int>(y.dims[1]); ++ox) {
        for (uint32_t o = 0; o < w.dims[0]; ++o) {
          double sum = bias[o] + shift[o] + residual[out.size()];
          for (int kh = 0; kh < op.kernel_height; ++kh) {
            for (int kw = 0; kw < op.kernel_width; ++kw) {
              for (uint32_t c = 0; c < w.dims[3]; ++c) {
                sum += at(op, a, b, oy * op.stride + kh - op.pad_top, ox * op.stride + kw - op.pad_left, c) *
                       weights[((o * w.dims[1] + static_cast<uint32_t>(kh)) * w.dims[2] + static_cast<uint32_t>(kw)) *
                                   w.dims[3] +
                               c];
              }
            }
          }
          out.push_back(activate(sum, op.activation));
        }
      }
    }
  }

  void linear(const OperatorRecord& op) {
    const TensorRecord& w = record(op.weights);
    const Values x = read(op.x[0]), weights = read(op.weights);
    const Values bias = op.bias == format::none ? Values(w.dims[0]) : read(op.bias);
    const size_t rows = x.size() / w.dims[1];
    const Values residual = op.residual == format::none ? Values(rows * w.dims[0]) : read(op.residual);
    Values& out = values[op.y[0]];
    out.clear();
    for (size_t r = 0; r < rows; ++r) {
      for (uint32_t o = 0; o < w.dims[0]; ++o) {
        double sum = bias[o] + residual[out.size()];
        for (uint32_t i = 0; i < w.dims[1]; ++i) sum += x[r * w.dims[1] + i] * weights[o * w.dims[1] + i];
        out.push_back(activate(sum, op.activation));
      }
    }
  }

  void group_norm(const OperatorRecord& op) {
    const TensorRecord& t = record(op.x[0]);
    const bool two = op.x[1] != format::none;
    const uint32_t c0 = t.dims[2], channels = c0 + (two ? record(op.x[1]).dims[2] : 0);
    const Values a = read(op.x[0]), b = two ? read(op.x[1]) : Values{};
    const Values gamma = op.weights == format::none ? Values(channels, 1) : read(op.weights);
    const Values beta = op.bias == format::none ? Values(channels) : read(op.bias);
    const Values modulation = op.vector == format::none ? Values(2 * channels) : vector_of(op, 2 * channels);
    const uint32_t size = channels / op.p0, pixels = t.dims[0] * t.dims[1];
    Values joined(pixels * channels);
    for (uint32_t g = 0; g < op.p0; ++g) {
      double sum = 0, squares = 0;
      const auto value = [&](uint32_t p, uint32_t c) {
        return c < c0 ? a[p * c0 + c] : b[p * (channels - c0) + c - c0];
      };
      for (uint32_t p = 0; p < pixels; ++p) {
        for (uint32_t c = g * size; c < (g + 1) * size; ++c) sum += value(p, c);
      }
      const double mean = sum / (size * pixels);
      for (uint32_t p = 0; p < pixels; ++p) {
        for (uint32_t c = g * size; c < (g + 1) * size; ++c) squares += std::pow(value(p, c) - mean, 2);
      }
      const double deviation = std::sqrt(squares / (size * pixels) + static_cast<double>(op.f0));
      for (uint32_t p = 0; p < pixels; ++p) {
        for (uint32_t c = g * size; c < (g + 1) * size; ++c) {
          const double n = (value(p, c) - mean) / deviation * gamma[c] + beta[c];
          joined[p * channels + c] = activate(n * (1 + modulation[c]) + modulation[channels + c], op.activation);
        }
      }
    }
    if (op.y[1] == format::none) {
      values[op.y[0]] = joined;
      return;
    }
    Values parts[2];
    for (size_t i = 0; i < joined.size(); ++i) parts[i % channels < c0 ? 0 : 1].push_back(joined[i]);
    values[op.y[0]] = parts[0];
    values[op.y[1]] = parts[1];
  }

  void attention(const OperatorRecord& op) {
    const Values qkv = read(op.x[0]);
    const size_t heads = op.p0, d = op.p1, inner = heads * d, tokens = qkv.size() / (3 * inner);
    Values& out = values[op.y[0]];
    out.assign(tokens * inner, 0);
    for (size_t t = 0; t < tokens; ++t) {
      for (size_t h = 0; h < heads; ++h) {
        Values weight(tokens);
        double total = 0;
        for (size_t s = 0; s < tokens; ++s) {
          double dot = 0;
          for (size_t i = 0; i < d; ++i) dot += qkv[t * 3 * inner + h * d + i] * qkv[s * 3 * inner + inner + h * d + i];
          total += weight[s] = std::exp(dot * static_cast<double>(op.f0));
        }
        for (size_t s = 0; s < tokens; ++s) {
          for (size_t i = 0; i < d; ++i) {
            out[t * inner + h * d + i] += weight[s] / total * qkv[s * 3 * inner + 2 * inner + h * d + i];
          }
        }
      }
    }
  }

  void resample(const OperatorRecord& op, bool up) {
    const Values x = read(op.x[0]);
    const TensorRecord& in = record(op.x[0]);
    const TensorRecord& y = record(op.y[0]);
    const uint32_t f = op.p0, channels = y.dims[2];
    Values& out = values[op.y[0]];
    out.clear();
    for (uint32_t oy = 0; oy < y.dims[0]; ++oy) {
      for (uint32_t ox = 0; ox < y.dims[1]; ++ox) {
        for (uint32_t c = 0; c < channels; ++c) {
          double sum = 0;
          if (up) {
            sum = x[(oy / f * in.dims[1] + ox / f) * channels + c];
          } else {
            const uint32_t area = in.dims[0] == 1 ? f : f * f;
            for (uint32_t i = 0; i < area; ++i) {
              sum += x[((oy * f + i / f) * in.dims[1] + ox * f + i % f) * channels + c] / area;
            }
          }
          out.push_back(sum);
        }
      }
    }
  }

  void small(const OperatorRecord& op) {
    Values out;
    switch (static_cast<OpKind>(op.kind)) {
      case OpKind::activation:
        for (double v : read(op.x[0])) out.push_back(activate(v, op.activation));
        break;
      case OpKind::add: {
        const Values b = read(op.x[1]);
        for (double v : read(op.x[0])) out.push_back(v + b[out.size()]);
        break;
      }
      case OpKind::timestep_embedding: {
        const Values f = read(op.weights);
        const bool flip = (op.flags & format::op_flip_sin_cos) != 0;
        for (size_t i = 0; i < 2 * f.size(); ++i) {
          const bool fourier = (op.flags & format::op_fourier_time) != 0;
          const double angle = f[i % f.size()] * (fourier ? 2 * std::acos(-1.0) * std::log(timestep) : timestep);
          out.push_back((i < f.size()) != flip ? std::sin(angle) : std::cos(angle));
        }
        break;
      }
      case OpKind::class_embedding: {
        const Values table = read(op.weights);
        const uint32_t n = record(op.weights).dims[1];
        for (uint32_t i = 0; i < n; ++i) out.push_back(table[class_row * n + i]);
        break;
      }
      default: {  // scale_shift
        const uint32_t channels = record(op.x[0]).dims[2];
        const bool shift_only = record(op.vector).rank == 1 && record(op.vector).dims[0] == channels;
        const Values v = vector_of(op, shift_only ? channels : 2 * channels);
        for (double x : read(op.x[0])) {
          const size_t c = out.size() % channels;
          out.push_back(activate(shift_only ? x + v[c] : x * (1 + v[c]) + v[channels + c], op.activation));
        }
      }
    }
    values[op.y[0]] = out;
  }

  void run(const OperatorRecord& op) {
    switch (static_cast<OpKind>(op.kind)) {
      case OpKind::conv2d: return conv2d(op);
      case OpKind::linear: return linear(op);
      case OpKind::group_norm: return group_norm(op);
      case OpKind::attention: return attention(op);
      case OpKind::upsample: return resample(op, true);
      case OpKind::average_pool: return resample(op, false);
      default: return small(op);
    }
  }
};

}  // namespace

Values twin_predict(const Builder& model, const Values& x, double timestep, uint32_t class_row, uint32_t step) {
  Twin twin{model, timestep, class_row, step, {}};
  for (uint32_t i = 0; i < model.tensors.size(); ++i) {
    if (model.tensors[i].storage == static_cast<uint8_t>(Storage::input)) twin.values[i] = x;
  }
  for (const OperatorRecord& op : model.operators) twin.run(op);
  return twin.values.at(model.model.output_tensor);
}

Values twin_ddim_step(const Builder& model, const Values& x, const Values& output, double alpha_bar,
                      double alpha_bar_previous, double eta, const Values& z, bool rederive) {
  const double signal = std::sqrt(alpha_bar), noise = std::sqrt(1 - alpha_bar);
  const double sigma =
      eta * std::sqrt((1 - alpha_bar_previous) / (1 - alpha_bar)) * std::sqrt(1 - alpha_bar / alpha_bar_previous);
  const double limit = (model.model.flags & format::model_clip) != 0 ? static_cast<double>(model.model.clip) : 1e30;
  const size_t channels = model.model.channels, out_channels = model.model.out_channels;
  Values next;
  for (size_t i = 0; i < x.size(); ++i) {
    const double m = output[i / channels * out_channels + i % channels];
    double x0 = 0, epsilon = 0;
    switch (static_cast<format::Prediction>(model.model.prediction)) {
      case format::Prediction::epsilon: epsilon = m, x0 = (x[i] - noise * m) / signal; break;
      case format::Prediction::x0: x0 = m, epsilon = (x[i] - signal * m) / noise; break;
      case format::Prediction::v: x0 = signal * x[i] - noise * m, epsilon = noise * x[i] + signal * m; break;
    }
    x0 = std::clamp(x0, -limit, limit);
    if (rederive) epsilon = (x[i] - signal * x0) / noise;
    next.push_back(std::sqrt(alpha_bar_previous) * x0 +
                   std::sqrt(std::max(0.0, 1 - alpha_bar_previous - sigma * sigma)) * epsilon + sigma * z[i]);
  }
  return next;
}

Values twin_noise(uint32_t count, uint64_t seed, uint32_t step, uint32_t sample, uint32_t stream) {
  std::vector<float> numbers(count);
  fill_gaussian(numbers.data(), 0, count, seed, step, sample, stream);
  return {numbers.begin(), numbers.end()};
}

}  // namespace mote::test
