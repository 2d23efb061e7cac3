// diffusion/rows.h: rows against the textbook formulas in long double and against diffusers, and sampling
// of a distribution whose best denoiser is known. The update by itself: sampler_update_test.cpp.
#include "diffusion/rows.h"

#include <doctest/doctest.h>

#include <cfloat>
#include <cmath>
#include <vector>

#include "diffusion/noise.h"
#include "tests/diffusion/scheduler_data.h"
#include "weights_tool/diffusion/parameterisation.h"
#include "weights_tool/diffusion/schedules.h"

using namespace mote;

namespace {

constexpr Prediction all_predictions[] = {Prediction::epsilon, Prediction::x0, Prediction::v};
constexpr SamplerKind all_kinds[] = {SamplerKind::ddim, SamplerKind::ddpm, SamplerKind::ddpm_large};

tool::Schedule schedule_of(tool::ScheduleKind kind, int steps = 1000) {
  tool::ScheduleOptions options;
  options.kind = kind;
  options.train_steps = steps;
  return tool::make_schedule(options);
}

std::vector<int32_t> trailing(uint32_t train_steps, uint32_t steps) {
  std::vector<int32_t> t(steps);
  for (uint32_t i = 0; i < steps; ++i) t[i] = trailing_timestep(train_steps, steps, i);
  return t;
}

// The same row from the papers, term by term, in long double. a: alpha_bar, p: alpha_bar of the previous level; the
// differences from 1 are given too, for they are what double precision loses.
struct Row {
  long double a, b, A, B, C, D;
};
Row textbook_row(const RowOptions& o, long double a, long double not_a, long double p, long double not_p) {
  Row r{};
  const long double signal = std::sqrt(a), noise = std::sqrt(not_a);
  if (o.prediction == Prediction::epsilon) r.a = 1 / signal, r.b = -noise / signal;
  if (o.prediction == Prediction::x0) r.a = 0, r.b = 1;
  if (o.prediction == Prediction::v) r.a = signal, r.b = -noise;
  const long double alpha = a / p, beta = p > 0.5L ? (not_a - not_p) / p : (p - a) / p;
  const long double tilde = not_p / not_a * beta;
  if (o.kind != SamplerKind::ddim) {  // Ho et al. 2020, eq. 7
    r.A = std::sqrt(p) * beta / not_a;
    r.B = std::sqrt(alpha) * not_p / not_a;
    r.D = not_p == 0 ? 0 : std::sqrt(o.kind == SamplerKind::ddpm_large ? beta : tilde);
    return r;
  }
  const long double sigma = o.eta * std::sqrt(tilde);  // Song et al. 2021, eq. 16
  const long double along = std::sqrt(std::fmax(not_p - sigma * sigma, 0.0L));
  r.D = sigma;
  if (o.rederive_epsilon) {
    r.A = std::sqrt(p) - along * signal / noise;
    r.B = along / noise;
    return r;
  }
  r.A = std::sqrt(p);
  if (o.prediction == Prediction::epsilon) r.C = along;
  if (o.prediction == Prediction::x0) r.B = along / noise, r.C = -along * signal / noise;
  if (o.prediction == Prediction::v) r.B = along * noise, r.C = along * signal;
  return r;
}

double relative_error(float got, long double want) {
  return static_cast<double>(std::fabs(got - want) / std::fmax(std::fabs(want), 1e-9L));
}

double worst_error(const SamplerRow& row, const Row& want) {
  const double errors[] = {relative_error(row.a, want.a), relative_error(row.b, want.b), relative_error(row.A, want.A),
                           relative_error(row.B, want.B), relative_error(row.C, want.C), relative_error(row.D, want.D)};
  double worst = 0.0;
  for (double e : errors) worst = std::fmax(worst, std::isnan(e) ? HUGE_VAL : e);
  return worst;
}

std::vector<RowOptions> all_options() {
  std::vector<RowOptions> all;
  for (Prediction prediction : all_predictions) {
    for (SamplerKind kind : all_kinds) {
      for (float eta : {0.0f, 0.3f, 1.0f}) {
        for (bool rederive : {false, true}) {
          RowOptions o;
          o.prediction = prediction;
          o.kind = kind;
          o.eta = eta;
          o.rederive_epsilon = rederive;
          all.push_back(o);
        }
      }
    }
  }
  return all;
}

}  // namespace

TEST_CASE("trailing steps begin at the last level, fall, and are those of diffusers") {
  const std::vector<int32_t> four = {999, 749, 499, 249}, three = {999, 666, 332};
  CHECK(trailing(1000, 4) == four);
  CHECK(trailing(1000, 3) == three);
  CHECK(trailing(1000, 10).back() == 99);
  // 1000 * 15 / 16 = 937.5 and 1000 * 13 / 16 = 812.5: ties go to even, as in numpy.
  CHECK(trailing(1000, 16)[1] == 937);
  CHECK(trailing(1000, 16)[3] == 811);
  for (uint32_t train_steps : {1u, 2u, 7u, 100u, 1000u, 16384u}) {
    for (uint32_t steps = 1; steps <= train_steps; steps += 1 + steps / 9) {
      const std::vector<int32_t> t = trailing(train_steps, steps);
      REQUIRE(t.front() == static_cast<int32_t>(train_steps) - 1);
      REQUIRE(t.back() >= 0);
      for (size_t i = 1; i < t.size(); ++i) REQUIRE(t[i] < t[i - 1]);
    }
  }
  CHECK(trailing(1000, 1000).back() == 0);
}

TEST_CASE("leading steps end at the offset") {
  const int32_t five[] = {800, 600, 400, 200, 0}, three[] = {667, 334, 1};
  for (uint32_t i = 0; i < 5; ++i) CHECK(leading_timestep(1000, 5, i, 0) == five[i]);
  for (uint32_t i = 0; i < 3; ++i) CHECK(leading_timestep(1000, 3, i, 1) == three[i]);
  CHECK(leading_timestep(10, 10, 0, 1) == 9);
}

TEST_CASE("rows made in float from the exact table equal the textbook's to a few roundings") {
  const std::vector<RowOptions> options = all_options();
  for (tool::ScheduleKind kind : tool::all_schedules) {
    const tool::Schedule schedule = schedule_of(kind);
    const std::vector<float> table = tool::exact_alpha_bar_table(schedule);
    for (uint32_t steps : {1u, 10u, 50u, 1000u}) {
      const std::vector<int32_t> t = trailing(1000, steps);
      for (const RowOptions& o : options) {
        double worst = 0.0;
        for (uint32_t i = 0; i < steps; ++i) {
          SamplerRow row;
          REQUIRE(make_row_of_schedule(o, table.data(), 1000, t.data(), steps, i, &row) == MOTE_OK);
          const long double at = schedule.alpha_bar[static_cast<size_t>(t[i])];
          const long double to = i + 1 < steps ? schedule.alpha_bar[static_cast<size_t>(t[i + 1])] : 1.0;
          const Row want = textbook_row(o, at, 1 - at, to, 1 - to);
          worst = std::fmax(worst, worst_error(row, want));
          REQUIRE(row.timestep == t[i]);
          REQUIRE(row.H[0] == 0.0f);
          REQUIRE(row.reserved == 0);
        }
        CHECK(worst < 4e-5);  // where alpha_bar is near 1/2, small differences of it have fewer digits
      }
    }
  }
}

TEST_CASE("rows made from the plain alpha_bar table are as good as its last digits") {
  for (tool::ScheduleKind kind : {tool::ScheduleKind::linear, tool::ScheduleKind::cosine}) {
    const tool::Schedule schedule = schedule_of(kind);
    const std::vector<float> table = tool::alpha_bar_table(schedule);
    const std::vector<int32_t> t = trailing(1000, 1000);
    for (const RowOptions& o : all_options()) {
      double worst = 0.0;
      for (uint32_t i = 0; i < 1000; ++i) {
        SamplerRow row;
        REQUIRE(make_row_of_schedule(o, table.data(), 1000, t.data(), 1000, i, &row) == MOTE_OK);
        const long double at = schedule.alpha_bar[static_cast<size_t>(t[i])];
        const long double to = i + 1 < 1000 ? schedule.alpha_bar[static_cast<size_t>(t[i + 1])] : 1.0;
        worst = std::fmax(worst, worst_error(row, textbook_row(o, at, 1 - at, to, 1 - to)));
      }
      CHECK(worst < 2e-3);
    }
  }
}

TEST_CASE("DDIM with eta = 1 over all levels is DDPM with beta-tilde, whichever way epsilon is found") {
  for (tool::ScheduleKind kind : tool::all_schedules) {
    const std::vector<float> table = tool::exact_alpha_bar_table(schedule_of(kind, 200));
    const std::vector<int32_t> t = trailing(200, 200);
    for (Prediction prediction : all_predictions) {
      RowOptions ddpm, ddim;
      ddpm.prediction = ddim.prediction = prediction;
      ddpm.kind = SamplerKind::ddpm;
      ddim.eta = 1.0f;
      for (uint32_t i = 0; i < 200; ++i) {
        SamplerRow want, clipped, raw;
        REQUIRE(make_row_of_schedule(ddpm, table.data(), 200, t.data(), 200, i, &want) == MOTE_OK);
        ddim.rederive_epsilon = true;
        REQUIRE(make_row_of_schedule(ddim, table.data(), 200, t.data(), 200, i, &clipped) == MOTE_OK);
        ddim.rederive_epsilon = false;
        REQUIRE(make_row_of_schedule(ddim, table.data(), 200, t.data(), 200, i, &raw) == MOTE_OK);
        REQUIRE(clipped.A == doctest::Approx(want.A).epsilon(2e-5));
        REQUIRE(clipped.B == doctest::Approx(want.B).epsilon(2e-5));
        REQUIRE(clipped.C == 0.0f);
        REQUIRE(clipped.D == doctest::Approx(want.D).epsilon(2e-5));
        // Without clipping, the raw way is the same linear map of x and m.
        const double scale = 1.0 + std::fabs(want.a) + std::fabs(want.b);
        REQUIRE(std::fabs((double(raw.A) * raw.a + raw.B) - (double(want.A) * want.a + want.B)) < 1e-6 * scale);
        REQUIRE(std::fabs((double(raw.A) * raw.b + raw.C) - (double(want.A) * want.b + want.C)) < 1e-6 * scale);
      }
    }
  }
}

TEST_CASE("the chains of diffusers come out, for both samplers, all predictions, spacings and clippings") {
  const scheduler_data::Data data = scheduler_data::read();
  REQUIRE(data.chains.size() == 21);
  for (const scheduler_data::Chain& chain : data.chains) {
    CAPTURE(chain.id);
    tool::ScheduleOptions schedule_options;
    REQUIRE(tool::find_schedule(chain.schedule, &schedule_options.kind));
    schedule_options.beta_start = chain.beta_start;
    schedule_options.beta_end = chain.beta_end;
    const std::vector<float> table = tool::alpha_bar_table(tool::make_schedule(schedule_options));
    RowOptions o;
    REQUIRE(tool::find_prediction(chain.prediction, &o.prediction));
    o.kind = chain.kind == "ddim"   ? SamplerKind::ddim
             : chain.kind == "ddpm" ? SamplerKind::ddpm
                                    : SamplerKind::ddpm_large;
    o.eta = static_cast<float>(chain.eta);
    o.rederive_epsilon = chain.rederive_epsilon;
    o.clip_hi = chain.clip > 0.0 ? static_cast<float>(chain.clip) : FLT_MAX;
    o.clip_lo = -o.clip_hi;
    std::vector<float> x = data.x_T;
    const uint32_t steps = static_cast<uint32_t>(chain.timesteps.size());
    for (uint32_t i = 0; i < steps; ++i) {
      SamplerRow row;
      // Their DDIM steps to timestep - floor(1000 / steps), which need not be the next of the list.
      const int32_t stride = 1000 / static_cast<int32_t>(steps), to = chain.timesteps[i] - stride;
      const bool listed = i + 1 < steps ? to == chain.timesteps[i + 1] || chain.kind != "ddim" : chain.ends_clean;
      if (listed) {
        REQUIRE(make_row_of_schedule(o, table.data(), 1000, chain.timesteps.data(), steps, i, &row) == MOTE_OK);
      } else {
        const NoiseLevel at = noise_level_from_table(table[static_cast<size_t>(chain.timesteps[i])]);
        const NoiseLevel next = noise_level_from_table(table[static_cast<size_t>(to < 0 ? 0 : to)]);
        REQUIRE(make_row(o, chain.timesteps[i], at, next, &row) == MOTE_OK);
      }
      // diffusers adds noise after the last step if that is not timestep 0; the algorithm of the paper never does.
      if (i + 1 == steps && chain.kind == "ddpm_large" && chain.timesteps[i] > 0) break;
      sampler_update(row, x.data(), data.model_output[i].data(), nullptr, 0, 0, 0, 12, {data.noise[i].data(), 0, 0, 0});
      for (size_t e = 0; e < x.size(); ++e) {
        const double want = chain.previous[i][e];
        CHECK(std::fabs(x[e] - want) < 1e-5 * std::fmax(1.0, std::fabs(want)));
      }
    }
  }
}

TEST_CASE("given the true epsilon, DDIM walks the exact trajectory to the picture over any subset of levels") {
  const tool::Schedule schedule = schedule_of(tool::ScheduleKind::cosine);
  const std::vector<float> table = tool::exact_alpha_bar_table(schedule);
  const double picture = 0.6, epsilon = -1.1;
  for (Prediction prediction : all_predictions) {
    for (bool rederive : {false, true}) {
      RowOptions o;
      o.prediction = prediction;
      o.rederive_epsilon = rederive;
      const std::vector<int32_t> t = {999, 998, 700, 400, 399, 17, 3};
      const uint32_t steps = static_cast<uint32_t>(t.size());
      // Begins where x_t still shows the picture to epsilon prediction: dividing by sqrt(alpha_bar) magnifies rounding.
      const uint32_t first = prediction == Prediction::epsilon ? 2 : 0;
      const auto at = [&](int32_t level) {
        const double a = schedule.alpha_bar[static_cast<size_t>(level)];
        return std::sqrt(a) * picture + std::sqrt(1.0 - a) * epsilon;
      };
      float x = static_cast<float>(at(t[first]));
      for (uint32_t i = first; i < steps; ++i) {
        SamplerRow row;
        REQUIRE(make_row_of_schedule(o, table.data(), 1000, t.data(), steps, i, &row) == MOTE_OK);
        const tool::Mix target = tool::target_mix(prediction, schedule.alpha_bar[static_cast<size_t>(t[i])]);
        const float m = static_cast<float>(target.first * picture + target.second * epsilon);
        sampler_update(row, &x, &m, nullptr, 0, 0, 0, 1, {nullptr, 0, 0, 0});
        REQUIRE(std::fabs(x - (i + 1 < steps ? at(t[i + 1]) : picture)) < 3e-6);
      }
    }
  }
}

TEST_CASE("with the best denoiser of a normal distribution, every sampler draws that distribution") {
  constexpr uint32_t n = 4000;
  const double mean = 0.3, variance = 0.04;
  const tool::Schedule schedule = schedule_of(tool::ScheduleKind::linear);
  const std::vector<float> table = tool::exact_alpha_bar_table(schedule);
  for (SamplerKind kind : all_kinds) {
    for (float eta : {0.0f, 1.0f}) {
      if (kind != SamplerKind::ddim && eta != 0.0f) continue;
      RowOptions o;
      o.prediction = Prediction::x0;
      o.kind = kind;
      o.eta = eta;
      o.clip_lo = -FLT_MAX;
      o.clip_hi = FLT_MAX;
      const uint32_t steps = 1000;  // the fewer, the narrower DDPM's result
      const std::vector<int32_t> t = trailing(1000, steps);
      std::vector<float> x(n), m(n);
      fill_gaussian(x.data(), 0, n, 5, 0, 0, noise_initial);
      for (uint32_t i = 0; i < steps; ++i) {
        const double a = schedule.alpha_bar[static_cast<size_t>(t[i])];
        const double gain = variance * std::sqrt(a) / (a * variance + 1.0 - a);  // E[x0 | x_t] is linear in x_t
        for (uint32_t e = 0; e < n; ++e) m[e] = static_cast<float>(mean + gain * (x[e] - std::sqrt(a) * mean));
        SamplerRow row;
        REQUIRE(make_row_of_schedule(o, table.data(), 1000, t.data(), steps, i, &row) == MOTE_OK);
        sampler_update(row, x.data(), m.data(), nullptr, 0, 0, 0, n, {nullptr, 5, i, 0});
      }
      double sum = 0.0, squares = 0.0;
      for (float v : x) sum += v;
      for (float v : x) squares += (v - sum / n) * (v - sum / n);
      CAPTURE(static_cast<int>(kind));
      CAPTURE(eta);
      CHECK(std::fabs(sum / n - mean) < 0.015);
      CHECK(std::fabs(std::sqrt(squares / n / variance) - 1.0) < 0.06);
    }
  }
}

TEST_CASE("rows that cannot be made are refused, and the row is left alone") {
  const NoiseLevel half{0.5f, 0.5f}, quarter{0.25f, 0.75f};
  SamplerRow row{};
  row.timestep = -7;
  RowOptions o;
  CHECK(make_row(o, 1, half, quarter, &row) == MOTE_E_ARGUMENT);  // noise would grow
  CHECK(make_row(o, 1, clean_level, clean_level, &row) == MOTE_E_ARGUMENT);
  CHECK(make_row(o, 1, {0.0f, 1.0f}, half, &row) == MOTE_E_ARGUMENT);  // epsilon says nothing about x0
  CHECK(make_row(o, 1, {NAN, 0.5f}, half, &row) == MOTE_E_ARGUMENT);
  CHECK(make_row(o, 1, {-0.1f, 1.1f}, half, &row) == MOTE_E_ARGUMENT);
  for (float eta : {-0.5f, 100.0f, NAN, INFINITY}) {
    o.eta = eta;
    CHECK(make_row(o, 1, quarter, half, &row) == MOTE_E_ARGUMENT);
  }
  o = {};
  o.clip_lo = 2.0f;
  CHECK(make_row(o, 1, quarter, half, &row) == MOTE_E_ARGUMENT);
  o = {};
  o.prediction = static_cast<Prediction>(7);
  CHECK(make_row(o, 1, quarter, half, &row) == MOTE_E_ARGUMENT);
  const float table[3] = {0.9f, 0.5f, 0.1f};
  const int32_t outside[2] = {3, 0}, rising[2] = {1, 2}, negative[2] = {2, -1}, good[2] = {2, 0};
  o = {};
  CHECK(make_row_of_schedule(o, table, 3, outside, 2, 0, &row) == MOTE_E_ARGUMENT);
  CHECK(make_row_of_schedule(o, table, 3, rising, 2, 0, &row) == MOTE_E_ARGUMENT);
  CHECK(make_row_of_schedule(o, table, 3, negative, 2, 0, &row) == MOTE_E_ARGUMENT);
  CHECK(make_row_of_schedule(o, table, 3, good, 2, 2, &row) == MOTE_E_ARGUMENT);
  CHECK(row.timestep == -7);
  CHECK(make_row_of_schedule(o, table, 3, good, 2, 0, &row) == MOTE_OK);
  CHECK(row.timestep == 2);
  o.prediction = Prediction::v;
  CHECK(make_row(o, 1, {0.0f, 1.0f}, half, &row) == MOTE_OK);  // v does, also where nothing of the picture is left
}

TEST_CASE("a step to the clean picture adds no noise, with any sampler") {
  for (const RowOptions& o : all_options()) {
    SamplerRow row;
    REQUIRE(make_row(o, 0, {0.9f, 0.1f}, clean_level, &row) == MOTE_OK);
    CHECK(row.A == doctest::Approx(1.0f).epsilon(1e-6));
    CHECK(row.B == 0.0f);
    CHECK(row.C == 0.0f);
    CHECK(row.D == 0.0f);
  }
}
