#include "weights_tool/diffusers/scheduler_config.h"

#include <limits>
#include <utility>

#include "format/format.h"

namespace mote::tool {
namespace {

struct NamedClass {
  const char* name;
  SchedulerKind kind;
};
constexpr NamedClass classes[] = {
    {"DDPMScheduler", SchedulerKind::ddpm},
    {"DDIMScheduler", SchedulerKind::ddim},
    {"EulerDiscreteScheduler", SchedulerKind::euler},
    {"EulerAncestralDiscreteScheduler", SchedulerKind::euler_ancestral},
    {"HeunDiscreteScheduler", SchedulerKind::heun},
    {"DPMSolverMultistepScheduler", SchedulerKind::dpm_multistep},
    {"UniPCMultistepScheduler", SchedulerKind::unipc},
    {"PNDMScheduler", SchedulerKind::pndm},
    {"LCMScheduler", SchedulerKind::lcm},
};

template <class T>
struct Choice {
  const char* name;
  T value;
};

// Reads keys of one object; a key that is absent or null leaves the default.
class Reader {
 public:
  explicit Reader(const JsonView& json) : json_(json) {}

  bool given(const char* key) const { return json_.has(key) && !json_.at(key).is_null(); }
  void take(const char* key, bool* value) const {
    if (given(key)) *value = json_.at(key).boolean();
  }
  void take(const char* key, int* value, int low, int high) const {
    if (given(key)) *value = static_cast<int>(json_.at(key).integer(low, high));
  }
  void take(const char* key, double* value, double low, double high) const {
    if (given(key)) *value = json_.at(key).number(low, high);
  }
  template <class T, size_t N>
  void take(const char* key, T* value, const Choice<T> (&choices)[N]) const {
    if (!given(key)) return;
    const std::string text = json_.at(key).text();
    std::string supported;
    for (const Choice<T>& choice : choices) {
      if (text == choice.name) {
        *value = choice.value;
        return;
      }
      supported += (supported.empty() ? "" : ", ") + std::string(choice.name);
    }
    json_.at(key).fail("'" + text + "' is not supported; supported: " + supported);
  }
  // A switch for something that mote does not do.
  void refuse(const char* key) const {
    if (given(key) && json_.at(key).boolean()) json_.at(key).fail("true is not supported; supported: false");
  }
  const JsonView& json() const { return json_; }

 private:
  const JsonView& json_;
};

constexpr Choice<BetaSchedule> beta_schedules[] = {
    {"linear", BetaSchedule::linear},   {"scaled_linear", BetaSchedule::scaled_linear},
    {"sigmoid", BetaSchedule::sigmoid}, {"squaredcos_cap_v2", BetaSchedule::squaredcos_cap_v2},
    {"laplace", BetaSchedule::laplace}, {"exp", BetaSchedule::exponential},
};
constexpr Choice<TimestepSpacing> spacings[] = {
    {"leading", TimestepSpacing::leading},
    {"linspace", TimestepSpacing::linspace},
    {"trailing", TimestepSpacing::trailing},
};
constexpr Choice<Prediction> predictions[] = {
    {"epsilon", Prediction::epsilon}, {"sample", Prediction::x0}, {"v_prediction", Prediction::v}};
// The logarithms are of the same variances. (fixed_large_log takes a root of the logarithm in the library, which is no
// number; what was meant is this.)
constexpr Choice<VarianceType> variances[] = {
    {"fixed_small", VarianceType::fixed_small}, {"fixed_small_log", VarianceType::fixed_small},
    {"fixed_large", VarianceType::fixed_large}, {"fixed_large_log", VarianceType::fixed_large},
    {"learned", VarianceType::learned},         {"learned_range", VarianceType::learned_range},
};
constexpr Choice<bool> final_sigmas[] = {{"zero", true}, {"sigma_min", false}};
constexpr Choice<bool> interpolations[] = {{"linear", false}, {"log_linear", true}};
constexpr Choice<int> timestep_types[] = {{"discrete", 0}};

// Names of the other multistep classes mean the default, as in the library, so that files can be exchanged.
constexpr Choice<SolverType> dpm_solvers[] = {
    {"midpoint", SolverType::midpoint}, {"heun", SolverType::heun},       {"bh1", SolverType::midpoint},
    {"bh2", SolverType::midpoint},      {"logrho", SolverType::midpoint},
};
constexpr Choice<SolverType> unipc_solvers[] = {
    {"bh1", SolverType::bh1},  {"bh2", SolverType::bh2},    {"midpoint", SolverType::bh2},
    {"heun", SolverType::bh2}, {"logrho", SolverType::bh2},
};
enum class Algorithm { x0, epsilon, x0_sde, epsilon_sde };
constexpr Choice<Algorithm> algorithms[] = {
    {"dpmsolver++", Algorithm::x0},    {"sde-dpmsolver++", Algorithm::x0_sde},
    {"dpmsolver", Algorithm::epsilon}, {"sde-dpmsolver", Algorithm::epsilon_sde},
    {"deis", Algorithm::x0},
};

constexpr int most_train_steps = static_cast<int>(format::max_train_steps);
constexpr double huge = std::numeric_limits<double>::max();

SchedulerConfig defaults_of(SchedulerKind kind) {
  SchedulerConfig config;
  config.kind = kind;
  switch (kind) {
    case SchedulerKind::ddpm:
    case SchedulerKind::ddim: config.clip = true; break;
    case SchedulerKind::euler:
    case SchedulerKind::euler_ancestral:
    case SchedulerKind::dpm_multistep: config.spacing = TimestepSpacing::linspace; break;
    case SchedulerKind::unipc:
      config.spacing = TimestepSpacing::linspace;
      config.solver = SolverType::bh2;
      break;
    case SchedulerKind::heun:
      config.spacing = TimestepSpacing::linspace;
      config.beta_start = 0.00085;
      config.beta_end = 0.012;
      break;
    case SchedulerKind::pndm: config.set_alpha_to_one = false; break;
    case SchedulerKind::lcm:
      config.beta_schedule = BetaSchedule::scaled_linear;
      config.beta_start = 0.00085;
      config.beta_end = 0.012;
      break;
  }
  return config;
}

bool clips(SchedulerKind kind) {
  return kind == SchedulerKind::ddpm || kind == SchedulerKind::ddim || kind == SchedulerKind::heun ||
         kind == SchedulerKind::lcm;
}
bool thresholds(SchedulerKind kind) {
  return kind == SchedulerKind::ddpm || kind == SchedulerKind::ddim || kind == SchedulerKind::dpm_multistep ||
         kind == SchedulerKind::unipc || kind == SchedulerKind::lcm;
}

void read_levels(const Reader& reader, SchedulerConfig& config) {
  reader.take("num_train_timesteps", &config.train_steps, 1, most_train_steps);
  reader.take("beta_start", &config.beta_start, 0, 1);
  reader.take("beta_end", &config.beta_end, 0, 1);
  if (config.kind != SchedulerKind::heun && config.kind != SchedulerKind::pndm)
    reader.take("rescale_betas_zero_snr", &config.rescale_zero_snr);
  if (!reader.given("trained_betas")) {
    reader.take("beta_schedule", &config.beta_schedule, beta_schedules);
    return;
  }
  const JsonView betas = reader.json().at("trained_betas");
  config.trained_betas = betas.numbers(0, 1);
  if (config.trained_betas.size() != static_cast<size_t>(config.train_steps))
    betas.fail("holds " + std::to_string(config.trained_betas.size()) + " numbers, not one for each of the " +
               std::to_string(config.train_steps) + " noise levels");
}

void read_prediction(const Reader& reader, SchedulerConfig& config) {
  // Files of the first versions say it this way.
  bool epsilon = true;
  if (!reader.given("prediction_type")) reader.take("predict_epsilon", &epsilon);
  if (!epsilon) config.prediction = Prediction::x0;
  reader.take("prediction_type", &config.prediction, predictions);
  const bool x0_works = config.kind != SchedulerKind::euler_ancestral && config.kind != SchedulerKind::pndm;
  if (config.prediction == Prediction::x0 && !x0_works)
    reader.json().fail("prediction_type 'sample' is not supported by " +
                       std::string(scheduler_class_name(config.kind)) + "; supported: epsilon, v_prediction");
}

void read_clip(const Reader& reader, SchedulerConfig& config) {
  if (clips(config.kind)) {
    reader.take("clip_sample", &config.clip);
    reader.take("clip_sample_range", &config.clip_range, 1e-30, 1e30);
  }
  if (thresholds(config.kind)) {
    reader.take("thresholding", &config.threshold);
    reader.take("dynamic_thresholding_ratio", &config.threshold_ratio, 0, 1);
    reader.take("sample_max_value", &config.threshold_max, 1e-30, 1e30);
  }
  if (!config.threshold) return;
  // The threshold lies between 1 and sample_max_value, so with the default of 1 it is a clip.
  config.clip = config.threshold_max == 1;
  config.clip_range = 1;
  config.threshold = !config.clip;
}

void read_sigmas(const Reader& reader, SchedulerConfig& config) {
  bool karras = false, exponential = false, beta = false, lu = false;
  reader.take("use_karras_sigmas", &karras);
  reader.take("use_exponential_sigmas", &exponential);
  reader.take("use_beta_sigmas", &beta);
  if (config.kind == SchedulerKind::dpm_multistep) reader.take("use_lu_lambdas", &lu);
  if (karras + exponential + beta > 1)
    reader.json().fail("use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas: only one can be true");
  config.sigma_spacing = karras        ? SigmaSpacing::karras
                         : lu          ? SigmaSpacing::lu
                         : exponential ? SigmaSpacing::exponential
                         : beta        ? SigmaSpacing::beta
                                       : SigmaSpacing::of_timesteps;
  if (config.kind == SchedulerKind::heun) return;
  reader.take("final_sigmas_type", &config.final_sigma_zero, final_sigmas);
  if (config.kind == SchedulerKind::dpm_multistep) return;
  reader.take("sigma_min", &config.sigma_min, 0, 1e30);
  reader.take("sigma_max", &config.sigma_max, 0, 1e30);
}

void read_dpm_multistep(const Reader& reader, SchedulerConfig& config) {
  Algorithm algorithm = Algorithm::x0;
  reader.take("algorithm_type", &algorithm, algorithms);
  config.stochastic = algorithm == Algorithm::x0_sde || algorithm == Algorithm::epsilon_sde;
  config.solve_epsilon = algorithm == Algorithm::epsilon || algorithm == Algorithm::epsilon_sde;
  reader.take("solver_order", &config.order, 1, 3);
  reader.take("solver_type", &config.solver, dpm_solvers);
  reader.take("lower_order_final", &config.lower_order_final);
  reader.take("euler_at_final", &config.euler_at_final);
  // Some writers quote -Infinity, the default.
  if (reader.given("lambda_min_clipped") && reader.json().at("lambda_min_clipped").value().kind() != Json::Kind::string)
    reader.take("lambda_min_clipped", &config.lambda_min_clipped, -huge, huge);
  if (config.solve_epsilon && config.stochastic && config.order == 3)
    reader.json().at("solver_order").fail("3 is not supported with algorithm_type sde-dpmsolver; supported: 1, 2");
}

void read_unipc(const Reader& reader, SchedulerConfig& config) {
  bool predict_x0 = true;
  reader.take("predict_x0", &predict_x0);
  config.solve_epsilon = !predict_x0;
  reader.take("solver_order", &config.order, 1, static_cast<int>(format::max_history));
  reader.take("solver_type", &config.solver, unipc_solvers);
  reader.take("lower_order_final", &config.lower_order_final);
  if (reader.given("solver_p")) reader.json().at("solver_p").fail("is not supported; supported: null");
  if (!reader.given("disable_corrector")) return;
  for (const int64_t step : reader.json().at("disable_corrector").integers(-most_train_steps, most_train_steps))
    config.without_corrector.push_back(static_cast<int>(step));
}

void read_solver(const Reader& reader, SchedulerConfig& config) {
  reader.refuse("use_flow_sigmas");
  reader.refuse("use_dynamic_shifting");
  config.kind == SchedulerKind::unipc ? read_unipc(reader, config) : read_dpm_multistep(reader, config);
  if (config.solve_epsilon && config.threshold)
    reader.json().fail(
        "thresholding is not supported where epsilon is integrated (dpmsolver, predict_x0 false); "
        "supported: dpmsolver++, predict_x0 true");
  if (config.solve_epsilon && config.final_sigma_zero)
    reader.json().fail(
        "final_sigmas_type 'zero' is not supported where epsilon is integrated (dpmsolver, predict_x0 "
        "false); supported: sigma_min");
}

bool by_sigmas(SchedulerKind kind) {
  return kind == SchedulerKind::euler || kind == SchedulerKind::heun || kind == SchedulerKind::dpm_multistep ||
         kind == SchedulerKind::unipc;
}

// Some kinds divide by alpha_bar of the last level.
void check_zero_snr(const Reader& reader, const SchedulerConfig& config) {
  const bool divides =
      config.kind == SchedulerKind::ddpm || config.kind == SchedulerKind::ddim || config.kind == SchedulerKind::lcm;
  if (config.rescale_zero_snr && divides && config.prediction == Prediction::epsilon)
    reader.json().fail(
        "rescale_betas_zero_snr is not supported with prediction_type epsilon (the last level holds no "
        "picture); supported: sample, v_prediction");
}

}  // namespace

Json parse_scheduler_json(std::string_view text, const std::string& name) {
  constexpr std::pair<std::string_view, std::string_view> words[] = {
      {"-Infinity", "-1.7976931348623157e308"}, {"Infinity", "1.7976931348623157e308"}, {"NaN", "null"}};
  std::string clean;
  bool in_string = false;
  for (size_t i = 0; i < text.size();) {
    size_t length = in_string && text[i] == '\\' && i + 1 < text.size() ? 2 : 1;
    std::string_view piece = text.substr(i, length);
    if (piece == "\"") in_string = !in_string;
    for (const auto& [word, number] : words) {
      if (in_string || length != 1 || text.substr(i, word.size()) != word) continue;
      piece = number;
      length = word.size();
    }
    clean += piece;
    i += length;
  }
  return parse_json(clean, name);
}

SchedulerConfig parse_scheduler_config(const JsonView& json) {
  const std::string name = json.at("_class_name").text();
  std::string supported;
  for (const NamedClass& entry : classes) {
    if (name == entry.name) return parse_scheduler_config(json, entry.kind);
    supported += (supported.empty() ? "" : ", ") + std::string(entry.name);
  }
  json.at("_class_name").fail("'" + name + "' is not supported; supported: " + supported);
}

SchedulerConfig parse_scheduler_config(const JsonView& json, SchedulerKind kind) {
  const Reader reader(json);
  SchedulerConfig config = defaults_of(kind);
  read_levels(reader, config);
  reader.take("timestep_spacing", &config.spacing, spacings);
  reader.take("steps_offset", &config.steps_offset, 0, most_train_steps);
  read_prediction(reader, config);
  read_clip(reader, config);
  if (by_sigmas(kind)) read_sigmas(reader, config);
  switch (kind) {
    case SchedulerKind::ddpm: reader.take("variance_type", &config.variance, variances); break;
    case SchedulerKind::euler: {
      int discrete = 0;
      reader.take("interpolation_type", &config.log_linear, interpolations);
      reader.take("timestep_type", &discrete, timestep_types);
      break;
    }
    case SchedulerKind::dpm_multistep:
    case SchedulerKind::unipc: read_solver(reader, config); break;
    case SchedulerKind::ddim: reader.take("set_alpha_to_one", &config.set_alpha_to_one); break;
    case SchedulerKind::pndm: {
      bool skip = false;
      reader.take("skip_prk_steps", &skip);
      reader.take("set_alpha_to_one", &config.set_alpha_to_one);
      if (!skip) json.fail("skip_prk_steps false (PNDMScheduler's default) is not supported; supported: true");
      break;
    }
    case SchedulerKind::lcm:
      reader.take("original_inference_steps", &config.lcm_steps, 1, config.train_steps);
      reader.take("timestep_scaling", &config.lcm_timestep_scaling, 0, 1e30);
      break;
    case SchedulerKind::euler_ancestral:
    case SchedulerKind::heun: break;
  }
  check_zero_snr(reader, config);
  return config;
}

const char* scheduler_class_name(SchedulerKind kind) {
  for (const NamedClass& entry : classes) {
    if (entry.kind == kind) return entry.name;
  }
  return "";
}

namespace {

struct NamedSampler {
  const char* name;
  SchedulerKind kind;
};
constexpr NamedSampler samplers[] = {
    {"ddim", SchedulerKind::ddim},
    {"ddpm", SchedulerKind::ddpm},
    {"ddpm-large", SchedulerKind::ddpm},
    {"ddpm-learned", SchedulerKind::ddpm},
    {"euler", SchedulerKind::euler},
    {"euler-ancestral", SchedulerKind::euler_ancestral},
    {"heun", SchedulerKind::heun},
    {"dpmpp-2m", SchedulerKind::dpm_multistep},
    {"dpmpp-2m-sde", SchedulerKind::dpm_multistep},
    {"unipc", SchedulerKind::unipc},
    {"lcm", SchedulerKind::lcm},
    {"pndm", SchedulerKind::pndm},
};

}  // namespace

std::vector<std::string> sampler_names() {
  std::vector<std::string> names;
  for (const NamedSampler& entry : samplers) names.push_back(entry.name);
  return names;
}

SchedulerConfig scheduler_config_as(const JsonView& json, const std::string& sampler) {
  SchedulerKind kind = SchedulerKind::ddim;
  for (const NamedSampler& entry : samplers) {
    if (sampler == entry.name) kind = entry.kind;
  }
  Json copy = json.value();
  if (sampler == "ddpm-large") copy.set("variance_type", "fixed_large");
  const Json* variance = copy.find("variance_type");
  if (sampler == "ddpm-learned" && (variance == nullptr || *variance != Json("learned")))
    copy.set("variance_type", "learned_range");
  if (sampler == "dpmpp-2m") copy.set("algorithm_type", "dpmsolver++");
  if (sampler == "dpmpp-2m-sde") copy.set("algorithm_type", "sde-dpmsolver++");
  if (sampler == "pndm") copy.set("skip_prk_steps", true);
  return parse_scheduler_config(JsonView(copy, "scheduler configuration"), kind);
}

std::string sampler_name_of(const SchedulerConfig& config) {
  if (config.kind == SchedulerKind::ddpm && config.variance == VarianceType::fixed_large) return "ddpm-large";
  const bool learned = config.variance == VarianceType::learned || config.variance == VarianceType::learned_range;
  if (config.kind == SchedulerKind::ddpm && learned) return "ddpm-learned";
  if (config.kind == SchedulerKind::dpm_multistep) return config.stochastic ? "dpmpp-2m-sde" : "dpmpp-2m";
  for (const NamedSampler& entry : samplers) {
    if (entry.kind == config.kind) return entry.name;
  }
  return "";
}

}  // namespace mote::tool
