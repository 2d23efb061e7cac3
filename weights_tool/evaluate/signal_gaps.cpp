#include "weights_tool/evaluate/signal_gaps.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "diffusion/noise.h"

namespace mote::tool {
namespace {

// A window for each gap and draw, and where it begins in the signal.
struct Windows {
  std::vector<size_t> starts;
  std::vector<float> known;  // [gaps][width]
  std::vector<bool> inside;  // of the gap
};

Windows windows_around(const std::vector<double>& y, const std::vector<Gap>& gaps, size_t width) {
  Windows out;
  for (const Gap& gap : gaps) {
    if (gap.begin >= gap.end || gap.end > y.size() || gap.end - gap.begin >= width || width > y.size())
      throw std::invalid_argument("a gap that fits into no window");
    const size_t middle = (gap.begin + gap.end) / 2, half = width / 2;
    const size_t start = std::min(middle > half ? middle - half : 0, y.size() - width);
    out.starts.push_back(start);
    for (size_t i = 0; i < width; ++i) {
      const bool inside = start + i >= gap.begin && start + i < gap.end;
      out.inside.push_back(inside);
      out.known.push_back(inside ? 0.0f : static_cast<float>(y[start + i]));
    }
  }
  return out;
}

}  // namespace

std::vector<double> fill_gaps(const SignalModel& model, const std::vector<double>& y, const std::vector<Gap>& gaps,
                              const GapOptions& options) {
  const size_t width = model.width(), each = gaps.size() * width, draws = static_cast<size_t>(options.draws);
  const Windows windows = windows_around(y, gaps, width);
  const std::vector<size_t> visited = model.spread(options.steps, options.highest, options.lowest);
  std::vector<float> x0, x(draws * each), z(x.size());
  for (size_t step = 0; step < visited.size(); ++step) {
    // Noise of this level on the x0 so far; at first there is none but what is known.
    const SignalModel::Level& level = model.levels()[visited[step]];
    fill_gaussian(z.data(), 0, static_cast<uint32_t>(z.size()), options.seed, static_cast<uint32_t>(step), 0,
                  noise_step);
    for (size_t i = 0; i < x.size(); ++i) {
      const double from = static_cast<double>(step == 0 ? windows.known[i % each] : x0[i]);
      x[i] = static_cast<float>(level.signal * from + level.noise * static_cast<double>(z[i]));
    }
    x0 = model.predict(x, visited[step]);
    for (size_t i = 0; i < x0.size(); ++i) {
      if (!windows.inside[i % each]) x0[i] = windows.known[i % each];
    }
  }
  std::vector<double> out = y;
  for (size_t k = 0; k < gaps.size(); ++k) {
    for (size_t at = gaps[k].begin; at < gaps[k].end; ++at) {
      double sum = 0;
      for (size_t d = 0; d < draws; ++d) sum += static_cast<double>(x0[d * each + k * width + at - windows.starts[k]]);
      out[at] = sum / static_cast<double>(draws);
    }
  }
  return out;
}

std::vector<double> fill_linear(const std::vector<double>& y, const std::vector<Gap>& gaps) {
  std::vector<double> out = y;
  for (const Gap& gap : gaps) {
    const double before = gap.begin > 0 ? y[gap.begin - 1] : y[gap.end];
    const double behind = gap.end < y.size() ? y[gap.end] : before;
    const double length = static_cast<double>(gap.end - gap.begin + 1);
    for (size_t i = gap.begin; i < gap.end; ++i)
      out[i] = before + (behind - before) * static_cast<double>(i - gap.begin + 1) / length;
  }
  return out;
}

std::vector<double> fill_from_template(const std::vector<double>& y, const std::vector<Gap>& gaps, size_t context,
                                       size_t reach) {
  std::vector<size_t> missing(y.size() + 1, 0);  // samples in gaps before each place
  std::vector<bool> in_gap(y.size(), false);
  for (const Gap& gap : gaps)
    std::fill(in_gap.begin() + static_cast<std::ptrdiff_t>(gap.begin),
              in_gap.begin() + static_cast<std::ptrdiff_t>(gap.end), true);
  for (size_t i = 0; i < y.size(); ++i) missing[i + 1] = missing[i] + (in_gap[i] ? 1 : 0);
  std::vector<double> out = y;
  for (const Gap& gap : gaps) {
    const size_t length = gap.end - gap.begin + 2 * context;
    if (gap.begin < context || gap.end + context > y.size()) throw std::invalid_argument("a gap near the end");
    const size_t own = gap.begin - context;
    const size_t last = std::min(own + reach, y.size() - length);
    double least = INFINITY, best_shift = 0;
    size_t best = own;
    for (size_t at = own > reach ? own - reach : 0; at <= last; ++at) {
      if (missing[at + length] != missing[at]) continue;
      double sum = 0, squares = 0;
      for (size_t i = 0; i < length; ++i) {
        if (i >= context && i < length - context) continue;
        const double d = y[own + i] - y[at + i];
        sum += d;
        squares += d * d;
      }
      const double n = static_cast<double>(2 * context), variance = squares - sum * sum / n;
      if (variance >= least) continue;
      least = variance;
      best = at;
      best_shift = sum / n;
    }
    if (least == INFINITY) throw std::invalid_argument("no stretch without a gap in reach");
    for (size_t i = gap.begin; i < gap.end; ++i) out[i] = y[best + (i - own)] + best_shift;
  }
  return out;
}

double gap_error(const std::vector<double>& clean, const std::vector<double>& filled, const std::vector<Gap>& gaps) {
  double sum = 0, count = 0;
  for (const Gap& gap : gaps) {
    for (size_t i = gap.begin; i < gap.end; ++i) {
      sum += (filled[i] - clean[i]) * (filled[i] - clean[i]);
      count += 1;
    }
  }
  return std::sqrt(sum / count);
}

}  // namespace mote::tool
