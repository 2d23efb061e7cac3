#include "weights_tool/quantize/quantize.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "weights_tool/graph/plan_rewrite.h"
#include "weights_tool/quantize/bias.h"
#include "weights_tool/quantize/split_activations.h"

namespace mote::tool {
namespace {

Json noise_json(const std::vector<LayerNoise>& layers) {
  Json out = Json::object();
  for (const LayerNoise& layer : layers) {
    Json steps = Json::array();
    for (double decibel : layer.decibel) steps.push(std::round(decibel * 10) / 10);
    out.set(layer.name, std::move(steps));
  }
  return out;
}

Json quantization_json(const QuantizeOptions& options, const QuantizedModel& model) {
  Json out = Json::object();
  out.set("pictures", options.calibration.pictures)
      .set("seed", static_cast<unsigned long long>(options.calibration.seed))
      .set("scales", options.graph.per_step ? "per-step" : "shared")
      .set("table_entries", options.graph.table_entries)
      .set("bias_correction", model.bias_corrected)
      .set("time", model.keeps_network ? "network" : "folded");
  if (!model.noise.empty()) out.set("snr_db", noise_json(model.noise));
  return out;
}

Progress::Config progress_of(const QuantizeOptions& options) {
  Progress::Config config = Progress::system();
  if (options.quiet) config.print = [](const std::string&) {};
  return config;
}

// The file's size does not depend on where the plan puts things.
size_t file_bytes(const Graph& graph, const DiffusionInfo& info, const Json& meta) {
  PlanOptions quick;
  quick.reorder = false;
  quick.placements = 1;
  return write_model(graph, plan_memory(graph, 4, quick), info, meta).size();
}

// Quantizes in the form that was asked for, or in both, and keeps the one whose file is smaller.
void choose_form(const Graph& graph, const Observations& seen, const TimeFold& fold, const QuantizeOptions& options,
                 QuantizedModel& model) {
  GraphOptions form = options.graph;
  if (options.time != TimeForm::network) {
    form.keep_network = false;
    model.quantized = quantize_graph(graph, seen, fold, form);
    model.folded_bytes = file_bytes(model.quantized.graph, model.diffusion, Json());
  }
  if (options.time == TimeForm::folded || (options.time == TimeForm::smaller && !fold.keepable)) return;
  form.keep_network = true;
  QuantizedGraph kept = quantize_graph(graph, seen, fold, form);
  model.network_bytes = file_bytes(kept.graph, model.diffusion, Json());
  if (options.time == TimeForm::smaller && model.network_bytes >= model.folded_bytes) return;
  model.keeps_network = true;
  model.quantized = std::move(kept);
}

// Of the network's output, the mean over the steps.
double output_decibel(const std::vector<LayerNoise>& noise) {
  double sum = 0;
  for (double decibel : noise.back().decibel) sum += decibel;
  return sum / static_cast<double>(noise.back().decibel.size());
}

// Corrects biases and keeps the result if the output came nearer to the float network's. In deep networks, where several
// operators in a row are corrected in one pass, each may count the errors before it again. pass: x_t in one pass.
void correct(const Comparison& comparison, uint64_t pass, const QuantizeOptions& options, QuantizedModel& model) {
  const uint64_t passes = static_cast<uint64_t>(bias_passes(model.quantized.graph));
  Progress progress("correct", pass * (passes + 2), "passes", 0, progress_of(options));
  const double before = output_decibel(measure_noise(comparison, model.quantized, progress));
  QuantizedGraph corrected = model.quantized;
  correct_biases(comparison, corrected, pass, progress);
  const double after = output_decibel(measure_noise(comparison, corrected, progress));
  progress.finish();
  model.bias_corrected = after > before;
  if (model.bias_corrected) model.quantized = std::move(corrected);
}

}  // namespace

QuantizedModel quantize_model(const Graph& float_graph, const DiffusionInfo& info, const Json& meta,
                              const QuantizeOptions& options) {
  Graph graph = float_graph;
  split_activations(graph);
  QuantizedModel model;
  model.diffusion = info;
  if (options.steps != info.default_steps) {
    model.diffusion.default_steps = options.steps;
    model.diffusion.rows.clear();
  }
  const std::vector<format::RowRecord> rows = default_rows(model.diffusion, graph.prediction);
  model.diffusion.rows = rows;
  const DiffusionInfo& float_info = model.diffusion;

  ThreadPool pool(options.threads);
  const uint64_t passes = static_cast<uint64_t>(options.calibration.pictures) * rows.size();
  Progress calibrating("calibrate", passes, "passes", 0, progress_of(options));
  const Observations seen = observe(graph, float_info, rows, options.calibration, pool, calibrating);
  calibrating.finish();
  choose_form(graph, seen, fold_time(graph, float_info, rows), options, model);
  Comparison comparison{graph, float_info, rows, options.calibration, pool};
  const auto take_pictures = [&](int most) {
    comparison.trajectories.pictures = std::min(options.calibration.pictures, most);
    return static_cast<uint64_t>(comparison.trajectories.pictures) * rows.size();
  };
  if (options.graph.bias_correction) correct(comparison, take_pictures(options.corrected_pictures), options, model);
  comparison.trajectories.seed = options.calibration.seed + 1;  // other pictures than those looked at before
  Progress comparing("compare", take_pictures(options.compared_pictures), "passes", 0, progress_of(options));
  model.noise = measure_noise(comparison, model.quantized, comparing);
  comparing.finish();
  model.meta = meta.kind() == Json::Kind::object ? meta : Json::object();
  model.meta.set("quantization", quantization_json(options, model));
  share_equal_constants(model.quantized.graph);
  model.plan = plan_memory(model.quantized.graph, 4, options.plan);
  model.bytes = write_model(model.quantized.graph, model.plan, model.diffusion, model.meta);
  return model;
}

}  // namespace mote::tool
