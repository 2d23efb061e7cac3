// A model file of signals (height 1, one channel) behind evaluate/signal_model.h, run through the C API.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "weights_tool/commands/model_buffer.h"
#include "weights_tool/commands/sample_team.h"
#include "weights_tool/evaluate/signal_model.h"
#include "weights_tool/train/signal.h"

namespace mote::tool {

class SignalNetwork : public SignalModel {
 public:
  // `path`: a .mote file or a checkpoint. Error(invalid_input) if it is no network of signals, or does not say how its
  // recording was prepared (key "signal" of its configuration).
  SignalNetwork(const std::string& path, const std::string& kernels, int threads);

  size_t width() const override { return model_->info().width; }
  std::vector<float> predict(const std::vector<float>& x_t, size_t level) const override;
  const SignalConfig& signal() const { return signal_; }
  const mote_model_info& info() const { return model_->info(); }
  const char* kernels() const { return team_->kernels(); }
  // Timestep of a level, as `forward` takes it.
  int32_t timestep(size_t level) const { return timesteps_[level]; }

 private:
  std::string path_;
  std::unique_ptr<ModelBuffer> model_;
  std::unique_ptr<SamplerTeam> team_;
  SignalConfig signal_;
  std::vector<int32_t> timesteps_;
};

}  // namespace mote::tool
