// Where the ticks of an axis stand and what they say.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "weights_tool/io/plot.h"

namespace mote::tool {

std::vector<double> nice_ticks(double low, double high, int wanted) {
  std::vector<double> out;
  if (!(high > low) || wanted < 1 || !std::isfinite(high - low)) return out;
  const double rough = (high - low) / wanted;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  // Of 1, 2, 5 and 10 the nearest by ratio: the bounds are the geometric means.
  const double ratio = rough / power;
  const double step = power * (ratio < std::sqrt(2.0)    ? 1
                               : ratio < std::sqrt(10.0) ? 2
                               : ratio < std::sqrt(50.0) ? 5
                                                         : 10);
  if (!(step > 0)) return out;  // the interval is narrower than doubles can divide
  // Multiples of the step, counted in whole numbers so that errors do not add up; a hair of slack for ends that are
  // ticks.
  const double first = std::ceil(low / step - 1e-6), last = std::floor(high / step + 1e-6);
  // An interval so narrow beside its values that neighbouring multiples are the same double has no ticks worth showing.
  if (!(std::fabs(first) < 1e15 && std::fabs(last) < 1e15)) return out;
  for (double i = first; i <= last; ++i) out.push_back(i == 0 ? 0.0 : i * step);
  return out;
}

std::vector<double> nice_log_ticks(double low, double high, int wanted) {
  std::vector<double> out;
  if (!(low > 0) || !(high > low) || !std::isfinite(high) || wanted < 1) return out;
  const int first = static_cast<int>(std::ceil(std::log10(low) - 1e-9)),
            last = static_cast<int>(std::floor(std::log10(high) + 1e-9));
  const bool few = last - first + 1 < 3;
  const int stride = std::max(1, (last - first + wanted) / wanted);
  for (int exponent = few ? first - 1 : first; exponent <= last; exponent += few ? 1 : stride) {
    const double power = std::pow(10.0, exponent);
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * power;
      if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) out.push_back(value);
      if (!few) break;
    }
  }
  return out;
}

std::string tick_text(double value, double step) {
  if (value == 0) return "0";
  step = std::fabs(step);
  const double size = std::max(std::fabs(value), step);
  char text[64];
  if (size >= 1e9 || size < 1e-4 || step < 1e-6) {
    // As many digits as tell neighbours apart: the difference of the leading digits' places.
    const auto place = [](double v) { return static_cast<int>(std::floor(std::log10(v) + 1e-9)); };
    const int digits = step > 0 ? std::clamp(place(size) - place(step), 0, 6) : 2;
    std::snprintf(text, sizeof text, "%.*e", digits, value);
    return text;
  }
  const char* unit = "";
  for (const auto& [scale, name] : {std::pair<double, const char*>{1e6, "M"}, {1e3, "k"}}) {
    // The step decides, so that all ticks of an axis are written alike.
    if (step >= scale * (1 - 1e-9)) {
      value /= scale;
      step /= scale;
      unit = name;
      break;
    }
  }
  int decimals = step > 0 ? std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 8) : 2;
  // A step of 2.5 or 0.25 needs one more.
  if (std::fabs(step * std::pow(10.0, decimals) - std::round(step * std::pow(10.0, decimals))) > 1e-6) ++decimals;
  std::snprintf(text, sizeof text, "%.*f%s", decimals, value, unit);
  return text;
}

}  // namespace mote::tool
