// Gaps in lines, in periodic signals, and in what a model knows.
#include "weights_tool/evaluate/signal_gaps.h"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "tests/evaluate/signal_models.h"

using namespace mote::tool;

namespace {

std::vector<double> with_holes(std::vector<double> signal, const std::vector<Gap>& gaps) {
  for (const Gap& gap : gaps) {
    for (size_t i = gap.begin; i < gap.end; ++i) signal[i] = 99;
  }
  return signal;
}

}  // namespace

TEST_CASE("a line goes through its neighbours") {
  std::vector<double> line(50);
  for (size_t i = 0; i < 50; ++i) line[i] = 2 - 0.5 * static_cast<double>(i);
  const std::vector<Gap> gaps = {{5, 6}, {20, 33}};
  CHECK(gap_error(line, fill_linear(with_holes(line, gaps), gaps), gaps) < 1e-12);
  CHECK(fill_linear({1, 99, 99}, {{1, 3}}) == std::vector<double>{1, 1, 1});
  CHECK(fill_linear({99, 4, 5}, {{0, 1}}) == std::vector<double>{4, 4, 5});
}

TEST_CASE("a template is another period, moved to the height of the gap") {
  std::vector<double> periodic(600);
  for (size_t i = 0; i < periodic.size(); ++i)
    periodic[i] = static_cast<double>(i % 60 * (i % 60) % 17) + (i >= 300 ? 5.0 : 0.0);
  const std::vector<Gap> gaps = {{130, 150}, {430, 445}};
  CHECK(gap_error(periodic, fill_from_template(with_holes(periodic, gaps), gaps, 20, 90), gaps) < 1e-9);
  CHECK_THROWS_AS(fill_from_template(periodic, {{10, 20}}, 20, 90), std::invalid_argument);
  CHECK_THROWS_AS(fill_from_template(periodic, {{30, 40}}, 20, 0), std::invalid_argument);
}

TEST_CASE("a model that knows sines goes on with one through a gap, and leaves the rest") {
  const test::SineModel model(128, 4, {10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01});
  const std::vector<double> clean = test::sine(4, 128, 640);
  const std::vector<Gap> gaps = {{10, 30}, {300, 330}, {600, 630}};
  const std::vector<double> y = with_holes(clean, gaps);
  GapOptions options;
  options.draws = 2;
  options.highest = 10;
  options.lowest = 0.01;
  const std::vector<double> filled = fill_gaps(model, y, gaps, options);
  CHECK(gap_error(clean, filled, gaps) < 0.02);
  CHECK(filled[299] == y[299]);
  CHECK(filled == fill_gaps(model, y, gaps, options));
  CHECK_THROWS_AS(fill_gaps(model, y, {{0, 128}}, options), std::invalid_argument);
}

TEST_CASE("the error is counted inside of gaps only") {
  CHECK(gap_error({0, 0, 0, 0}, {9, 3, 4, 9}, {{1, 3}}) == doctest::Approx(std::sqrt(12.5)));
}
