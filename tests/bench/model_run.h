// A model file run by the benchmarks through the C API: one thread, weights packed beforehand, memory aligned. For host
// programs of tests/bench only.
#pragma once
#include <mote/mote.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "weights_tool/graph/initialise.h"
#include "weights_tool/io/error.h"

namespace mote::bench {

// Memory of the alignment that the API asks for, and that packed weights like.
struct Aligned {
  explicit Aligned(size_t bytes) : memory(bytes + 64), size(bytes) {}
  void* data() { return memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64; }
  std::vector<uint8_t> memory;
  size_t size;
};

inline void check(mote_status status, const std::string& what) {
  if (status < 0) throw tool::Error(tool::ExitCode::failure, what + ": " + mote_status_text(status));
}

// Stays where it was made: the sampler points into it.
class ModelRun {
 public:
  // kernels: a name, or "" for the fastest set. operators: as for mote_open.
  ModelRun(const std::vector<uint8_t>& bytes, const std::string& name, const std::string& kernels,
           const mote_operator* const* operators)
      : name_(name), model_memory_(bytes.size()) {
    std::memcpy(model_memory_.data(), bytes.data(), bytes.size());
    check(mote_open(&model_, model_memory_.data(), bytes.size(), operators), name);
    info_.struct_size = sizeof info_;
    check(mote_model_get_info(&model_, &info_), name);
    mote_config config = {};
    config.struct_size = sizeof config;
    config.kernels = kernels.empty() ? nullptr : kernels.c_str();
    size_t packed = 0, working = 0;
    check(mote_packed_size(&model_, &config, &packed), name);
    packed_ = Aligned(packed);
    if (packed > 0) {
      config.packed = packed_.data();
      config.packed_bytes = packed;
    }
    check(mote_working_size(&model_, &config, &working), name);
    working_ = Aligned(working);
    check(mote_sampler_create(&sampler_, &model_, &config, working_.data(), working), name);
    choose_input();
  }
  ModelRun(const ModelRun&) = delete;
  ModelRun& operator=(const ModelRun&) = delete;

  // The network once, on the same numbers each time.
  void predict() { check(mote_sampler_predict(sampler_, x.data(), timestep, label, y.data(), y.size()), name_); }

  const mote_model& model() const { return model_; }
  const mote_model_info& info() const { return info_; }
  const char* kernels() const { return mote_sampler_kernels(sampler_); }
  size_t model_bytes() const { return model_memory_.size; }
  size_t packed_bytes() const { return packed_.size; }
  size_t working_bytes() const { return working_.size; }

  std::vector<float> x, y;
  float timestep = 500.0f;  // of a model for a fixed list of steps: the one in the middle
  int32_t label = MOTE_NO_CLASS;

 private:
  void choose_input() {
    const size_t pixels = size_t{info_.height} * info_.width;
    x = tool::Initialiser(3).normal(static_cast<int64_t>(pixels * info_.channels), 1.0f);
    y.resize(pixels * info_.out_channels);
    if (info_.num_classes > 3) label = 3;
    if (info_.folded == 0) return;
    std::vector<int32_t> steps(info_.default_steps);
    check(mote_model_get_timesteps(&model_, steps.data(), steps.size()), name_);
    timestep = static_cast<float>(steps[steps.size() / 2]);
  }

  std::string name_;
  Aligned model_memory_, packed_{0}, working_{0};
  mote_model model_ = {};
  mote_model_info info_ = {};
  mote_sampler* sampler_ = nullptr;
};

}  // namespace mote::bench
