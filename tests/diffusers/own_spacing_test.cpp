// The levels that DPM-Solver++ and UniPC visit on a model of mote's own.
#include <doctest/doctest.h>

#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/diffusers/scheduler_visits.h"
#include "weights_tool/diffusion/schedules.h"

using namespace mote;
using namespace mote::tool;

namespace {

DiffusionInfo own_model() {
  ScheduleOptions options;
  options.kind = ScheduleKind::cosine;
  DiffusionInfo info;
  info.schedule = exact_alpha_bar_table(make_schedule(options));
  return info;
}

}  // namespace

TEST_CASE("the multistep samplers visit 1000 (1 - i/10)^0.8 - 1, rounded, and end at the clean picture") {
  const DiffusionInfo info = own_model();
  for (const char* name : {"dpmpp-2m", "dpmpp-2m-sde", "unipc"}) {
    const SchedulerConfig config = scheduler_config_of(info, Prediction::v, name);
    const SchedulerVisits visits = scheduler_visits(config, info.schedule, 10);
    CHECK(visits.timesteps == std::vector<double>{999, 918, 836, 751, 664, 573, 479, 381, 275, 157});
    CHECK(visits.sigmas.back() == 0);
    const format::RowRecord last = scheduler_rows(config, 10).back();
    CHECK(last.A == doctest::Approx(1));  // what is left is the predicted picture
    CHECK(last.B == doctest::Approx(0).epsilon(1e-6));
    CHECK(last.D == 0);
  }
}

TEST_CASE("any number of steps begins at the last level, never rises, and visits no level twice") {
  const DiffusionInfo info = own_model();
  const SchedulerConfig config = scheduler_config_of(info, Prediction::v, "dpmpp-2m");
  for (const int steps : {1, 2, 3, 10, 100, 499, 500, 501, 1000}) {
    const std::vector<double> timesteps = scheduler_visits(config, info.schedule, steps).timesteps;
    REQUIRE(timesteps.size() == static_cast<size_t>(steps));
    CHECK(timesteps.front() == 999);
    CHECK(timesteps.back() >= 0);
    for (size_t i = 1; i < timesteps.size(); ++i) REQUIRE(timesteps[i] < timesteps[i - 1]);
  }
}
