#include "weights_tool/train/distill_target.h"

#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

std::vector<SamplerRow> rows_of(const Schedule& schedule, Prediction prediction, int steps) {
  const std::vector<float> table = exact_alpha_bar_table(schedule);
  const uint32_t levels = static_cast<uint32_t>(table.size()), count = static_cast<uint32_t>(steps);
  std::vector<int32_t> visited(count);
  for (uint32_t i = 0; i < count; ++i) visited[i] = trailing_timestep(levels, count, i);
  RowOptions options;
  options.prediction = prediction;
  std::vector<SamplerRow> rows(count);
  for (uint32_t i = 0; i < count; ++i) {
    if (make_row_of_schedule(options, table.data(), levels, visited.data(), count, i, &rows[i]) != MOTE_OK) {
      throw Error(ExitCode::invalid_input, "distillation: this schedule has no DDIM step at level " +
                                               std::to_string(visited[i]) + " of " + std::to_string(steps) + " steps");
    }
  }
  return rows;
}

}  // namespace

DistillSteps::DistillSteps(const Schedule& schedule, Prediction prediction, int student_steps, int ratio)
    : ratio_(ratio),
      student_(rows_of(schedule, prediction, student_steps)),
      teacher_(rows_of(schedule, prediction, student_steps * ratio)) {
  if (prediction == Prediction::epsilon) {
    throw Error(ExitCode::invalid_input,
                "distillation: the model predicts epsilon, which says nothing about the picture where all is noise; "
                "train one with prediction v or x0");
  }
}

void DistillSteps::target(int i, const float* x_t, const float* reached, size_t count, float* target) const {
  const SamplerRow& row = student(i);
  const double of_x = static_cast<double>(row.A) * row.a + row.B, of_m = static_cast<double>(row.A) * row.b + row.C;
  for (size_t j = 0; j < count; ++j) target[j] = static_cast<float>((reached[j] - of_x * x_t[j]) / of_m);
}

}  // namespace mote::tool
