// Ticks against what a person would choose; plots by where their colours are.
#include "weights_tool/io/plot.h"

#include <cmath>
#include <limits>

#include "tests/io/support.h"

using namespace mote::tool;

namespace {

std::vector<std::string> texts(const std::vector<double>& ticks, bool log = false) {
  std::vector<std::string> out;
  for (const double tick : ticks) out.push_back(tick_text(tick, log ? tick : ticks[1] - ticks[0]));
  return out;
}
using Texts = std::vector<std::string>;

// Pixels of the first series' colour, as (x, y).
std::vector<std::pair<size_t, size_t>> blue_pixels(const Image& image) {
  std::vector<std::pair<size_t, size_t>> out;
  for (size_t y = 0; y < image.height; ++y) {
    for (size_t x = 0; x < image.width; ++x) {
      const uint8_t* p = image.row(y) + 3 * x;
      if (p[0] == 0 && p[1] == 114 && p[2] == 178) out.emplace_back(x, y);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("ticks are round and inside the interval") {
  CHECK(texts(nice_ticks(0, 1, 5)) == Texts{"0", "0.2", "0.4", "0.6", "0.8", "1.0"});
  CHECK(texts(nice_ticks(0, 999, 5)) == Texts{"0", "200", "400", "600", "800"});
  CHECK(texts(nice_ticks(-0.013, 0.04, 5)) == Texts{"-0.01", "0", "0.01", "0.02", "0.03", "0.04"});
  CHECK(texts(nice_ticks(0, 23451, 5)) == Texts{"0", "5k", "10k", "15k", "20k"});
  CHECK(texts(nice_ticks(2.5e6, 4.2e6, 4)) == Texts{"2500k", "3000k", "3500k", "4000k"});
  CHECK(texts(nice_ticks(0, 4e-7, 4)) == Texts{"0", "1e-07", "2e-07", "3e-07", "4e-07"});
  CHECK(texts(nice_ticks(1e10, 4e10, 3)) == Texts{"1e+10", "2e+10", "3e+10", "4e+10"});
  CHECK(nice_ticks(1, 1, 5).empty());
  CHECK(nice_ticks(2, 1, 5).empty());
  CHECK(nice_ticks(0, std::numeric_limits<double>::infinity(), 5).empty());
  CHECK(nice_ticks(NAN, 1, 5).empty());
  CHECK(nice_ticks(-1e308, 1e308, 5).empty());  // wider than a double
  CHECK(nice_ticks(1, std::nextafter(1, 2), 5).size() < 1000);
}

TEST_CASE("logarithmic ticks are powers of ten, or denser on short axes, or sparser on long ones") {
  CHECK(texts(nice_log_ticks(0.001, 10, 6), true) == Texts{"0.001", "0.01", "0.1", "1", "10"});
  CHECK(texts(nice_log_ticks(0.03, 0.6, 6), true) == Texts{"0.05", "0.1", "0.2", "0.5"});
  CHECK(texts(nice_log_ticks(1e-5, 1e4, 6), true) == Texts{"1e-05", "0.001", "0.1", "10", "1k"});
  CHECK(nice_log_ticks(1e-300, 1e300, 6).size() <= 8);
  CHECK(nice_log_ticks(0, 1, 6).empty());
  CHECK(nice_log_ticks(-1, 1, 6).empty());
}

TEST_CASE("a rising line is drawn from the lower left to the upper right") {
  PlotOptions options;
  options.width = 400;
  options.height = 300;
  PlotSeries series;
  series.x = {0, 1};
  series.y = {0, 1};
  const Image image = render_plot(options, {series});
  CHECK(image.width == 400);
  CHECK(image.height == 300);
  CHECK(image.channels == 3);
  const auto pixels = blue_pixels(image);
  REQUIRE(pixels.size() > 200);
  // Sorted by rows from the top: the first is far right, the last far left.
  CHECK(pixels.front().first > 350);
  CHECK(pixels.back().first < 80);
  CHECK(pixels.front().second < 60);
  CHECK(pixels.back().second > 200);
}

TEST_CASE("a logarithmic axis makes an exponential straight") {
  PlotOptions options;
  options.log_y = true;
  PlotSeries curve, line;
  for (int i = 0; i <= 100; ++i) {
    curve.x.push_back(i);
    curve.y.push_back(std::exp(-0.1 * i));
  }
  line.x = {0, 100};
  line.y = {1, std::exp(-10.0)};
  CHECK(blue_pixels(render_plot(options, {curve})).size() ==
        doctest::Approx(static_cast<double>(blue_pixels(render_plot(options, {line})).size())).epsilon(0.02));
}

TEST_CASE("limits of the y axis hold, whatever the data") {
  PlotOptions options;
  options.y_low = 0;
  options.y_high = 1;
  PlotSeries series;
  series.x = {0, 1, 2};
  series.y = {0.5, 1e9, 0.5};
  for (const auto& [x, y] : blue_pixels(render_plot(options, {series}))) {
    CHECK(y >= 14);
    CHECK(x < 880);
  }
}

TEST_CASE("gaps, empty series and odd values never fail and leave a plot") {
  const double inf = std::numeric_limits<double>::infinity();
  std::vector<std::vector<PlotSeries>> cases(1);
  cases.push_back({PlotSeries{}});
  cases.push_back({PlotSeries{"one", {1}, {1}}});
  cases.push_back({PlotSeries{"flat", {1, 2, 3}, {5, 5, 5}}});
  cases.push_back({PlotSeries{"zeros", {0, 0, 0}, {0, 0, 0}}});
  cases.push_back({PlotSeries{"odd", {1, 2, NAN, 4, inf, 6}, {1, NAN, 3, -inf, 5, 6}}});
  cases.push_back({PlotSeries{"uneven", {1, 2, 3}, {1}}});
  cases.push_back({PlotSeries{"huge", {-1e308, 1e308}, {-1e308, 1e308}}});
  cases.push_back({PlotSeries{"tiny", {0, 5e-324}, {5e-324, 0}}});
  cases.push_back({PlotSeries{"negative", {0, 1}, {-1, -2}}});
  cases.push_back(std::vector<PlotSeries>(30, PlotSeries{"a rather long name for a series", {0, 1}, {0, 1}}));
  for (const auto& series : cases) {
    for (const bool log : {false, true}) {
      PlotOptions options;
      options.title = "title";
      options.x_label = "x";
      options.y_label = "y";
      options.width = 300;
      options.height = 200;
      options.log_y = log;
      CHECK(render_plot(options, series).pixels.size() == 300u * 200u * 3u);
    }
  }
}

TEST_CASE("thinning a dense curve does not change what is seen of it") {
  PlotOptions options;
  options.width = 300;
  options.height = 200;
  PlotSeries dense, extremes;
  for (int i = 0; i < 200000; ++i) {
    dense.x.push_back(i);
    dense.y.push_back(i % 2);
  }
  const auto pixels = blue_pixels(render_plot(options, {dense}));
  // The whole band between 0 and 1 is covered.
  CHECK(pixels.size() > 200u * 120u);
}
