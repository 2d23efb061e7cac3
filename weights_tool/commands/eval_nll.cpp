// The variational bound of a model on 8-bit pictures, in bits a dimension (Ho et al. 2020, arXiv 2006.11239, eq. 5; as
// Nichol & Dhariwal 2021, arXiv 2102.09672, measure it: the predicted x0 clipped as the model's sampler clips it). The
// terms are diffusion/likelihood.h's; the network runs through the C API.
//
// An estimate: of some pictures, each with noise drawn once a level, and of some levels of each picture, one at random in
// each of as many parts of equal probability, divided by that probability. Half of it is spread over the levels, half over
// the logarithm of their signal-to-noise ratio: the terms of the few least noisy levels are by far the largest. It is
// unbiased, and pictures are drawn from independently, so the deviation of their sums over the root of their number is
// the standard error.
#include "weights_tool/commands/eval_nll.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <optional>

#include "diffusion/noise.h"
#include "diffusion/rows.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/commands/sample_team.h"
#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/diffusion/likelihood.h"
#include "weights_tool/diffusion/parameterisation.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/os.h"
#include "weights_tool/io/progress.h"
#include "weights_tool/train/dataset.h"

namespace mote::tool {
namespace {

constexpr int64_t default_pictures = 1000;
constexpr int64_t default_levels = 20;
constexpr uint32_t level_draws = 0xFFFFFFFFu;  // step of the numbers that choose levels; no training step has it

enum class VarianceUse { learned, small, large };
const char* const variance_names[] = {"learned", "small", "large"};

// Bits a dimension.
struct Parts {
  double prior = 0, middle = 0, decoder = 0;  // L_T, sum of L_{t-1}, L_0
  double total() const { return prior + middle + decoder; }
};

std::vector<ChainLevel> chain_of(const ModelSource& source, const std::string& path, int steps) {
  const std::vector<float>& table = source.diffusion.schedule;
  if (table.empty()) throw Error(ExitCode::invalid_input, path + ": the model states no noise levels");
  std::vector<int> timesteps;
  if (source.graph.folded) {
    for (const format::RowRecord& row : default_rows(source.diffusion, source.graph.prediction)) {
      if (row.fraction != 0) throw Error(ExitCode::invalid_input, path + ": was made for steps between noise levels");
      timesteps.push_back(row.timestep);
    }
  } else {
    const uint32_t levels = static_cast<uint32_t>(table.size());
    const uint32_t count = steps > 0 ? static_cast<uint32_t>(steps) : levels;
    for (uint32_t i = 0; i < count; ++i) timesteps.push_back(trailing_timestep(levels, count, i));
  }
  std::reverse(timesteps.begin(), timesteps.end());
  std::vector<ChainLevel> chain;
  for (const int t : timesteps) {
    const double entry = double{table.at(static_cast<size_t>(t))};
    chain.push_back({t, entry < 0 ? 1 + entry : entry, entry < 0 ? -entry : 1 - entry});
  }
  return chain;
}

Dataset pictures_of(const Arguments& arguments, const mote_model_info& info) {
  DatasetNeeds needs;
  needs.height = static_cast<int>(info.height);
  needs.width = static_cast<int>(info.width);
  needs.channels = static_cast<int>(info.channels);
  needs.classes = static_cast<int>(info.num_classes);
  const std::string path = arguments.text("data");
  Dataset data;
  if (arguments.text("split") == "train" || !load_validation(path, needs, &data)) data = load_dataset(path, needs);
  if (data.has_values()) throw Error(ExitCode::invalid_input, path + ": --nll is for pictures of 8 bits");
  return data;
}

class Estimator {
 public:
  Estimator(const Arguments& arguments, const std::string& path)
      : path_(path),
        source_(load_model_source(path, SourceOptions())),
        model_(source_.bytes, path),
        data_(pictures_of(arguments, model_.info())),
        kernels_(wanted_kernels(arguments.text("kernels"))),
        threads_(static_cast<int>(arguments.integer("threads"))),
        seed_(static_cast<uint64_t>(arguments.integer("seed"))) {
    const int steps = arguments.has("steps") ? static_cast<int>(arguments.integer("steps")) : 0;
    if (steps > static_cast<int>(source_.diffusion.schedule.size()) || (source_.graph.folded && steps > 0))
      arguments.fail("--steps: " + path + " does not have such steps");
    steps_ = bound_steps(chain_of(source_, path, steps));
    count_ = std::min<size_t>(data_.images.count,
                              static_cast<size_t>(arguments.has("n") ? arguments.integer("n") : default_pictures));
    const size_t middle = steps_.size() - 1;
    const size_t wanted = static_cast<size_t>(arguments.has("levels") ? arguments.integer("levels") : default_levels);
    levels_ = wanted == 0 ? middle : std::min(wanted, middle);
    set_shares();
    variance_ = variance_of(arguments);
    if (threads_ == 0) threads_ = cpu_count();
  }

  void run(bool quiet) {
    mote_config config = mote_config();
    config.struct_size = sizeof config;
    SamplerTeam team(model_, config, kernels_, threads_, static_cast<int>(count_));
    std::optional<Progress> bar;
    if (!quiet) bar.emplace("bound", count_ * (levels_ + 1), "evaluations");
    parts_.resize(count_);
    std::mutex mutex;
    uint64_t done = 0;
    team.run(static_cast<int>(count_), [&](mote_sampler* sampler, int i) {
      if (interrupted()) throw Error(ExitCode::interrupted, "interrupted; nothing was measured to the end");
      parts_[static_cast<size_t>(i)] = picture(sampler, static_cast<size_t>(i));
      const std::lock_guard<std::mutex> lock(mutex);
      done += levels_ + 1;
      if (bar) bar->update(done);
    });
    if (bar) bar->finish();
  }

  std::string text() const;
  Json json() const;

 private:
  VarianceUse variance_of(const Arguments& arguments) const {
    const mote_model_info& info = model_.info();
    const bool learned = info.out_channels == 2 * info.channels;
    const std::string name = arguments.text("variance");
    if (name == "small" || (name.empty() && !learned)) return VarianceUse::small;
    if (name == "large") return VarianceUse::large;
    if (!learned) arguments.fail("--variance learned: " + path_ + " predicts none");
    const Json* scheduler = scheduler_of_meta(source_.meta);
    if (scheduler != nullptr && parse_scheduler_config(JsonView(*scheduler, path_)).variance == VarianceType::learned)
      arguments.fail(path_ + " predicts variances themselves, not between bounds; use --variance small or large");
    return VarianceUse::learned;
  }

  size_t index_of(size_t i) const { return i * data_.images.count / count_; }

  // shares_[t]: how much of the probability levels 1 .. t of steps_ have together.
  void set_shares() {
    const auto log_snr = [&](size_t t) { return std::log(steps_[t].alpha_bar) - std::log(steps_[t].rest); };
    const size_t middle = steps_.size() - 1;
    // The last levels may have next to no signal, and their terms are small: a ratio of e^-10 stands for all below.
    const auto place = [&](size_t t) { return std::max(log_snr(t), -10.0); };
    const double range = place(0) - place(middle);
    for (size_t t = 0; t <= middle; ++t) {
      const double even = static_cast<double>(t) / static_cast<double>(std::max<size_t>(middle, 1));
      shares_.push_back(range > 0 ? (even + (place(0) - place(t)) / range) / 2 : even);
    }
  }

  // The k-th level of a picture, as a place in steps_ (1 .. size - 1), and what its term counts.
  struct Drawn {
    size_t level;
    double weight;
  };
  Drawn level_of(size_t i, size_t k) const {
    const size_t middle = steps_.size() - 1;
    if (levels_ == middle) return {1 + k, 1};
    const double lot =
        uniform_u32(static_cast<uint32_t>(k), seed_, level_draws, static_cast<uint32_t>(i), noise_train_timestep) *
        0x1p-32;
    const double place = (static_cast<double>(k) + lot) / static_cast<double>(levels_);
    const auto end = std::upper_bound(shares_.begin() + 1, shares_.end() - 1, place);
    const size_t level = static_cast<size_t>(end - shares_.begin());
    return {level, 1 / (static_cast<double>(levels_) * (shares_[level] - shares_[level - 1]))};
  }

  Parts picture(mote_sampler* sampler, size_t i) const {
    const size_t count = model_.picture_elements();
    std::vector<float> x0(count);
    data_.sample(index_of(i), false, x0.data());
    Parts parts;
    for (const float x : x0) parts.prior += prior_kl(double{x}, steps_.back());
    parts.decoder = level(sampler, i, steps_[0], true, x0);
    for (size_t k = 0; k < levels_; ++k) {
      const Drawn drawn = level_of(i, k);
      parts.middle += drawn.weight * level(sampler, i, steps_[drawn.level], false, x0);
    }
    const double bits = 1 / (std::log(2.0) * static_cast<double>(count));
    return {parts.prior * bits, parts.middle * bits, parts.decoder * bits};
  }

  // Nats of a picture's term at a level.
  double level(mote_sampler* sampler, size_t i, const BoundStep& step, bool decoder,
               const std::vector<float>& x0) const {
    const mote_model_info& info = model_.info();
    const size_t count = x0.size(), channels = info.channels, outputs = info.out_channels;
    std::vector<float> x(count), out(count / channels * outputs);
    fill_gaussian(x.data(), 0, static_cast<uint32_t>(count), seed_, static_cast<uint32_t>(step.timestep),
                  static_cast<uint32_t>(i), noise_forward);
    const float signal = static_cast<float>(std::sqrt(step.alpha_bar)),
                noise = static_cast<float>(std::sqrt(step.rest));
    for (size_t e = 0; e < count; ++e) x[e] = signal * x0[e] + noise * x[e];
    const int label = data_.labels.empty() || info.num_classes == 0 ? MOTE_NO_CLASS : data_.labels[index_of(i)];
    check_status(
        mote_sampler_predict(sampler, x.data(), static_cast<float>(step.timestep), label, out.data(), out.size()),
        path_);
    const Mix mix = x0_mix(source_.graph.prediction, step.alpha_bar);
    const double range = source_.diffusion.clip ? double{source_.diffusion.clip_range} : HUGE_VAL;
    double nats = 0;
    for (size_t e = 0; e < count; ++e) {
      const float* const pixel = out.data() + e / channels * outputs;
      const double guess = mix.first * double{x[e]} + mix.second * double{pixel[e % channels]};
      const double difference = step.mean_x0 * (double{x0[e]} - std::clamp(guess, -range, range));
      const double log_variance =
          log_variance_of(step, decoder, outputs > channels ? double{pixel[channels + e % channels]} : 0);
      nats += decoder ? discretised_gaussian(double{x0[e]}, difference, log_variance, half_bin_of_bytes).nats
                      : gaussian_kl(difference, step.log_low, log_variance).nats;
    }
    return nats;
  }

  // The large variance, too, ends in that of the level above, as Ho et al. have it: beta_1 alone would cost L_0 dearly.
  double log_variance_of(const BoundStep& step, bool decoder, double v) const {
    if (variance_ == VarianceUse::learned) return log_variance_between(step, v);
    return variance_ == VarianceUse::large && !decoder ? step.log_high : step.log_low;
  }

  struct Estimate {
    double mean, error;  // error: standard error
  };
  template <class F>
  Estimate estimate(const F& value) const {
    const double n = static_cast<double>(parts_.size());
    double sum = 0, squares = 0;
    for (const Parts& parts : parts_) sum += value(parts);
    const double mean = sum / n;
    for (const Parts& parts : parts_) squares += (value(parts) - mean) * (value(parts) - mean);
    return {mean, n > 1 ? std::sqrt(squares / (n - 1) / n) : std::nan("")};
  }
  struct Line {
    const char *name, *key;
    Estimate estimate;
  };
  std::vector<Line> lines() const {
    return {{"L_T", "prior", estimate([](const Parts& p) { return p.prior; })},
            {"sum of L_{t-1}", "middle", estimate([](const Parts& p) { return p.middle; })},
            {"L_0", "decoder", estimate([](const Parts& p) { return p.decoder; })},
            {"bound", "total", estimate([](const Parts& p) { return p.total(); })}};
  }

  std::string path_;
  ModelSource source_;
  ModelBuffer model_;
  Dataset data_;
  std::string kernels_;
  int threads_;
  uint64_t seed_;
  std::vector<BoundStep> steps_;
  std::vector<double> shares_;
  size_t count_ = 0, levels_ = 0;
  VarianceUse variance_ = VarianceUse::small;
  std::vector<Parts> parts_;
};

std::string Estimator::text() const {
  std::string text = path_ + " on " + data_.source + ": " + std::to_string(count_) + " pictures, " +
                     std::to_string(levels_ + 1) + " of " + std::to_string(steps_.size()) + " levels each, variance " +
                     variance_names[static_cast<int>(variance_)] + "\nbits a dimension, +- standard error\n";
  char line[96];
  for (const Line& entry : lines()) {
    std::snprintf(line, sizeof line, "  %-16s%10.4f +- %.4f\n", entry.name, entry.estimate.mean, entry.estimate.error);
    text += line;
  }
  return text;
}

Json Estimator::json() const {
  Json json = Json::object(), bits = Json::object(), errors = Json::object();
  for (const Line& entry : lines()) {
    bits.set(entry.key, entry.estimate.mean);
    errors.set(entry.key, entry.estimate.error);
  }
  json.set("path", path_).set("data", data_.source).set("pictures", count_);
  json.set("levels", steps_.size()).set("levels_a_picture", levels_ + 1);
  json.set("variance", variance_names[static_cast<int>(variance_)]).set("seed", static_cast<long long>(seed_));
  return json.set("bits_per_dimension", bits).set("standard_error", errors);
}

}  // namespace

int run_eval_nll(const Arguments& arguments) {
  for (const char* option : {"against", "classifier", "runs", "sampler", "eta"})
    if (arguments.has(option)) arguments.fail(std::string("--") + option + " has no meaning with --nll");
  arguments.require("data");
  install_interrupt_handlers();
  Estimator estimator(arguments, arguments.positional("MODEL|IDX"));
  estimator.run(arguments.flag("quiet"));
  const std::string text = arguments.flag("json") ? write_json(estimator.json()) + "\n" : estimator.text();
  std::fputs(text.c_str(), stdout);
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
