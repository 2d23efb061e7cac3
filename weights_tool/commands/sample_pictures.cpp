#include "weights_tool/commands/sample_pictures.h"

#include <algorithm>
#include <mutex>

#include "diffusion/noise.h"
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
    if (!request.host_steps.empty()) result_.steps = static_cast<uint32_t>(request.host_steps.size());
    if (request.solver) result_.steps = 1;
    channels_ = model.info().channels;
    out_channels_ = model.info().out_channels;
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
    config.guidance_scale = request_.guidance;
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
    uint64_t evaluations = result_.steps;
    if (request_.solver) {
      evaluations = draw_by_solver(sampler, i, what);
    } else {
      request_.host_steps.empty() ? draw_by_rows(sampler, i, what) : draw_by_host_steps(sampler, i, what);
    }
    check_status(mote_sampler_read_f32(sampler, result_.pictures.data() + at, elements_), what);
    check_status(mote_sampler_read_u8(sampler, result_.pixels.data() + at, elements_), what);
    const std::lock_guard<std::mutex> lock(mutex_);
    result_.evaluations += evaluations;
    result_.seconds_a_picture += (monotonic_seconds() - begin) / request_.count;
  }

 private:
  void draw_by_rows(mote_sampler* sampler, size_t picture, const std::string& what) {
    mote_status status = MOTE_PENDING;
    for (uint32_t step = 1; status == MOTE_PENDING; ++step) {
      if (interrupted()) throw Error(ExitCode::interrupted, "interrupted; nothing was written");
      status = mote_sampler_step(sampler);
      check_status(status, what);
      record(sampler, step, picture);
      count_step();
    }
  }

  void draw_by_host_steps(mote_sampler* sampler, size_t picture, const std::string& what) {
    const size_t outputs = elements_ / channels_ * out_channels_;
    std::vector<float> x(elements_), out(outputs), m(elements_), v(elements_), z(elements_);
    std::vector<float> history(size_t{format::max_history} * elements_, 0.0f), gradient(request_.guide ? elements_ : 0);
    check_status(mote_sampler_read_f32(sampler, x.data(), elements_), what);
    for (uint32_t step = 0; step < result_.steps; ++step) {
      if (interrupted()) throw Error(ExitCode::interrupted, "interrupted; nothing was written");
      const HostStep& host = request_.host_steps[step];
      const float timestep = row_timestep(host.row);
      check_status(mote_sampler_predict(sampler, x.data(), timestep, result_.classes[picture], out.data(), outputs),
                   what);
      for (size_t e = 0; e < elements_; ++e) {
        const float* pixel = out.data() + e / channels_ * out_channels_;
        m[e] = pixel[e % channels_];
        v[e] = out_channels_ > channels_ ? pixel[channels_ + e % channels_] : 0.0f;
      }
      if (guided(picture)) {  // the variance stays that of the class
        check_status(mote_sampler_predict(sampler, x.data(), timestep, MOTE_NO_CLASS, out.data(), outputs), what);
        for (size_t e = 0; e < elements_; ++e) {
          const float none = out[e / channels_ * out_channels_ + e % channels_];
          m[e] = none + request_.guidance * (m[e] - none);
        }
      }
      noise_of(step, picture, z.data());
      const bool steered = request_.guide && (host.guide_x0 != 0 || host.guide_x != 0) && result_.classes[picture] >= 0;
      if (steered) request_.guide(x.data(), timestep, result_.classes[picture], gradient.data());
      host_step(host, x.data(), m.data(), v.data(), z.data(), history.data(), format::max_history, elements_,
                steered ? gradient.data() : nullptr);
      check_status(mote_sampler_set_x(sampler, x.data(), elements_), what);
      record(sampler, step + 1, picture);
      count_step();
    }
  }

  uint64_t draw_by_solver(mote_sampler* sampler, size_t picture, const std::string& what) {
    const size_t outputs = elements_ / channels_ * out_channels_;
    std::vector<float> x(elements_), out(outputs);
    check_status(mote_sampler_read_f32(sampler, x.data(), elements_), what);
    HostPicture host{elements_, request_.seed, request_.first_index + static_cast<uint32_t>(picture),
                     result_.classes[picture], nullptr};
    host.predict = [&](const float* at, float timestep, float* m) {
      if (interrupted()) throw Error(ExitCode::interrupted, "interrupted; nothing was written");
      check_status(mote_sampler_predict(sampler, at, timestep, host.class_label, out.data(), outputs), what);
      for (size_t e = 0; e < elements_; ++e) m[e] = out[e / channels_ * out_channels_ + e % channels_];
      if (!guided(picture)) return;
      check_status(mote_sampler_predict(sampler, at, timestep, MOTE_NO_CLASS, out.data(), outputs), what);
      for (size_t e = 0; e < elements_; ++e) {
        const float none = out[e / channels_ * out_channels_ + e % channels_];
        m[e] = none + request_.guidance * (m[e] - none);
      }
    };
    const int evaluations = request_.solver(host, x);
    check_status(mote_sampler_set_x(sampler, x.data(), elements_), what);
    count_step();
    return static_cast<uint64_t>(evaluations);
  }

  void noise_of(uint32_t step, size_t picture, float* z) const {
    if (request_.noise.empty()) {
      fill_gaussian(z, 0, static_cast<uint32_t>(elements_), request_.seed, step,
                    request_.first_index + static_cast<uint32_t>(picture), noise_step);
      return;
    }
    const size_t pictures = request_.noise.size() / (result_.steps * elements_);
    const size_t at = size_t{step} * pictures + (pictures == 1 ? 0 : picture);
    std::copy_n(request_.noise.data() + at * elements_, elements_, z);
  }

  bool guided(size_t picture) const {
    return request_.guidance != 0 && request_.guidance != 1 && result_.classes[picture] != MOTE_NO_CLASS;
  }

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
  size_t elements_, channels_ = 1, out_channels_ = 1;
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
