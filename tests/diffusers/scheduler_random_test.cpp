// Random configurations: each is either refused with a sentence or gives rows that a model file may hold.
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "diffusion/rows.h"
#include "tests/diffusers/scheduler_support.h"
#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/io/error.h"

namespace mote::test {
namespace {

using namespace mote::tool;

class Chooser {
 public:
  explicit Chooser(unsigned seed) : random_(seed) {}
  template <class T>
  T of(std::initializer_list<T> values) {
    return *(values.begin() + random_() % values.size());
  }
  bool often() { return random_() % 4 != 0; }

 private:
  std::mt19937 random_;
};

Json random_config(Chooser& choose) {
  Json json = Json::object();
  json.set("_class_name", choose.of({"DDPMScheduler", "DDIMScheduler", "EulerDiscreteScheduler", "PNDMScheduler",
                                     "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler", "LCMScheduler",
                                     "DPMSolverMultistepScheduler", "UniPCMultistepScheduler"}));
  const auto maybe = [&](const char* key, const Json& value) {
    if (choose.often()) json.set(key, value);
  };
  const int levels = choose.of({1, 2, 3, 17, 50, 1000});
  maybe("num_train_timesteps", levels);
  maybe("beta_start", choose.of({0.0, 1e-4, 0.02, 1.0}));
  maybe("beta_end", choose.of({0.0, 1e-4, 0.02, 0.999, 1.0}));
  maybe("beta_schedule",
        choose.of({"linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace", "exp", "linear"}));
  maybe("rescale_betas_zero_snr", choose.of({true, false}));
  maybe("timestep_spacing", choose.of({"leading", "linspace", "trailing"}));
  maybe("steps_offset", choose.of({0, 1, 7}));
  maybe("prediction_type", choose.of({"epsilon", "sample", "v_prediction"}));
  maybe("clip_sample", choose.of({true, false}));
  maybe("thresholding", choose.of({true, false, false}));
  maybe("sample_max_value", choose.of({0.5, 1.0, 3.0}));
  maybe("variance_type",
        choose.of({"fixed_small", "fixed_large", "fixed_small_log", "fixed_large_log", "learned", "learned_range"}));
  maybe("set_alpha_to_one", choose.of({true, false}));
  maybe("skip_prk_steps", true);
  maybe(choose.of({"use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas"}),
        choose.of({true, false}));
  if (!choose.often()) json.set("sigma_min", choose.of({0.0, 0.1, 100.0}));
  if (!choose.often()) json.set("sigma_max", choose.of({0.01, 3.0, 1e30}));
  if (!choose.often()) json.set("lambda_min_clipped", choose.of({-5.1, 0.0, 100.0}));
  maybe("final_sigmas_type", choose.of({"zero", "sigma_min"}));
  maybe("solver_order", choose.of({1, 2, 3}));
  maybe("algorithm_type", choose.of({"dpmsolver++", "sde-dpmsolver++", "dpmsolver", "sde-dpmsolver"}));
  maybe("solver_type", choose.of({"midpoint", "heun", "bh1", "bh2"}));
  maybe("predict_x0", choose.of({true, false}));
  maybe("lower_order_final", choose.of({true, false}));
  maybe("interpolation_type", choose.of({"linear", "log_linear"}));
  maybe("original_inference_steps", choose.of({1, 10, 50}));
  return json;
}

void check_rows(const DiffusionInfo& info) {
  double before = static_cast<double>(info.schedule.size()) - 1;
  for (const format::RowRecord& row : info.rows) {
    const double t = row_timestep(row);
    CHECK(row.timestep >= 0);
    CHECK(row.fraction >= 0);
    CHECK(row.fraction < 1);
    CHECK(t <= before);
    before = t;
    for (const float factor : {row.a, row.b, row.A, row.B, row.C, row.D, row.H[0], row.H[1], row.H[2]})
      CHECK(std::isfinite(factor));
    CHECK(row.clip_lo < row.clip_hi);
  }
  for (size_t i = 1; i < info.schedule.size(); ++i) CHECK(info.schedule[i] <= info.schedule[i - 1]);
}

}  // namespace

TEST_CASE("a random configuration is refused, or gives rows that a model may hold") {
  Chooser choose(20240);
  int given = 0;
  for (int i = 0; i < 4000; ++i) {
    const Json json = random_config(choose);
    const int steps = choose.of({1, 2, 3, 5, 16, 50});
    CAPTURE(write_json(json, 0));
    CAPTURE(steps);
    try {
      check_rows(diffusion_of(config_of(json), steps));
      ++given;
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find('\n') == std::string::npos);
    }
  }
  CHECK(given > 400);
}

}  // namespace mote::test
