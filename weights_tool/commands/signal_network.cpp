#include "weights_tool/commands/signal_network.h"

#include <cmath>

#include "weights_tool/commands/model_source.h"
#include "weights_tool/diffusion/parameterisation.h"
#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/io/error.h"
#include "weights_tool/train/train_config.h"

namespace mote::tool {
namespace {

constexpr int kManyJobs = 1 << 20;

// The training's: a folded model holds no schedule of its own.
TrainConfig config_of(const Json& meta, const std::string& path) {
  const Json* config = meta.kind() == Json::Kind::object ? meta.find("config") : nullptr;
  TrainConfig out;
  if (config != nullptr) out = train_config_from_json(*config, path + ": config");
  if (!out.signal)
    throw Error(ExitCode::invalid_input,
                path + ": was not trained on a recording (no \"signal\" in its configuration)");
  return out;
}

}  // namespace

SignalNetwork::SignalNetwork(const std::string& path, const std::string& kernels, int threads) : path_(path) {
  const ModelSource source = load_model_source(path, SourceOptions());
  model_ = std::make_unique<ModelBuffer>(source.bytes, path);
  const mote_model_info& info = model_->info();
  if (info.height != 1 || info.channels != 1 || info.out_channels != 1 || info.num_classes != 0)
    throw Error(ExitCode::invalid_input, path + ": not a network of signals (height 1, one channel, no classes)");
  const TrainConfig trained = config_of(source.meta, path);
  signal_ = *trained.signal;
  if (info.folded != 0) {
    timesteps_.resize(info.default_steps);
    check_status(mote_model_get_timesteps(model_->model(), timesteps_.data(), timesteps_.size()), path);
  } else {
    for (int32_t t = static_cast<int32_t>(info.train_steps) - 1; t >= 0; --t) timesteps_.push_back(t);
  }
  ScheduleOptions options;
  options.kind = trained.schedule;
  options.train_steps = trained.timesteps;
  const Schedule schedule = make_schedule(options);
  if (static_cast<uint32_t>(trained.timesteps) != info.train_steps)
    throw Error(ExitCode::invalid_input, path + ": its configuration is of another schedule");
  for (const int32_t t : timesteps_) {
    const double alpha_bar = schedule.alpha_bar[static_cast<size_t>(t)];
    levels_.push_back({std::sqrt(alpha_bar), std::sqrt(1 - alpha_bar)});
  }
  mote_config config = mote_config();
  config.struct_size = sizeof config;
  config.class_label = MOTE_NO_CLASS;
  team_ = std::make_unique<SamplerTeam>(*model_, config, kernels, threads, kManyJobs);
}

std::vector<float> SignalNetwork::predict(const std::vector<float>& x_t, size_t level) const {
  const size_t n = width(), count = x_t.size() / n;
  const Level& at = levels_[level];
  const Mix mix = x0_mix(static_cast<Prediction>(model_->view().model->prediction), at.signal * at.signal);
  std::vector<float> out(x_t.size());
  team_->run(static_cast<int>(count), [&](mote_sampler* sampler, int index) {
    const size_t from = static_cast<size_t>(index) * n;
    check_status(mote_sampler_predict(sampler, x_t.data() + from, static_cast<float>(timesteps_[level]), MOTE_NO_CLASS,
                                      out.data() + from, n),
                 path_);
  });
  apply_mix(mix, x_t.data(), out.data(), out.size(), out.data());
  return out;
}

}  // namespace mote::tool
