#include "weights_tool/commands/sample_pictures.h"

#include <mutex>

#include "weights_tool/commands/sample_team.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/os.h"

namespace mote::tool {
namespace {

class Job {
 public:
  Job(const ModelBuffer& model, const SampleRequest& request, SampleResult& result)
      : request_(request), result_(result), elements_(model.picture_elements()), classes_(model.info().num_classes) {
    result_.steps = request.steps != 0 ? request.steps : model.info().default_steps;
    result_.pictures.resize(request.count * elements_);
    result_.pixels.resize(request.count * elements_);
    if (request.trajectory) result_.trajectory.resize((size_t{result_.steps} + 1) * request.count * elements_);
    for (uint32_t i = 0; i < request.count; ++i) result_.classes.push_back(class_of(request.first_index + i));
  }

  mote_config config() const {
    mote_config config = mote_config();
    config.struct_size = sizeof config;
    config.steps = request_.steps;
    config.seed = request_.seed;
    config.sample_index = request_.first_index;
    config.class_label = class_of(request_.first_index);
    config.method = request_.method;
    config.eta = request_.eta;
    config.timesteps = request_.timesteps.empty() ? nullptr : request_.timesteps.data();
    return config;
  }

  void draw(mote_sampler* sampler, int index) {
    const double begin = monotonic_seconds();
    const size_t i = static_cast<size_t>(index), at = i * elements_;
    const std::string what = "picture " + std::to_string(request_.first_index + i);
    check_status(mote_sampler_restart(sampler, request_.seed, request_.first_index + static_cast<uint32_t>(index),
                                      result_.classes[i]),
                 what);
    if (!request_.init.empty()) check_status(mote_sampler_set_x(sampler, request_.init.data() + at, elements_), what);
    record(sampler, 0, i);
    mote_status status = MOTE_PENDING;
    for (uint32_t step = 1; status == MOTE_PENDING; ++step) {
      if (interrupted()) throw Error(ExitCode::interrupted, "interrupted; nothing was written");
      status = mote_sampler_step(sampler);
      check_status(status, what);
      record(sampler, step, i);
      count_step();
    }
    check_status(mote_sampler_read_f32(sampler, result_.pictures.data() + at, elements_), what);
    check_status(mote_sampler_read_u8(sampler, result_.pixels.data() + at, elements_), what);
    const std::lock_guard<std::mutex> lock(mutex_);
    result_.seconds_a_picture += (monotonic_seconds() - begin) / request_.count;
  }

 private:
  int32_t class_of(uint32_t sample_index) const {
    if (classes_ == 0 || !request_.cycle_classes) return request_.class_label;
    return static_cast<int32_t>(sample_index % classes_);
  }

  void record(const mote_sampler* sampler, uint32_t step, size_t picture) {
    if (!request_.trajectory) return;
    const size_t at = (size_t{step} * request_.count + picture) * elements_;
    check_status(mote_sampler_read_f32(sampler, result_.trajectory.data() + at, elements_), "trajectory");
  }

  void count_step() {
    if (!request_.progress) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    request_.progress(++steps_done_);
  }

  const SampleRequest& request_;
  SampleResult& result_;
  size_t elements_;
  uint32_t classes_;
  std::mutex mutex_;
  uint64_t steps_done_ = 0;
};

}  // namespace

SampleResult sample_pictures(const ModelBuffer& model, const SampleRequest& request) {
  SampleResult result;
  Job job(model, request, result);
  SamplerTeam team(model, job.config(), request.kernels, request.threads, static_cast<int>(request.count));
  const double begin = monotonic_seconds();
  team.run(static_cast<int>(request.count), [&](mote_sampler* sampler, int index) { job.draw(sampler, index); });
  result.seconds = monotonic_seconds() - begin;
  result.working_bytes = team.working_bytes();
  result.device_working_bytes = team.device_working_bytes();
  result.packed_bytes = team.packed_bytes();
  result.kernels = team.kernels();
  return result;
}

}  // namespace mote::tool
