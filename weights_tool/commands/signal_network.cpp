#include "weights_tool/commands/signal_network.h"

#include <cmath>

#include "diffusion/rows.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/diffusion/parameterisation.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

constexpr int kManyJobs = 1 << 20;

SignalConfig signal_of(const Json& meta, const std::string& path) {
  const Json* config = meta.kind() == Json::Kind::object ? meta.find("config") : nullptr;
  const Json* signal = config != nullptr && config->kind() == Json::Kind::object ? config->find("signal") : nullptr;
  if (signal == nullptr)
    throw Error(ExitCode::invalid_input,
                path + ": was not trained on a recording (no \"signal\" in its configuration)");
  return signal_config_from_json(JsonView(*signal, path));
}

}  // namespace

SignalNetwork::SignalNetwork(const std::string& path, const std::string& kernels, int threads) : path_(path) {
  const ModelSource source = load_model_source(path, SourceOptions());
  model_ = std::make_unique<ModelBuffer>(source.bytes, path);
  const mote_model_info& info = model_->info();
  if (info.height != 1 || info.channels != 1 || info.out_channels != 1 || info.num_classes != 0)
    throw Error(ExitCode::invalid_input, path + ": not a network of signals (height 1, one channel, no classes)");
  signal_ = signal_of(source.meta, path);
  if (info.folded != 0) {
    timesteps_.resize(info.default_steps);
    check_status(mote_model_get_timesteps(model_->model(), timesteps_.data(), timesteps_.size()), path);
  } else {
    for (int32_t t = static_cast<int32_t>(info.train_steps) - 1; t >= 0; --t) timesteps_.push_back(t);
  }
  if (model_->view().alpha_bar.count != info.train_steps)
    throw Error(ExitCode::invalid_input, path + ": holds no schedule");
  for (const int32_t t : timesteps_) {
    const NoiseLevel level = noise_level_from_table(model_->view().alpha_bar[static_cast<uint32_t>(t)]);
    levels_.push_back(
        {std::sqrt(static_cast<double>(level.alpha_bar)), std::sqrt(static_cast<double>(level.one_minus_alpha_bar))});
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
