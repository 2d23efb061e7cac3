// Trajectories against the double-precision twin, and their continuation: save, restore, bounded runs.
#include "diffusion/sampler.h"

#include <doctest/doctest.h>

#include <cfloat>
#include <cmath>

#include "diffusion/noise.h"
#include "tests/support/sampler_fixture.h"
#include "tests/support/twin.h"

namespace mote::test {
namespace {

std::vector<double> as_doubles(const std::vector<float>& values) { return {values.begin(), values.end()}; }

double largest_difference(const std::vector<float>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  double largest = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double difference = std::fabs(static_cast<double>(got[i]) - expected[i]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

// Every step is checked by itself, from the sampler's own x_t, so that differences cannot grow along the way.
void check_ddim(const Builder& builder, const mote_config& config, const std::vector<int>& timesteps,
                uint32_t class_row, double eta) {
  const OpenModel model(builder);
  TestSampler sampler(model, config);
  const uint32_t count = static_cast<uint32_t>(sampler.elements);
  CHECK(largest_difference(sampler.x(), twin_noise(count, config.seed, 0, config.sample_index, noise_initial)) == 0);
  for (size_t i = 0; i < timesteps.size(); ++i) {
    const std::vector<double> x = as_doubles(sampler.x());
    const size_t t = static_cast<size_t>(timesteps[i]);
    const std::vector<double> output = twin_predict(builder, x, timesteps[i], class_row);
    const double previous =
        i + 1 < timesteps.size() ? static_cast<double>(builder.schedule[static_cast<size_t>(timesteps[i + 1])]) : 1.0;
    const std::vector<double> z =
        twin_noise(count, config.seed, static_cast<uint32_t>(i), config.sample_index, noise_step);
    mote_progress progress = {};
    progress.struct_size = sizeof progress;
    REQUIRE(mote_sampler_get_progress(sampler, &progress) == MOTE_OK);
    CHECK(progress.timestep == t);
    CHECK(mote_sampler_step(sampler) == (i + 1 < timesteps.size() ? MOTE_PENDING : MOTE_OK));
    const bool rederive = (builder.model.flags & format::model_rederive_epsilon) != 0;
    CHECK(largest_difference(sampler.x(), twin_ddim_step(builder, x, output, static_cast<double>(builder.schedule[t]),
                                                         previous, eta, z, rederive)) < 5e-5);
  }
  CHECK(sampler.guard_intact());
}

// Stored rows that use a history of two, the rest as plain as can be.
Builder with_history() {
  Builder b = every_operator();
  b.model.history = 2;
  for (int i = 0; i < 4; ++i) {
    format::RowRecord row{};
    row.timestep = 18 - 5 * i;
    row.a = 0.5f;
    row.b = -0.75f;
    row.A = 0.5f;
    row.B = 0.25f;
    row.C = i == 1 ? 0.125f : 0.0f;
    row.D = i == 2 ? 0.5f : 0.0f;
    row.H[0] = i >= 1 ? 0.25f : 0.0f;
    row.H[1] = i >= 2 ? -0.5f : 0.0f;
    row.clip_lo = -0.5f;
    row.clip_hi = 0.75f;
    b.rows.push_back(row);
  }
  return b;
}

}  // namespace

TEST_CASE("DDIM over the default steps follows eq. 12 of Song et al., for every prediction and clipping") {
  for (uint32_t prediction : {0u, 1u, 2u}) {
    for (uint32_t flags : {0u, format::model_clip, format::model_clip | format::model_rederive_epsilon}) {
      Builder builder = every_operator();
      builder.model.prediction = prediction;
      builder.model.flags = flags;
      mote_config config = config_of();
      config.class_label = 2;
      check_ddim(builder, config, {19, 14, 9, 4}, 2, 0);
    }
  }
}

TEST_CASE("DDIM takes any steps, eta, sample and no class") {
  mote_config config = config_of();
  config.eta = 0.7f;
  config.sample_index = 5;
  config.class_label = MOTE_NO_CLASS;
  const int32_t timesteps[] = {17, 16, 9, 2, 0};
  config.timesteps = timesteps;
  config.steps = 5;
  check_ddim(every_operator(), config, {17, 16, 9, 2, 0}, 3, static_cast<double>(config.eta));
}

TEST_CASE("DDPM is DDIM with eta 1 where nothing is clipped (Song et al., section 4.1)") {
  Builder builder = every_operator();
  builder.model.flags = 0;
  mote_config config = config_of();
  config.method = MOTE_METHOD_DDPM;
  check_ddim(builder, config, {19, 14, 9, 4}, 0, 1);
  config.steps = 20;
  std::vector<int> all(20);
  for (int i = 0; i < 20; ++i) all[static_cast<size_t>(i)] = 19 - i;
  check_ddim(builder, config, all, 0, 1);
}

TEST_CASE("DDPM with sigma^2 = beta has the mean of the other and more noise") {
  const Builder builder = every_operator();
  const OpenModel model(builder);
  mote_config config = config_of();
  config.method = MOTE_METHOD_DDPM;
  TestSampler small(model, config);
  config.method = MOTE_METHOD_DDPM_LARGE;
  TestSampler large(model, config);
  mote_sampler_step(small);
  mote_sampler_step(large);
  const double now = static_cast<double>(builder.schedule[19]), next = static_cast<double>(builder.schedule[14]);
  const double beta = 1 - now / next, beta_tilde = beta * (1 - next) / (1 - now);
  const uint32_t count = static_cast<uint32_t>(small.elements);
  const std::vector<double> z = twin_noise(count, config.seed, 0, 0, noise_step);
  std::vector<double> expected = as_doubles(small.x());
  for (size_t i = 0; i < count; ++i) expected[i] += (std::sqrt(beta) - std::sqrt(beta_tilde)) * z[i];
  CHECK(largest_difference(large.x(), expected) < 1e-5);
}

TEST_CASE("stored rows are used as they are, with their history") {
  const Builder builder = with_history();
  const OpenModel model(builder);
  mote_config config = config_of();
  TestSampler sampler(model, config);
  const uint32_t count = static_cast<uint32_t>(sampler.elements);
  std::vector<std::vector<double>> history;
  for (uint32_t i = 0; i < 4; ++i) {
    const format::RowRecord& row = builder.rows[i];
    const std::vector<double> x = as_doubles(sampler.x());
    const std::vector<double> m = twin_predict(builder, x, row.timestep, 0);
    const std::vector<double> z = twin_noise(count, config.seed, i, 0, noise_step);
    std::vector<double> expected, predicted;
    for (size_t e = 0; e < count; ++e) {
      const double p = std::min(0.75, std::max(-0.5, 0.5 * x[e] - 0.75 * m[e]));
      double next = 0.5 * p + 0.25 * x[e] + static_cast<double>(row.C) * m[e] + static_cast<double>(row.D) * z[e];
      for (size_t k = 0; k < 2 && k < history.size(); ++k) next += static_cast<double>(row.H[k]) * history[k][e];
      expected.push_back(next);
      predicted.push_back(p);
    }
    history.insert(history.begin(), predicted);
    mote_sampler_step(sampler);
    CHECK(largest_difference(sampler.x(), expected) < 5e-5);
  }
  CHECK(sampler.guard_intact());
}

TEST_CASE("of an output with a learned variance the first half is used, and predict gives all of it") {
  Builder narrow(4, 4, 3, 10, 2), wide(4, 4, 3, 10, 2);
  const uint32_t y = narrow.activation({4, 4, 3});
  narrow.conv({0}, y, 1, 1, 0);
  narrow.model.output_tensor = y;
  wide.model.out_channels = 6;
  const uint32_t both = wide.activation({4, 4, 6});
  wide.conv({0}, both, 1, 1, 0);
  wide.model.output_tensor = both;
  // The first three output channels of `wide` get the weights of `narrow`.
  const auto copy = [&](uint32_t to, uint32_t from) {
    memcpy(wide.data.data() + wide.tensors[to].offset, narrow.data.data() + narrow.tensors[from].offset,
           narrow.tensors[from].bytes);
  };
  copy(wide.operators[0].weights, narrow.operators[0].weights);
  copy(wide.operators[0].bias, narrow.operators[0].bias);
  const OpenModel narrow_model(narrow), wide_model(wide);
  TestSampler a(narrow_model, config_of()), b(wide_model, config_of());
  const std::vector<float> x = a.x();
  CHECK(a.finish() == b.finish());
  std::vector<float> three(48), six(96);
  CHECK(mote_sampler_predict(a, x.data(), 3, 0, three.data(), three.size()) == MOTE_OK);
  CHECK(mote_sampler_predict(b, x.data(), 3, 0, six.data(), six.size()) == MOTE_OK);
  CHECK(mote_sampler_predict(b, x.data(), 3, 0, six.data(), 95) == MOTE_E_BUFFER_TOO_SMALL);
  for (size_t i = 0; i < 48; ++i) CHECK(three[i] == six[i / 3 * 6 + i % 3]);
}

TEST_CASE("a trajectory interrupted at any step goes on with the same bytes, in another sampler too") {
  for (const Builder& builder : {every_operator(), with_history()}) {
    const OpenModel model(builder);
    mote_config config = config_of();
    config.class_label = 1;
    config.sample_index = 3;
    TestSampler whole(model, config);
    std::vector<std::vector<float>> path = {whole.x()};
    std::vector<std::vector<uint8_t>> blocks = {whole.saved()};
    for (int i = 0; i < 4; ++i) {
      mote_sampler_step(whole);
      path.push_back(whole.x());
      blocks.push_back(whole.saved());
    }
    // Seed, index and class come from the block.
    mote_config other = config;
    other.seed = 99;
    other.sample_index = 8;
    other.class_label = 2;
    for (size_t at = 0; at < blocks.size(); ++at) {
      TestSampler resumed(model, other);
      mote_sampler_run(resumed, 3000);  // somewhere inside a step
      REQUIRE(mote_sampler_restore(resumed, blocks[at].data(), blocks[at].size()) == MOTE_OK);
      CHECK(resumed.saved() == blocks[at]);
      CHECK(resumed.x() == path[at]);
      for (size_t i = at + 1; i < path.size(); ++i) {
        mote_sampler_step(resumed);
        CHECK(resumed.x() == path[i]);
        CHECK(resumed.saved() == blocks[i]);
      }
      CHECK(mote_sampler_step(resumed) == MOTE_OK);
      CHECK(resumed.x() == path.back());
      CHECK(resumed.guard_intact());
    }
  }
}

TEST_CASE("what is saved inside a step is the last finished step") {
  const OpenModel model(with_history());
  TestSampler sampler(model, config_of());
  mote_sampler_step(sampler);
  const std::vector<uint8_t> block = sampler.saved();
  uint32_t calls = 0;
  mote_progress progress = {};
  progress.struct_size = sizeof progress;
  for (;;) {
    mote_sampler_run(sampler, 1);
    REQUIRE(mote_sampler_get_progress(sampler, &progress) == MOTE_OK);
    if (progress.step == 2) break;
    ++calls;
    REQUIRE(sampler.saved() == block);
  }
  CHECK(calls > 20);
  CHECK(sampler.saved() != block);
}

TEST_CASE("bounded runs of any size draw the same picture") {
  const OpenModel model(with_history());
  TestSampler whole(model, config_of());
  const std::vector<float> expected = whole.finish();
  for (uint64_t work : {0u, 1u, 1000u, 33333u, 1000000000u}) {
    TestSampler sampler(model, config_of());
    uint64_t last = 0;
    mote_progress progress = {};
    progress.struct_size = sizeof progress;
    for (;;) {
      const mote_status status = mote_sampler_run(sampler, work);
      REQUIRE(mote_sampler_get_progress(sampler, &progress) == MOTE_OK);
      REQUIRE(progress.work > last);
      last = progress.work;
      if (status == MOTE_OK) break;
      REQUIRE(status == MOTE_PENDING);
      REQUIRE(progress.work < progress.work_total);
    }
    CHECK(progress.work == progress.work_total);
    CHECK(progress.step == progress.steps);
    CHECK(progress.timestep == 0);
    CHECK(sampler.x() == expected);
    CHECK(sampler.guard_intact());
  }
}

TEST_CASE("samplers that take turns do not disturb each other") {
  const OpenModel model(every_operator());
  mote_config first = config_of(), second = config_of();
  second.sample_index = 1;
  second.class_label = 2;
  TestSampler alone_a(model, first), alone_b(model, second), a(model, first), b(model, second);
  const std::vector<float> expected_a = alone_a.finish(), expected_b = alone_b.finish();
  mote_status status_a = MOTE_PENDING, status_b = MOTE_PENDING;
  while (status_a == MOTE_PENDING || status_b == MOTE_PENDING) {
    status_a = mote_sampler_run(a, 2000);
    status_b = mote_sampler_run(b, 900);
  }
  CHECK(a.x() == expected_a);
  CHECK(b.x() == expected_b);
  CHECK(expected_a != expected_b);
}

TEST_CASE("restart is a new sampler") {
  const OpenModel model(with_history());
  mote_config config = config_of();
  TestSampler sampler(model, config);
  sampler.finish();
  config.seed = 21;
  config.sample_index = 2;
  config.class_label = 1;
  TestSampler fresh(model, config);
  REQUIRE(mote_sampler_restart(sampler, 21, 2, 1) == MOTE_OK);
  CHECK(sampler.saved() == fresh.saved());
  mote_sampler_run(sampler, 5000);
  REQUIRE(mote_sampler_restart(sampler, 21, 2, 1) == MOTE_OK);
  CHECK(sampler.finish() == fresh.finish());
}

TEST_CASE("pictures of a batch are those of samplers of their own") {
  const OpenModel model(every_operator());
  mote_config config = config_of();
  TestSampler one(model, config);
  for (uint32_t i = 0; i < 3; ++i) {
    config.sample_index = i;
    TestSampler own(model, config);
    REQUIRE(mote_sampler_restart(one, config.seed, i, 0) == MOTE_OK);
    CHECK(one.finish() == own.finish());
  }
}

TEST_CASE("predict runs the network without touching the trajectory") {
  const Builder builder = every_operator();
  const OpenModel model(builder);
  TestSampler sampler(model, config_of());
  mote_sampler_step(sampler);
  const std::vector<uint8_t> before = sampler.saved();
  std::vector<float> x(sampler.elements), out(sampler.elements);
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::cos(static_cast<float>(i));
  REQUIRE(mote_sampler_predict(sampler, x.data(), 7.5f, MOTE_NO_CLASS, out.data(), out.size()) == MOTE_OK);
  CHECK(largest_difference(out, twin_predict(builder, as_doubles(x), 7.5, 3)) < 2e-5);
  CHECK(sampler.saved() == before);
  std::vector<float> same = x;  // in place
  REQUIRE(mote_sampler_predict(sampler, same.data(), 7.5f, MOTE_NO_CLASS, same.data(), same.size()) == MOTE_OK);
  CHECK(same == out);
  CHECK(sampler.saved() == before);
}

}  // namespace mote::test
