#include "weights_tool/train/train_config.h"

#include <algorithm>
#include <cmath>

#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

// Every key but "model", with what a value of it may be.
struct Key {
  enum class Type { integer, number, boolean, choice, pair } type;
  const char* name;
  double low, high;
  std::vector<std::string> choices;
  const char* help;
};

constexpr double kMaxExact = 9007199254740992.0;  // 2^53

const std::vector<Key>& keys() {
  using T = Key::Type;
  static const std::vector<Key> table = {
      {T::choice, "schedule", 0, 0, {"linear", "quadratic", "sigmoid", "cosine"}, "noise schedule"},
      {T::integer, "timesteps", 2, 16384, {}, "levels of the schedule"},
      {T::choice, "prediction", 0, 0, {"epsilon", "x0", "v"}, "what the network predicts"},
      {T::choice,
       "loss",
       0,
       0,
       {"simple", "hybrid", "vlb"},
       "squared error, with the bound for a learned variance, bound alone"},
      {T::choice, "loss_weighting", 0, 0, {"simple", "epsilon", "min_snr"}, "weight of a level's squared error"},
      {T::number, "min_snr_gamma", 1e-6, 1e9, {}, "highest signal-to-noise ratio that min_snr counts"},
      {T::number, "vlb_weight", 0, 1e6, {}, "weight of the bound in the hybrid loss"},
      {T::choice, "timestep_sampling", 0, 0, {"uniform", "importance"}, "levels alike, or by their losses so far"},
      {T::integer, "batch", 1, 65536, {}, "pictures an optimiser step"},
      {T::number, "epochs", 1e-6, 1e6, {}, "passes over the pictures"},
      {T::number, "learning_rate", 0, 1, {}, "learning rate after the warm-up"},
      {T::integer, "warmup_steps", 0, 1e9, {}, "steps of rising learning rate"},
      {T::number, "final_learning_rate", 0, 1, {}, "learning rate at the end"},
      {T::number, "weight_decay", 0, 100, {}, "decay of matrices and convolutions"},
      {T::pair, "betas", 0, 0.9999999, {}, "decay of Adam's two moments"},
      {T::number, "gradient_clip", 0, 1e6, {}, "limit of the gradient's norm, 0: none"},
      {T::number, "ema", 0, 0.9999999, {}, "decay of the averaged weights"},
      {T::boolean, "flip", 0, 0, {}, "mirror half of the pictures"},
      {T::integer, "shift", 0, 64, {}, "pixels a picture is moved at random, at most"},
      {T::integer, "background", -1, 255, {}, "grey level behind transparent pictures; -1: refuse them"},
      {T::number, "class_dropout", 0, 1, {}, "share of pictures shown without class"},
      {T::integer, "seed", 0, kMaxExact, {}, "of everything random"},
      {T::integer, "checkpoint_every", 1, 1e9, {}, "steps between checkpoints"},
      {T::integer, "sample_every", 1, 1e9, {}, "steps between sample grids"},
      {T::integer, "validation_pictures", 0, 1e9, {}, "held-out pictures to measure the loss on"},
      {T::integer, "slice", 1, 1024, {}, "pictures in lockstep on a thread"},
      {T::integer, "slots", 1, 1024, {}, "partial gradients of a batch"},
  };
  return table;
}

const Key& key_named(const std::string& name) {
  for (const Key& key : keys()) {
    if (name == key.name) return key;
  }
  throw std::logic_error("no such key: " + name);
}

// Typed access to the keys of one file, falling back to the value the structure already has.
class Reader {
 public:
  explicit Reader(const JsonView& view) : view_(view) {}

  template <class T>
  void integer(const char* name, T* value) const {
    const Key& key = key_named(name);
    *value = static_cast<T>(view_.integer_or(name, static_cast<int64_t>(*value), static_cast<int64_t>(key.low),
                                             static_cast<int64_t>(key.high)));
  }
  void number(const char* name, double* value) const {
    const Key& key = key_named(name);
    *value = view_.number_or(name, *value, key.low, key.high);
  }
  void pair(const char* name, double* first, double* second) const {
    if (!view_.has(name)) return;
    const Key& key = key_named(name);
    const std::vector<double> values = view_.at(name).numbers(key.low, key.high);
    if (values.size() != 2) view_.at(name).fail("expected two numbers");
    *first = values[0];
    *second = values[1];
  }
  // Index of the choice.
  template <class T>
  void choice(const char* name, T* value) const {
    const Key& key = key_named(name);
    const std::string text = view_.one_of_or(name, key.choices[static_cast<size_t>(*value)], key.choices);
    *value = static_cast<T>(std::find(key.choices.begin(), key.choices.end(), text) - key.choices.begin());
  }

 private:
  const JsonView& view_;
};

// choice() uses the order of the enumerations.
static_assert(static_cast<int>(ScheduleKind::linear) == 0 && static_cast<int>(ScheduleKind::quadratic) == 1 &&
              static_cast<int>(ScheduleKind::sigmoid) == 2 && static_cast<int>(ScheduleKind::cosine) == 3);
static_assert(static_cast<int>(Prediction::epsilon) == 0 && static_cast<int>(Prediction::x0) == 1 &&
              static_cast<int>(Prediction::v) == 2);
static_assert(static_cast<int>(LossKind::simple) == 0 && static_cast<int>(LossKind::hybrid) == 1 &&
              static_cast<int>(LossKind::vlb) == 2);
static_assert(static_cast<int>(TimestepSampling::uniform) == 0 && static_cast<int>(TimestepSampling::importance) == 1);
static_assert(static_cast<int>(LossWeight::uniform) == 0 && static_cast<int>(LossWeight::epsilon) == 1 &&
              static_cast<int>(LossWeight::min_snr) == 2);

template <class T>
const std::string& choice_text(const char* name, T value) {
  return key_named(name).choices[static_cast<size_t>(value)];
}

std::string option_name(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return key;
}

Json option_value(const Arguments& arguments, const Key& key) {
  const std::string name = option_name(key.name);
  switch (key.type) {
    case Key::Type::integer: return Json(arguments.integer(name));
    case Key::Type::number: return Json(arguments.number(name));
    case Key::Type::boolean: return Json(arguments.text(name) == "true");
    case Key::Type::choice: return Json(arguments.text(name));
    case Key::Type::pair: break;
  }
  const std::string text = arguments.text(name);
  const size_t comma = text.find(',');
  double first = 0, second = 0;
  if (comma == std::string::npos || !parse_number(text.substr(0, comma), &first) ||
      !parse_number(text.substr(comma + 1), &second)) {
    arguments.fail("--" + name + ": expected two numbers with a comma between, got '" + text + "'");
  }
  return Json::array().push(first).push(second);
}

void read_loss(const Reader& read, const JsonView& view, TrainConfig* config) {
  const bool learned = config->model.learned_variance;
  if (learned) config->loss = LossKind::hybrid;
  read.choice("loss", &config->loss);
  if (learned && config->loss == LossKind::simple)
    view.at("loss").fail("nothing would train the learned variance; use \"hybrid\" or \"vlb\"");
  if (!learned && config->loss == LossKind::hybrid)
    view.at("loss").fail("hybrid is for a network with \"learned_variance\": true");
  read.choice("loss_weighting", &config->loss_weighting);
  read.number("min_snr_gamma", &config->min_snr_gamma);
  read.number("vlb_weight", &config->vlb_weight);
  read.choice("timestep_sampling", &config->timestep_sampling);
}

}  // namespace

TrainConfig train_config_from_json(const Json& json, const std::string& where) {
  const JsonView view(json, where);
  std::vector<std::string> known = {"model", "signal", "distillation", "gan"};
  for (const Key& key : keys()) known.push_back(key.name);
  view.refuse_unknown(known);
  TrainConfig config;
  config.model = model_config_from_json(view.at("model"));
  if (view.has("signal")) config.signal = signal_config_from_json(view.at("signal"));
  const Reader read(view);
  read.choice("schedule", &config.schedule);
  read.integer("timesteps", &config.timesteps);
  read.choice("prediction", &config.prediction);
  read_loss(read, view, &config);
  read.integer("batch", &config.batch);
  read.number("epochs", &config.epochs);
  read.number("learning_rate", &config.learning_rate);
  read.integer("warmup_steps", &config.warmup_steps);
  read.number("final_learning_rate", &config.final_learning_rate);
  read.number("weight_decay", &config.weight_decay);
  read.pair("betas", &config.beta1, &config.beta2);
  read.number("gradient_clip", &config.gradient_clip);
  read.number("ema", &config.ema);
  config.flip = view.boolean_or("flip", config.flip);
  read.integer("shift", &config.shift);
  read.integer("background", &config.background);
  read.number("class_dropout", &config.class_dropout);
  read.integer("seed", &config.seed);
  read.integer("checkpoint_every", &config.checkpoint_every);
  read.integer("sample_every", &config.sample_every);
  read.integer("validation_pictures", &config.validation_pictures);
  read.integer("slice", &config.slice);
  read.integer("slots", &config.slots);
  if (view.has("distillation")) {
    config.distillation = distill_config_from_json(view.at("distillation"), config.timesteps);
    if (config.loss != LossKind::simple || config.timestep_sampling != TimestepSampling::uniform)
      view.at("distillation").fail("needs \"loss\": \"simple\" and \"timestep_sampling\": \"uniform\"");
  }
  if (view.has("gan")) {
    config.gan = gan_config_from_json(view.at("gan"), config.timesteps);
    if (config.distillation.wanted()) view.at("gan").fail("a training is a distillation or adversarial, not both");
  }
  for (const char* key : {"distillation", "gan"}) {
    if (!view.has(key)) continue;
    if (config.loss != LossKind::simple) view.at(key).fail("needs \"loss\": \"simple\" and no learned variance");
    if (config.timestep_sampling != TimestepSampling::uniform)
      view.at(key).fail("draws the sampler's own levels; leave out timestep_sampling");
  }
  return config;
}

Json train_config_to_json(const TrainConfig& config) {
  Json json = Json::object();
  json.set("model", model_config_to_json(config.model));
  if (config.signal) json.set("signal", signal_config_to_json(*config.signal));
  json.set("schedule", choice_text("schedule", config.schedule)).set("timesteps", config.timesteps);
  json.set("prediction", choice_text("prediction", config.prediction));
  json.set("loss", choice_text("loss", config.loss));
  json.set("loss_weighting", choice_text("loss_weighting", config.loss_weighting));
  json.set("min_snr_gamma", config.min_snr_gamma).set("vlb_weight", config.vlb_weight);
  json.set("timestep_sampling", choice_text("timestep_sampling", config.timestep_sampling));
  json.set("batch", config.batch).set("epochs", config.epochs);
  json.set("learning_rate", config.learning_rate).set("warmup_steps", config.warmup_steps);
  json.set("final_learning_rate", config.final_learning_rate).set("weight_decay", config.weight_decay);
  json.set("betas", Json::array().push(config.beta1).push(config.beta2));
  json.set("gradient_clip", config.gradient_clip).set("ema", config.ema).set("flip", config.flip);
  json.set("shift", config.shift).set("background", config.background);
  json.set("class_dropout", config.class_dropout).set("seed", config.seed);
  json.set("checkpoint_every", config.checkpoint_every).set("sample_every", config.sample_every);
  json.set("validation_pictures", config.validation_pictures);
  json.set("slice", config.slice).set("slots", config.slots);
  if (config.distillation.wanted()) json.set("distillation", distill_config_to_json(config.distillation));
  if (config.gan.wanted()) json.set("gan", gan_config_to_json(config.gan));
  return json;
}

int64_t total_steps(const TrainConfig& config, int64_t pictures) {
  if (config.distillation.wanted()) return distill_updates(config.distillation);
  const double steps = std::ceil(config.epochs * static_cast<double>(pictures) / config.batch);
  if (steps >= 4294967295.0) {
    throw Error(ExitCode::usage, "epochs: that many passes are more than 2^32 steps; fewer epochs or a larger batch");
  }
  return std::max<int64_t>(1, static_cast<int64_t>(steps));
}

std::vector<Option> train_config_options() {
  std::vector<Option> options;
  for (const Key& key : keys()) {
    const std::string name = option_name(key.name);
    switch (key.type) {
      case Key::Type::integer:
        options.push_back(
            Option::integer(name, static_cast<int64_t>(key.low), static_cast<int64_t>(key.high), key.help));
        break;
      case Key::Type::number: options.push_back(Option::number(name, key.low, key.high, key.help)); break;
      case Key::Type::boolean: options.push_back(Option::choice(name, "", {"true", "false"}, key.help)); break;
      case Key::Type::choice: options.push_back(Option::choice(name, "", key.choices, key.help)); break;
      case Key::Type::pair: options.push_back(Option::text(name, "A,B", key.help)); break;
    }
  }
  return options;
}

void apply_train_options(const Arguments& arguments, Json* json) {
  if (json->kind() != Json::Kind::object) return;  // train_config_from_json says what is wrong
  for (const Key& key : keys()) {
    if (arguments.has(option_name(key.name))) json->set(key.name, option_value(arguments, key));
  }
}

namespace {

// Do both have the same distillation but for its updates?
bool same_stages(const std::string& key, const TrainConfig& before, const TrainConfig& now) {
  return key == "distillation" && now.distillation.wanted() &&
         before.distillation.teacher_steps == now.distillation.teacher_steps &&
         before.distillation.steps == now.distillation.steps;
}

}  // namespace

std::vector<std::string> config_differences(const TrainConfig& before, const TrainConfig& now) {
  static const char* const free_keys[] = {"epochs", "checkpoint_every", "sample_every", "validation_pictures"};
  const Json old_json = train_config_to_json(before), new_json = train_config_to_json(now);
  std::vector<std::string> differences;
  for (const auto& [key, value] : old_json.members()) {
    const std::string& name = key;
    const Json* found = new_json.find(name);
    const Json other = found != nullptr ? *found : Json();
    const bool is_free =
        std::any_of(std::begin(free_keys), std::end(free_keys), [&](const char* k) { return name == k; });
    if (is_free || value == other || same_stages(name, before, now)) continue;
    differences.push_back(key == "model" ? "model"
                                         : key + ": " + write_json(value, 0) + ", now " + write_json(other, 0));
  }
  for (const char* key : {"distillation", "gan", "signal"}) {
    if (old_json.find(key) == nullptr && new_json.find(key) != nullptr)
      differences.push_back(std::string(key) + ": new");
  }
  return differences;
}

}  // namespace mote::tool
