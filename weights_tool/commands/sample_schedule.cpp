#include "weights_tool/commands/sample_schedule.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "format/verify.h"
#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/diffusers/scheduler_sampling.h"
#include "weights_tool/graph/reader.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

[[noreturn]] void refuse(const std::string& what) { throw Error(ExitCode::usage, what); }

// What the C API does by itself on a model of mote's own.
bool built_in(const std::string& sampler) {
  return sampler.empty() || sampler == "ddim" || sampler == "ddpm" || sampler == "ddpm-large";
}

// Only a look at META, so that models of mote's own need not be read in full. Nobody else writes that word as a key.
bool may_be_imported(const std::vector<uint8_t>& bytes) {
  format::View view;
  if (format::verify(bytes.data(), bytes.size(), &view, nullptr) != MOTE_OK) return true;
  return std::string_view(view.meta.data, view.meta.count).find("\"diffusers\"") != std::string_view::npos;
}

// The steps that were asked for when the stored rows were made.
int steps_of_rows(SchedulerKind kind, int rows) {
  if (kind == SchedulerKind::heun) return (rows + 1) / 2;
  return kind == SchedulerKind::pndm && rows > 1 ? rows - 1 : rows;
}

// Files of before rows stated their levels differ in these only.
bool same_row(format::RowRecord wanted, const format::RowRecord& stored) {
  if (stored.signal == 0 && stored.noise == 0) wanted.signal = wanted.noise = 0;
  return std::memcmp(&wanted, &stored, sizeof stored) == 0;
}

bool same_rows(const std::vector<format::RowRecord>& wanted, const std::vector<format::RowRecord>& stored) {
  return std::equal(wanted.begin(), wanted.end(), stored.begin(), stored.end(), same_row);
}

bool same_timesteps(const std::vector<format::RowRecord>& a, const std::vector<format::RowRecord>& b) {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (row_timestep(a[i]) != row_timestep(b[i])) return false;
  }
  return a.size() == b.size();
}

std::vector<format::RowRecord> rows_of(const std::vector<HostStep>& steps) {
  std::vector<format::RowRecord> rows;
  for (const HostStep& step : steps) rows.push_back(step.row);
  return rows;
}

class Planner {
 public:
  Planner(std::vector<uint8_t> bytes, const std::string& path, const SamplingWish& wish)
      : path_(path), wish_(wish), file_(read_model(bytes, path)), scheduler_(scheduler_of_meta(file_.meta)) {
    plan_.bytes = std::move(bytes);
    if (wish_.classifier) use_classifier();
  }

  SamplingPlan run() {
    if (is_solver(wish_.sampler)) return solve();
    plan_.sampler = wish_.sampler.empty() ? "ddim" : wish_.sampler;
    if (wish_.timesteps_given) {
      if (!built_in(wish_.sampler)) refuse("--timesteps is for --sampler ddim, ddpm and ddpm-large");
      if (wish_.host) refuse("--timesteps and --noise cannot be combined");
      return plan_;
    }
    if (scheduler_ == nullptr && built_in(wish_.sampler) && !wish_.host && !wish_.classifier) return plan_;
    plan_.planned = true;
    const bool as_stored = wish_.sampler.empty() && wish_.steps == 0 && !wish_.eta_given;
    if (scheduler_ == nullptr && as_stored && !wish_.classifier) {
      const bool stored = !file_.diffusion.rows.empty();
      for (const format::RowRecord& row :
           stored ? file_.diffusion.rows : default_rows(file_.diffusion, file_.graph.prediction)) {
        plan_.host_steps.push_back(host_step_of_row(row));
      }
      return plan_;
    }
    follow(config());
    return plan_;
  }

 private:
  void use_classifier() {
    const Tensor& in = file_.graph.tensors[static_cast<size_t>(file_.graph.input)];
    const std::string misfit =
        wish_.classifier->misfit(in.dims[0], in.dims[1], in.dims[2], file_.graph.num_classes, file_.diffusion.schedule);
    if (!misfit.empty()) throw Error(ExitCode::invalid_input, path_ + ": the classifier " + misfit);
    wish_.solver.guide = [classifier = wish_.classifier](const float* x, float t, int32_t label, float* gradient) {
      classifier->gradient(x, t, label, gradient);
    };
  }

  SamplingPlan solve() {
    if (file_.graph.folded)
      refuse(path_ + " was made for fixed steps; --sampler " + wish_.sampler + " needs all noise levels");
    if (wish_.host) refuse("--noise is for samplers that go by rows, not for --sampler " + wish_.sampler);
    if (wish_.eta_given) refuse("--eta is for --sampler ddim");
    if (wish_.sampler == "ode-rk45" && wish_.steps > 0)
      refuse("--sampler ode-rk45 chooses its steps by --atol and --rtol");
    SolverOptions options = wish_.solver;
    if (wish_.steps > 0) options.steps = wish_.steps;
    plan_.planned = true;
    plan_.sampler = wish_.sampler;
    plan_.solver = make_solver(wish_.sampler, options, file_.diffusion, file_.graph.prediction);
    return std::move(plan_);
  }

  static HostStep host_step_of_row(const format::RowRecord& row) {
    HostStep step;
    step.row = row;
    return step;
  }

  SchedulerConfig config() const {
    SchedulerConfig config;
    if (scheduler_ == nullptr) {
      config =
          scheduler_config_of(file_.diffusion, file_.graph.prediction, wish_.sampler.empty() ? "ddim" : wish_.sampler);
    } else {
      const JsonView view(*scheduler_, path_ + ": section META: diffusers.scheduler");
      config = wish_.sampler.empty() ? parse_scheduler_config(view) : scheduler_config_as(view, wish_.sampler);
    }
    if (wish_.eta_given && config.kind != SchedulerKind::ddim)
      refuse(wish_.sampler.empty()
                 ? path_ + " came with " + scheduler_class_name(config.kind) + ", and --eta is for --sampler ddim"
                 : "--eta is for --sampler ddim");
    config.eta = wish_.eta;
    return config;
  }

  int steps() const {
    if (wish_.steps > 0) return wish_.steps;
    const int rows = file_.diffusion.default_steps;
    if (scheduler_ == nullptr) return rows;
    return steps_of_rows(parse_scheduler_config(JsonView(*scheduler_, path_)).kind, rows);
  }

  void follow(const SchedulerConfig& config) {
    plan_.sampler = sampler_name_of(config);
    const SchedulerSteps made = scheduler_steps(config, steps());
    plan_.init_scale = made.init_scale;
    for (const SchedulerStep& step : made.steps) plan_.host_steps.push_back(host_step_of(config, step));
    if (wish_.classifier) guide(config, made);
    if (needs_host(config)) check_variance(config);
    const std::vector<format::RowRecord> rows = rows_of(plan_.host_steps);
    const std::vector<format::RowRecord>& stored = file_.diffusion.rows;
    bool host = wish_.host || needs_host(config) || wish_.classifier;
    if (file_.graph.folded) {
      if (!same_timesteps(rows, stored))
        refuse(path_ + " was made for exactly " + std::to_string(stored.size()) + " steps, and these are others");
      host = host || !same_rows(rows, stored);
    } else if (!same_rows(rows, stored)) {
      file_.diffusion.rows = rows;
      file_.diffusion.default_steps = static_cast<int>(rows.size());
      plan_.bytes = write_model(file_.graph, file_.plan, file_.diffusion, file_.meta);
    }
    if (!host) plan_.host_steps.clear();
  }

  void guide(const SchedulerConfig& config, const SchedulerSteps& made) {
    if (!takes_guidance(config)) refuse("--classifier is not for --sampler " + plan_.sampler);
    for (size_t i = 0; i < made.steps.size(); ++i)
      plan_.host_steps[i] = guided_step_of(config, made.steps[i], wish_.solver.guide_scale);
    plan_.guide = wish_.solver.guide;
  }

  void check_variance(const SchedulerConfig& config) const {
    const Tensor& in = file_.graph.tensors[static_cast<size_t>(file_.graph.input)];
    const Tensor& out = file_.graph.tensors[static_cast<size_t>(file_.graph.output)];
    const bool learned = config.variance == VarianceType::learned || config.variance == VarianceType::learned_range;
    if (config.kind == SchedulerKind::ddpm && learned && out.dims[2] != 2 * in.dims[2])
      throw Error(ExitCode::invalid_input,
                  path_ + ": the scheduler's variance is learned, but the network has no channels for it");
  }

  const std::string& path_;
  SamplingWish wish_;
  ModelFile file_;
  const Json* scheduler_;
  SamplingPlan plan_;
};

}  // namespace

SamplingPlan plan_sampling(std::vector<uint8_t> bytes, const std::string& path, const SamplingWish& wish) {
  if (built_in(wish.sampler) && !wish.host && !wish.classifier && !may_be_imported(bytes)) {
    SamplingPlan plan;
    plan.bytes = std::move(bytes);
    plan.sampler = wish.sampler.empty() ? "ddim" : wish.sampler;
    return plan;
  }
  return Planner(std::move(bytes), path, wish).run();
}

std::vector<std::string> all_sampler_names() {
  std::vector<std::string> names = sampler_names();
  names.insert(names.end(), solver_names().begin(), solver_names().end());
  return names;
}

SamplingWish wish_of_arguments(const Arguments& arguments, const std::string& classifier, const std::string& kernels) {
  SamplingWish wish;
  wish.sampler = arguments.text("sampler");
  if (arguments.has("steps")) wish.steps = static_cast<int>(arguments.integer("steps"));
  wish.eta = arguments.number("eta");
  wish.eta_given = arguments.has("eta");
  const auto only_for = [&](const char* option, std::initializer_list<const char*> samplers) {
    bool fits = !arguments.has(option);
    for (const char* name : samplers) fits = fits || wish.sampler == name;
    if (!fits) arguments.fail(std::string("--") + option + " is for --sampler " + *samplers.begin());
  };
  only_for("atol", {"ode-rk45"});
  only_for("rtol", {"ode-rk45"});
  only_for("corrector-snr", {"sde-pc"});
  wish.solver.atol = arguments.number("atol");
  wish.solver.rtol = arguments.number("rtol");
  wish.solver.corrector_snr = arguments.number("corrector-snr");
  wish.solver.guide_scale = arguments.number("classifier-scale");
  if (classifier.empty()) return wish;
  KernelSet set;
  if (!find_kernel_set(kernels.empty() ? nullptr : kernels.c_str(), &set)) arguments.fail("no such kernel set");
  wish.classifier = std::make_shared<const ClassifierGuide>(load_classifier(classifier), set, classifier);
  return wish;
}

mote_method method_of_arguments(const Arguments& arguments) {
  const std::string name = arguments.text("sampler");
  if (!name.empty() && name != "ddim" && arguments.has("eta")) arguments.fail("--eta is for --sampler ddim");
  if (name == "ddpm") return MOTE_METHOD_DDPM;
  if (name == "ddpm-large") return MOTE_METHOD_DDPM_LARGE;
  return arguments.has("sampler") || arguments.has("eta") ? MOTE_METHOD_DDIM : MOTE_METHOD_DEFAULT;
}

void follow_plan(const SamplingPlan& plan, SampleRequest& request) {
  request.host_steps = plan.host_steps;
  request.solver = plan.solver;
  request.guide = plan.guide;
}

}  // namespace mote::tool
