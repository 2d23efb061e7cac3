// Samplers of one model on several threads, made through the C API only. Pictures are independent, so with at least as
// many of them as threads each thread has a sampler of its own; with fewer, one sampler spreads every layer over all
// threads. The bytes are the same either way. Rearranged weights are made once and shared.
#pragma once
#include <mote/mote.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "weights_tool/commands/model_buffer.h"
#include "weights_tool/io/pool.h"

namespace mote::tool {

class SamplerTeam {
 public:
  // `config`: what every sampler has in common; kernels, parallel_for and packed are set here. jobs: how many there
  // will be at most. `kernels`: a name, or "" for the fastest. Throws Error when the library refuses the configuration.
  SamplerTeam(const ModelBuffer& model, const mote_config& config, const std::string& kernels, int threads, int jobs);
  SamplerTeam(const SamplerTeam&) = delete;
  SamplerTeam& operator=(const SamplerTeam&) = delete;

  // Calls fn(sampler, job) for each job below `jobs`, on any thread; no two calls share a sampler at one time.
  void run(int jobs, const std::function<void(mote_sampler*, int)>& fn);

  int threads() const { return threads_; }
  size_t working_bytes() const { return working_bytes_; }                // of one sampler
  size_t device_working_bytes() const { return device_working_bytes_; }  // of one with one thread, nothing rearranged
  size_t packed_bytes() const { return packed_.size(); }
  const char* kernels() const { return mote_sampler_kernels(samplers_[0]); }

 private:
  int threads_;
  bool one_sampler_;  // that uses all threads
  ThreadPool pool_;
  AlignedBuffer packed_;
  std::vector<AlignedBuffer> buffers_;
  std::vector<mote_sampler*> samplers_;
  size_t working_bytes_ = 0, device_working_bytes_ = 0;
};

// The kernel set a command was asked for: --kernels, else the environment's MOTE_FORCE_KERNELS, else "". Throws
// Error(usage) with the names there are when this processor has none of that name.
std::string wanted_kernels(const std::string& option);

// [count][height][width][channels] and [count][channels][height][width].
std::vector<float> nchw_from_nhwc(const std::vector<float>& nhwc, size_t count, const mote_model_info& info);
std::vector<float> nhwc_from_nchw(const std::vector<float>& nchw, size_t count, const mote_model_info& info);

}  // namespace mote::tool
