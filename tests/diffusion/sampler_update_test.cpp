// sampler_update of diffusion/rows.h against a naive twin, bit for bit: slices, noise drawn or given, history, and
// terms that are left out.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "diffusion/noise.h"
#include "diffusion/rows.h"

using namespace mote;

namespace {

// The update as rows.h states it, one element, no history.
float naive_update(const SamplerRow& r, float x, float m, float z) {
  float p = r.a * x + r.b * m;
  if (p < r.clip_lo) p = r.clip_lo;
  if (p > r.clip_hi) p = r.clip_hi;
  float next = r.A * p + r.B * x;
  if (r.C != 0) next += r.C * m;
  if (r.D != 0) next += r.D * z;
  return next;
}

// A step between two levels in every way there is to take it.
std::vector<SamplerRow> some_rows() {
  std::vector<SamplerRow> rows;
  for (Prediction prediction : {Prediction::epsilon, Prediction::x0, Prediction::v}) {
    for (SamplerKind kind : {SamplerKind::ddim, SamplerKind::ddpm, SamplerKind::ddpm_large}) {
      for (float eta : {0.0f, 0.7f}) {
        for (bool rederive : {false, true}) {
          const RowOptions options{prediction, kind, eta, rederive, -1.0f, 1.0f};
          SamplerRow row;
          REQUIRE(make_row(options, 600, {0.3f, 0.7f}, {0.8f, 0.2f}, &row) == MOTE_OK);
          rows.push_back(row);
        }
      }
    }
  }
  return rows;
}

}  // namespace

TEST_CASE("the update equals the stated operations bit for bit, and no slice changes it") {
  constexpr uint32_t n = 67;
  std::vector<float> start(n), m(n), z(n);
  fill_gaussian(start.data(), 0, n, 1, 0, 0, noise_initial);
  fill_gaussian(m.data(), 0, n, 2, 0, 0, noise_initial);
  fill_gaussian(z.data(), 0, n, 9, 4, 6, noise_step);
  for (const SamplerRow& row : some_rows()) {
    std::vector<float> want(n), whole = start, given = start;
    for (uint32_t i = 0; i < n; ++i) want[i] = naive_update(row, start[i], m[i], z[i]);
    sampler_update(row, whole.data(), m.data(), nullptr, 0, 0, 0, n, {nullptr, 9, 4, 6});
    sampler_update(row, given.data(), m.data(), nullptr, 0, 0, 0, n, {z.data(), 0, 0, 0});
    REQUIRE(std::memcmp(whole.data(), want.data(), n * sizeof(float)) == 0);
    REQUIRE(std::memcmp(given.data(), want.data(), n * sizeof(float)) == 0);
    for (uint32_t cut = 0; cut <= n; ++cut) {
      std::vector<float> parts = start;
      sampler_update(row, parts.data() + cut, m.data() + cut, nullptr, 0, 0, cut, n - cut, {nullptr, 9, 4, 6});
      sampler_update(row, parts.data(), m.data(), nullptr, 0, 0, 0, cut, {nullptr, 9, 4, 6});
      REQUIRE(std::memcmp(parts.data(), want.data(), n * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("the history holds the clipped predictions of the steps before, newest first") {
  SamplerRow row{};
  row.b = 1.0f;  // p = clip(m)
  row.H[0] = 1.0f;
  row.H[1] = 10.0f;
  row.H[2] = 100.0f;
  row.clip_lo = -4.0f;
  row.clip_hi = 4.0f;
  const size_t stride = 5;
  float history[3 * stride] = {};
  float x[2] = {0.0f, 0.0f};
  const float outputs[5] = {1.0f, 2.0f, 9.0f, -9.0f, 3.0f};  // clipped: 1 2 4 -4 3
  const float want[5] = {0.0f, 1.0f, 2.0f + 10.0f, 4.0f + 20.0f + 100.0f, -4.0f + 40.0f + 200.0f};
  for (int step = 0; step < 5; ++step) {
    const float m[2] = {outputs[step], -outputs[step]};
    sampler_update(row, x, m, history, 3, stride, 0, 2, {nullptr, 0, 0, 0});
    CHECK(x[0] == want[step]);
    CHECK(x[1] == -want[step]);
    CHECK(history[2] == 0.0f);  // between the planes nothing is touched
  }
  CHECK(history[0] == 3.0f);
  CHECK(history[stride] == -4.0f);
  CHECK(history[2 * stride] == 4.0f);
}

TEST_CASE("a term whose coefficient is zero is left out, whatever it would have multiplied") {
  SamplerRow row{};
  row.A = 1.0f;
  row.a = 1.0f;
  row.clip_lo = -1.0f;
  row.clip_hi = 1.0f;
  const float infinite = std::numeric_limits<float>::infinity();
  float x = 0.5f, history[2] = {infinite, infinite};
  const float m = 0.25f, z = infinite;
  sampler_update(row, &x, &m, history, 2, 1, 0, 1, {&z, 0, 0, 0});
  CHECK(x == 0.5f);
  x = std::numeric_limits<float>::quiet_NaN();
  sampler_update(row, &x, &m, nullptr, 0, 0, 0, 1, {&z, 0, 0, 0});
  CHECK(std::isnan(x));  // clipping does not hide it
}
