#include "weights_tool/commands/sample_team.h"

#include "weights_tool/io/error.h"
#include "weights_tool/io/os.h"

namespace mote::tool {
namespace {

void pool_parallel_for(void* context, uint32_t n, void (*fn)(void*, uint32_t, uint32_t), void* arg) {
  static_cast<ThreadPool*>(context)->parallel_for(static_cast<int>(n), [fn, arg](int index, int worker) {
    fn(arg, static_cast<uint32_t>(index), static_cast<uint32_t>(worker));
  });
}

}  // namespace

SamplerTeam::SamplerTeam(const ModelBuffer& model, const mote_config& common, const std::string& kernels, int threads,
                         int jobs)
    : threads_(threads), one_sampler_(threads > 1 && jobs < threads), pool_(threads) {
  mote_config config = common;
  if (!kernels.empty()) config.kernels = kernels.c_str();
  const std::string what = "cannot set up the sampler";
  check_status(mote_working_size(model.model(), &config, &device_working_bytes_), what);
  if (one_sampler_) {
    config.parallel_for = pool_parallel_for;
    config.parallel_context = &pool_;
    config.workers = static_cast<uint32_t>(threads);
  }
  size_t packed_bytes = 0;
  check_status(mote_packed_size(model.model(), &config, &packed_bytes), what);
  packed_ = AlignedBuffer(packed_bytes);
  if (packed_bytes > 0) {
    config.packed = packed_.data();
    config.packed_bytes = packed_bytes;
  }
  check_status(mote_working_size(model.model(), &config, &working_bytes_), what);
  const int count = one_sampler_ ? 1 : threads;
  for (int i = 0; i < count; ++i) {
    buffers_.emplace_back(working_bytes_);
    mote_sampler* sampler = nullptr;
    check_status(mote_sampler_create(&sampler, model.model(), &config, buffers_.back().data(), working_bytes_), what);
    samplers_.push_back(sampler);
    config.packed_ready = 1;
  }
}

void SamplerTeam::run(int jobs, const std::function<void(mote_sampler*, int)>& fn) {
  if (one_sampler_) {
    for (int job = 0; job < jobs; ++job) fn(samplers_[0], job);
    return;
  }
  pool_.parallel_for(jobs, [&](int job, int worker) { fn(samplers_[static_cast<size_t>(worker)], job); });
}

std::string wanted_kernels(const std::string& option) {
  const std::string name = option.empty() ? environment("MOTE_FORCE_KERNELS") : option;
  if (name.empty()) return "";
  std::string known;
  for (uint32_t i = 0; mote_kernels_name(i) != nullptr; ++i) {
    if (name == mote_kernels_name(i)) return name;
    known += (known.empty() ? "" : ", ") + std::string(mote_kernels_name(i));
  }
  throw Error(ExitCode::usage, std::string(option.empty() ? "MOTE_FORCE_KERNELS" : "--kernels") +
                                   ": this processor runs " + known + ", not '" + name + "'");
}

std::vector<float> nchw_from_nhwc(const std::vector<float>& nhwc, size_t count, const mote_model_info& info) {
  const size_t pixels = size_t{info.height} * info.width, channels = nhwc.size() / (count * pixels);
  std::vector<float> out(nhwc.size());
  for (size_t n = 0; n < count; ++n)
    for (size_t p = 0; p < pixels; ++p)
      for (size_t c = 0; c < channels; ++c)
        out[(n * channels + c) * pixels + p] = nhwc[(n * pixels + p) * channels + c];
  return out;
}

std::vector<float> nhwc_from_nchw(const std::vector<float>& nchw, size_t count, const mote_model_info& info) {
  const size_t pixels = size_t{info.height} * info.width, channels = nchw.size() / (count * pixels);
  std::vector<float> out(nchw.size());
  for (size_t n = 0; n < count; ++n)
    for (size_t p = 0; p < pixels; ++p)
      for (size_t c = 0; c < channels; ++c)
        out[(n * pixels + p) * channels + c] = nchw[(n * channels + c) * pixels + p];
  return out;
}

}  // namespace mote::tool
