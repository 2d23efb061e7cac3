#include "weights_tool/train/level_sampler.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "weights_tool/io/error.h"
#include "weights_tool/train/loss.h"

using namespace mote::tool;

namespace {

// Ten losses for each of `levels` levels: loss of level t is t + 1 the first nine times, 2 (t + 1) the last.
LevelSampler trained(int levels) {
  LevelSampler sampler(TimestepSampling::importance, levels);
  for (int round = 0; round < 10; ++round) {
    for (int t = 0; t < levels; ++t) sampler.record(t, (round < 9 ? 1.0 : 2.0) * (t + 1));
  }
  sampler.refresh();
  return sampler;
}

// p_t of Nichol & Dhariwal, eq. 18, with a thousandth spread evenly.
double probability(int t, int levels) {
  double sum = 0;
  for (int k = 1; k <= levels; ++k) sum += k;  // the common factor sqrt((9 + 4) / 10) drops out
  return 0.999 * (t + 1) / sum + 0.001 / levels;
}

}  // namespace

TEST_CASE("levels are drawn alike until every level has ten losses") {
  LevelSampler sampler(TimestepSampling::importance, 20);
  for (int round = 0; round < 10; ++round) {
    for (int t = 0; t < 20; ++t) {
      if (round == 9 && t == 19) continue;
      sampler.record(t, 1 + t);
    }
  }
  sampler.refresh();
  for (const uint32_t lot : {0u, 0x90000000u}) {
    CHECK(sampler.draw(2, 5, lot).t == stratified_timestep(2, 5, 20, lot));
    CHECK(sampler.draw(2, 5, lot).weight == 1);
  }
  sampler.record(19, 3);
  sampler.refresh();
  CHECK(sampler.draw(2, 5, 0).weight != 1);
}

TEST_CASE("levels come as often as their losses say, and their weights take that back") {
  const LevelSampler sampler = trained(8);
  std::vector<int> seen(8);
  const int batch = 100000;
  double weights = 0;
  for (int i = 0; i < batch; ++i) {  // one a stratum: the shares are exact to two strata
    const DrawnLevel level = sampler.draw(i, batch, 0x80000000u);
    ++seen[static_cast<size_t>(level.t)];
    weights += level.weight;
    CHECK(level.weight == doctest::Approx(1 / (8 * probability(level.t, 8))).epsilon(1e-6));
  }
  for (int t = 0; t < 8; ++t) {
    CHECK(std::abs(seen[static_cast<size_t>(t)] - batch * probability(t, 8)) <= 2);
  }
  CHECK(weights / batch == doctest::Approx(1).epsilon(1e-4));  // the mean of any loss stays as it was
}

TEST_CASE("the ends of the batch draw the ends of the levels") {
  const LevelSampler sampler = trained(8);
  CHECK(sampler.draw(0, 3, 0).t == 0);
  CHECK(sampler.draw(2, 3, 0xFFFFFFFFu).t == 7);
  CHECK(sampler.draw(65535, 65536, 0xFFFFFFFFu).t == 7);
}

TEST_CASE("only the last ten losses of a level count") {
  LevelSampler old = trained(4);
  for (int round = 0; round < 9; ++round) old.record(2, 100);
  for (int round = 0; round < 10; ++round) old.record(2, round < 9 ? 3 : 6);
  old.refresh();
  CHECK(old.history() == trained(4).history());
  CHECK(old.draw(1, 3, 77).weight == trained(4).draw(1, 3, 77).weight);
}

TEST_CASE("a history goes over to another sampler; a damaged one is refused") {
  const LevelSampler from = trained(6);
  LevelSampler to(TimestepSampling::importance, 6);
  to.set_history(from.history(), "c");
  for (int i = 0; i < 7; ++i) {
    CHECK(to.draw(i, 7, 12345u).t == from.draw(i, 7, 12345u).t);
    CHECK(to.draw(i, 7, 12345u).weight == from.draw(i, 7, 12345u).weight);
  }
  std::vector<float> bad = from.history();
  bad[3] = -2;
  CHECK_THROWS_AS(to.set_history(bad, "c"), Error);
  bad[3] = std::nanf("");
  CHECK_THROWS_AS(to.set_history(bad, "c"), Error);
  CHECK_THROWS_AS(to.set_history(std::vector<float>(3), "c"), Error);
}

TEST_CASE("uniform sampling keeps nothing") {
  LevelSampler sampler(TimestepSampling::uniform, 20);
  for (int t = 0; t < 20; ++t) sampler.record(t, t);
  sampler.refresh();
  CHECK(sampler.history().empty());
  CHECK(sampler.draw(3, 4, 99).t == stratified_timestep(3, 4, 20, 99));
}
