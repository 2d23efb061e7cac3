#include "weights_tool/quantize/ranges.h"

#include <algorithm>
#include <cmath>

#include "core/math.h"

namespace mote::tool {
namespace {

int8_t code_of(double x, const format::QuantValue& value) {
  return static_cast<int8_t>(std::clamp(std::nearbyint(x / value.scale) + value.zero_point, -128.0, 127.0));
}

struct Range {
  double low, high;
};

Range range_of(const std::vector<float>& samples) {
  Range range{0.0, 0.0};
  for (float v : samples) {
    range.low = std::min(range.low, double{v});
    range.high = std::max(range.high, double{v});
  }
  return range;
}

// At most this many, evenly spread: the searches try hundreds of ranges.
std::vector<float> thinned(const std::vector<float>& samples, size_t most) {
  if (samples.size() <= most) return samples;
  std::vector<float> out;
  for (size_t i = 0; i < most; ++i) out.push_back(samples[i * samples.size() / most]);
  return out;
}

constexpr size_t search_samples = 8192;
constexpr int ends = 24;  // ranges tried for each end in one sweep
// The shortest, as a share of the extreme. Shorter ranges have less error by themselves but shrink what comes after:
// pictures of the shipped model were 1 % further from real ones with 0.4.
constexpr double least_end = 0.8;

}  // namespace

double activate(double x, Activation activation) {
  switch (activation) {
    case Activation::none: return x;
    case Activation::silu: return x / (1.0 + std::exp(-x));
    case Activation::gelu: return 0.5 * x * (1.0 + std::erf(x * std::sqrt(0.5)));
    case Activation::relu: return std::max(x, 0.0);
    case Activation::mish: return x * std::tanh(std::log1p(std::exp(std::min(x, 40.0))));
  }
  return x;
}

format::QuantValue affine_int8(double low, double high) {
  low = std::min(low, 0.0);
  high = std::max(high, 0.0);
  const double least = 255.0 * 0x1p-30;  // a tensor of zeros still has a scale
  const double width = std::max(high - low, least);
  format::QuantValue value;
  value.scale = static_cast<float>(std::clamp(width / 255.0, double{format::min_scale}, double{format::max_scale}));
  value.zero_point = static_cast<int32_t>(std::clamp(std::nearbyint(-128.0 - low / value.scale), -128.0, 127.0));
  return value;
}

double int8_error(const std::vector<float>& samples, const format::QuantValue& value) {
  double sum = 0;
  const float scale = value.scale, inverse = 1.0f / value.scale;
  const float low = static_cast<float>(-128 - value.zero_point), high = static_cast<float>(127 - value.zero_point);
  for (float v : samples) {
    const float code = round_f32(std::min(std::max(v * inverse, low), high));
    const float error = v - code * scale;
    sum += double{error} * error;
  }
  return samples.empty() ? 0.0 : sum / static_cast<double>(samples.size());
}

format::QuantValue best_int8(const std::vector<float>& all) {
  const Range full = range_of(all);
  const std::vector<float> samples = thinned(all, search_samples);
  Range best = full;
  double least = int8_error(samples, affine_int8(full.low, full.high));
  const auto attempt = [&](double low, double high) {
    const double error = int8_error(samples, affine_int8(low, high));
    if (error < least) {
      least = error;
      best = {low, high};
    }
  };
  const auto share = [](int k) { return 1.0 - (1.0 - least_end) * k / ends; };
  for (int k = 1; k <= ends; ++k) attempt(full.low * share(k), full.high * share(k));
  for (int sweep = 0; sweep < 2; ++sweep) {
    const Range centre = best;
    for (int k = 0; k <= ends; ++k) attempt(full.low * share(k), centre.high);
    const double low = best.low;
    for (int k = 0; k <= ends; ++k) attempt(low, full.high * share(k));
  }
  return affine_int8(best.low, best.high);
}

namespace {

ActivationTable make_table(double low, double high, Activation activation, const format::QuantValue& output,
                           int entries) {
  ActivationTable table;
  const int units = entries / 256;  // of the index, to one of the zero point
  low = std::min(low, 0.0);
  high = std::max(high, 0.0);
  table.index.scale = static_cast<float>(std::max((high - low) / (entries - 1), 0x1p-30));
  table.index.zero_point =
      static_cast<int32_t>(std::clamp(std::nearbyint(-low / table.index.scale / units) - 128.0, -128.0, 127.0));
  const int zero = (table.index.zero_point + 128) * units;
  for (int i = 0; i < entries; ++i)
    table.codes.push_back(code_of(activate(double{table.index.scale} * (i - zero), activation), output));
  return table;
}

double table_error(const std::vector<float>& before, const std::vector<float>& wanted, const ActivationTable& table,
                   const format::QuantValue& output) {
  const int entries = static_cast<int>(table.codes.size());
  const float inverse = 1.0f / table.index.scale;
  const float zero = static_cast<float>((table.index.zero_point + 128) * (entries / 256));
  double sum = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    const float at = round_f32(std::clamp(before[i] * inverse + zero, 0.0f, static_cast<float>(entries - 1)));
    const float shown = static_cast<float>(table.codes[static_cast<size_t>(at)] - output.zero_point) * output.scale;
    sum += double{wanted[i] - shown} * (wanted[i] - shown);
  }
  return sum;
}

}  // namespace

ActivationTable best_table(const std::vector<float>& all, Activation activation, const format::QuantValue& output,
                           int entries) {
  const std::vector<float> before = thinned(all, search_samples);
  std::vector<float> wanted;
  for (float u : before) wanted.push_back(static_cast<float>(activate(u, activation)));
  const Range full = range_of(all);
  ActivationTable best = make_table(full.low, full.high, activation, output, entries);
  double least = table_error(before, wanted, best, output);
  constexpr int shares = 20;
  for (int a = 0; a <= shares; ++a) {
    for (int b = 0; b <= shares / 2; ++b) {
      const double low = full.low * (1.0 - 0.95 * a / shares), high = full.high * (1.0 - 0.6 * b / (shares / 2));
      ActivationTable table = make_table(low, high, activation, output, entries);
      const double error = table_error(before, wanted, table, output);
      if (error >= least) continue;
      least = error;
      best = std::move(table);
    }
  }
  return best;
}

std::vector<int8_t> code_table(Activation activation, const format::QuantValue& input,
                               const format::QuantValue& output) {
  std::vector<int8_t> codes;
  for (int code = -128; code <= 127; ++code)
    codes.push_back(code_of(activate((code - input.zero_point) * double{input.scale}, activation), output));
  return codes;
}

}  // namespace mote::tool
