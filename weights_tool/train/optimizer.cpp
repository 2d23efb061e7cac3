#include "weights_tool/train/optimizer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace mote::tool {
namespace {

constexpr size_t kPiece = 16384;  // elements that one call of a thread takes
constexpr size_t kBlock = 256;    // elements whose intermediate values stay in the first cache

// Constants of one update, rounded once.
struct Factors {
  float gradient_scale;
  float beta1, one_minus_beta1, beta2, one_minus_beta2;
  float inverse_bias2;  // 1 / (1 - beta2^step)
  float epsilon;
  float rate;          // learning rate / (1 - beta1^step)
  float keep;          // 1 - learning rate * weight decay, or 1
  float average_gain;  // 1 - average_decay
};

// Correctly rounded either way: which branch is compiled does not show in the bytes. (std::sqrt would not vectorise,
// for it may set errno.)
void square_roots(float* x) {
  for (size_t i = 0; i < kBlock; i += 4) {
#if defined(__SSE2__)
    _mm_storeu_ps(x + i, _mm_sqrt_ps(_mm_loadu_ps(x + i)));
#elif defined(__aarch64__)
    vst1q_f32(x + i, vsqrtq_f32(vld1q_f32(x + i)));
#else
    for (size_t k = i; k < i + 4; ++k) x[k] = std::sqrt(x[k]);
#endif
  }
}

// kBlock elements; the constant count is what lets the compiler vectorise.
void update_block(const Factors& f, const float* __restrict gradient, float* __restrict values, float* __restrict m,
                  float* __restrict v) {
  float root[kBlock];
  for (size_t i = 0; i < kBlock; ++i) {
    const float g = gradient[i] * f.gradient_scale;
    m[i] = f.beta1 * m[i] + f.one_minus_beta1 * g;
    v[i] = f.beta2 * v[i] + f.one_minus_beta2 * (g * g);
    root[i] = v[i] * f.inverse_bias2;
  }
  square_roots(root);
  for (size_t i = 0; i < kBlock; ++i) values[i] = values[i] * f.keep - f.rate * (m[i] / (root[i] + f.epsilon));
}

void average_block(float gain, const float* __restrict values, float* __restrict average) {
  for (size_t i = 0; i < kBlock; ++i) average[i] = average[i] + gain * (values[i] - average[i]);
}

// The rest of a piece goes through the same code by way of padded copies.
void update_tail(const Factors& f, const OptimizerBuffers& b, size_t at, size_t count) {
  float gradient[kBlock] = {}, values[kBlock] = {}, m[kBlock] = {}, v[kBlock] = {}, average[kBlock] = {};
  const size_t bytes = count * sizeof(float);
  std::memcpy(gradient, b.gradient + at, bytes);
  std::memcpy(values, b.values + at, bytes);
  std::memcpy(m, b.m + at, bytes);
  std::memcpy(v, b.v + at, bytes);
  update_block(f, gradient, values, m, v);
  std::memcpy(b.values + at, values, bytes);
  std::memcpy(b.m + at, m, bytes);
  std::memcpy(b.v + at, v, bytes);
  if (b.average == nullptr) return;
  std::memcpy(average, b.average + at, bytes);
  average_block(f.average_gain, values, average);
  std::memcpy(b.average + at, average, bytes);
}

void update_piece(const Factors& f, const OptimizerBuffers& b, size_t first, size_t count) {
  size_t at = first;
  for (; at + kBlock <= first + count; at += kBlock) {
    update_block(f, b.gradient + at, b.values + at, b.m + at, b.v + at);
    if (b.average != nullptr) average_block(f.average_gain, b.values + at, b.average + at);
  }
  if (at < first + count) update_tail(f, b, at, first + count - at);
}

// Eight sums side by side, for the additions of one would wait for each other.
double sum_of_squares(const float* x, size_t count) {
  double sums[8] = {};
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (size_t k = 0; k < 8; ++k) sums[k] += static_cast<double>(x[i + k]) * static_cast<double>(x[i + k]);
  }
  for (; i < count; ++i) sums[i % 8] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

}  // namespace

std::vector<DecayRange> decay_ranges(const Graph& graph, const ParameterStore& store) {
  std::vector<DecayRange> ranges;
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    const int64_t offset = store.offset(static_cast<int>(i));
    if (offset < 0) continue;
    const size_t padded = (static_cast<size_t>(graph.tensors[i].elements()) + 15) / 16 * 16;
    ranges.push_back({static_cast<size_t>(offset), padded, graph.tensors[i].rank >= 2});
  }
  std::sort(ranges.begin(), ranges.end(), [](const DecayRange& a, const DecayRange& b) { return a.first < b.first; });
  return ranges;
}

AdamW::AdamW(const AdamWOptions& options, std::vector<DecayRange> ranges) : options_(options) {
  for (const DecayRange& range : ranges) {
    for (size_t done = 0; done < range.count; done += kPiece) {
      pieces_.push_back({range.first + done, std::min(kPiece, range.count - done), range.decays});
    }
  }
}

void AdamW::update(const OptimizerBuffers& buffers, int64_t step, double learning_rate, double gradient_scale,
                   double average_decay, ThreadPool& pool) const {
  const double n = static_cast<double>(step);
  Factors decaying{};
  decaying.gradient_scale = static_cast<float>(gradient_scale);
  decaying.beta1 = static_cast<float>(options_.beta1);
  decaying.one_minus_beta1 = static_cast<float>(1 - options_.beta1);
  decaying.beta2 = static_cast<float>(options_.beta2);
  decaying.one_minus_beta2 = static_cast<float>(1 - options_.beta2);
  decaying.inverse_bias2 = static_cast<float>(1 / (1 - std::pow(options_.beta2, n)));
  decaying.epsilon = static_cast<float>(options_.epsilon);
  decaying.rate = static_cast<float>(learning_rate / (1 - std::pow(options_.beta1, n)));
  decaying.keep = static_cast<float>(1 - learning_rate * options_.weight_decay);
  decaying.average_gain = static_cast<float>(1 - average_decay);
  Factors plain = decaying;
  plain.keep = 1.0f;
  pool.parallel_for(static_cast<int>(pieces_.size()), [&](int index, int) {
    const DecayRange& piece = pieces_[static_cast<size_t>(index)];
    update_piece(piece.decays ? decaying : plain, buffers, piece.first, piece.count);
  });
}

double gradient_norm(const float* gradient, size_t size, ThreadPool& pool) {
  const size_t pieces = (size + kPiece - 1) / kPiece;
  std::vector<double> sums(pieces);
  pool.parallel_for(static_cast<int>(pieces), [&](int index, int) {
    const size_t first = static_cast<size_t>(index) * kPiece;
    sums[static_cast<size_t>(index)] = sum_of_squares(gradient + first, std::min(kPiece, size - first));
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return std::sqrt(total);
}

double clip_factor(double norm, double limit) { return limit > 0 && norm > limit ? limit / norm : 1.0; }

double learning_rate_at(int64_t step, int64_t total, int64_t warmup, double peak, double last) {
  if (step <= warmup) return peak * static_cast<double>(step) / static_cast<double>(warmup);
  if (step >= total) return last;
  const double share = static_cast<double>(step - warmup) / static_cast<double>(total - warmup);
  return last + (peak - last) * 0.5 * (1 + std::cos(3.14159265358979323846 * share));
}

double ema_decay_at(int64_t step, double limit) {
  const double n = static_cast<double>(step);
  return std::min(limit, (1 + n) / (10 + n));
}

}  // namespace mote::tool
