#include "weights_tool/commands/edit_pictures.h"

#include <algorithm>
#include <mutex>

#include "weights_tool/commands/sample_team.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/os.h"

namespace mote::tool {
namespace {

class Editor {
 public:
  Editor(const ModelBuffer& model, const EditRequest& request, EditResult& result)
      : request_(request), result_(result), elements_(model.picture_elements()) {
    result_.pictures.resize(size_t{request.inputs} * request.samples * elements_);
  }

  mote_config config() const {
    mote_config config = mote_config();
    config.struct_size = sizeof config;
    config.steps = request_.steps;
    config.method = request_.method;
    config.seed = request_.seed;
    config.sample_index = request_.first_index;
    config.class_label = request_.class_label;
    config.timesteps = request_.timesteps.empty() ? nullptr : request_.timesteps.data();
    config.guidance_scale = request_.guidance;
    return config;
  }

  void edit(mote_sampler* sampler, int job) {
    const size_t index = static_cast<size_t>(job), input = index / request_.samples;
    const std::string what = "picture " + std::to_string(input);
    const uint32_t sample = static_cast<uint32_t>(index % request_.samples);
    check_status(mote_sampler_restart(sampler, request_.seed, request_.first_index + sample, request_.class_label),
                 what);
    begin(sampler, input, what);
    hold(sampler, input, what);
    check_status(mote_sampler_set_rounds(sampler, request_.rounds), "--rounds");
    mote_status status = MOTE_PENDING;
    for (uint32_t step = 0; status == MOTE_PENDING; ++step) {
      if (interrupted()) throw Error(ExitCode::interrupted, "interrupted; nothing was written");
      status = mote_sampler_step(sampler);
      check_status(status, what);
      count_step(step + 1);
    }
    check_status(mote_sampler_read_f32(sampler, result_.pictures.data() + index * elements_, elements_), what);
  }

 private:
  void begin(mote_sampler* sampler, size_t input, const std::string& what) const {
    const size_t at = input * elements_;
    if (!request_.image.empty())
      check_status(mote_sampler_start_image(sampler, request_.image.data() + at, elements_, request_.strength), what);
    if (request_.noisy.empty()) return;
    const mote_status status = mote_sampler_start_noisy(sampler, request_.noisy.data() + at, elements_, request_.sigma);
    if (status == MOTE_E_ARGUMENT)
      throw Error(ExitCode::usage,
                  what + ": no step of this model is as noisy as --sigma " + std::to_string(request_.sigma) + " says");
    check_status(status, what);
  }

  void hold(mote_sampler* sampler, size_t input, const std::string& what) const {
    const size_t at = input * elements_;
    const auto mask_of = [&](const std::vector<uint8_t>& mask) {
      return mask.data() + (mask.size() > elements_ ? at : 0);
    };
    if (!request_.known.empty())
      check_status(mote_sampler_set_known(sampler, request_.known.data() + at, mask_of(request_.known_mask), elements_),
                   what);
    if (request_.measured.empty()) return;
    if (request_.block_height == 0) {
      check_status(mote_sampler_set_measured_elements(sampler, request_.measured.data() + at,
                                                      mask_of(request_.measured_mask), elements_, request_.weight),
                   what);
      return;
    }
    const size_t count = request_.measured.size() / request_.inputs;
    check_status(mote_sampler_set_measured_averages(sampler, request_.measured.data() + input * count, count,
                                                    request_.block_height, request_.block_width, request_.weight),
                 what);
  }

  void count_step(uint32_t steps_here) {
    const std::lock_guard<std::mutex> lock(mutex_);
    result_.steps = std::max(result_.steps, steps_here);
    if (request_.progress) request_.progress(++steps_done_);
  }

  const EditRequest& request_;
  EditResult& result_;
  size_t elements_;
  std::mutex mutex_;
  uint64_t steps_done_ = 0;
};

}  // namespace

EditResult edit_pictures(const ModelBuffer& model, const EditRequest& request) {
  EditResult result;
  Editor editor(model, request, result);
  const int jobs = static_cast<int>(request.inputs * request.samples);
  SamplerTeam team(model, editor.config(), request.kernels, request.threads, jobs);
  const double begin = monotonic_seconds();
  team.run(jobs, [&](mote_sampler* sampler, int job) { editor.edit(sampler, job); });
  result.seconds = monotonic_seconds() - begin;
  result.kernels = team.kernels();
  result.device_working_bytes = team.device_working_bytes();
  return result;
}

std::vector<float> block_averages(const std::vector<float>& pictures, const mote_model_info& info,
                                  uint32_t block_height, uint32_t block_width) {
  const size_t channels = info.channels, across = info.width / block_width, down = info.height / block_height;
  const size_t elements = size_t{info.height} * info.width * channels, count = pictures.size() / elements;
  std::vector<double> sums(count * down * across * channels, 0.0);
  for (size_t e = 0; e < pictures.size(); ++e) {
    const size_t c = e % channels, x = e / channels % info.width, y = e / channels / info.width % info.height;
    const size_t block = (e / elements * down + y / block_height) * across + x / block_width;
    sums[block * channels + c] += static_cast<double>(pictures[e]);
  }
  std::vector<float> means;
  for (const double sum : sums) means.push_back(static_cast<float>(sum / (double{1} * block_height * block_width)));
  return means;
}

}  // namespace mote::tool
