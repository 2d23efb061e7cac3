#include "weights_tool/train/train_config.h"

#include <doctest/doctest.h>

#include "weights_tool/io/error.h"

using namespace mote::tool;

namespace {

TrainConfig parse(const std::string& text) { return train_config_from_json(parse_json(text, "c.json"), "c.json"); }

std::string refusal(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::invalid_input);
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("what a configuration leaves out has a default, what it says is taken") {
  const TrainConfig defaults = parse("{\"model\": {}}");
  CHECK(defaults.batch == 128);
  CHECK(defaults.schedule == ScheduleKind::cosine);
  CHECK(defaults.prediction == mote::format::Prediction::v);
  CHECK(defaults.flip);
  const TrainConfig config = parse(
      "{\"model\": {\"base_channels\": 24}, \"schedule\": \"sigmoid\", \"timesteps\": 200, \"prediction\": \"x0\", "
      "\"loss_weighting\": \"min_snr\", \"batch\": 7, \"epochs\": 1.5, \"betas\": [0.8, 0.95], \"flip\": false, "
      "\"shift\": 2, \"background\": 7, "
      "\"seed\": 9007199254740992, \"ema\": 0}");
  CHECK(config.model.base_channels == 24);
  CHECK(config.schedule == ScheduleKind::sigmoid);
  CHECK(config.timesteps == 200);
  CHECK(config.prediction == mote::format::Prediction::x0);
  CHECK(config.loss_weighting == LossWeight::min_snr);
  CHECK(config.epochs == 1.5);
  CHECK(config.beta1 == 0.8);
  CHECK(config.beta2 == 0.95);
  CHECK(!config.flip);
  CHECK(config.shift == 2);
  CHECK(config.background == 7);
  CHECK(config.seed == 9007199254740992u);
  CHECK(config.ema == 0);
}

TEST_CASE("a configuration is the same after being written and read") {
  TrainConfig config;
  config.schedule = ScheduleKind::quadratic;
  config.prediction = mote::format::Prediction::epsilon;
  config.loss_weighting = LossWeight::epsilon;
  config.learning_rate = 1.0 / 3;
  config.flip = false;
  config.model.blocks = {1, 2, 1};
  const Json json = train_config_to_json(config);
  const TrainConfig again = parse(write_json(json));
  CHECK(write_json(train_config_to_json(again)) == write_json(json));
  CHECK(again.learning_rate == 1.0 / 3);
  CHECK(config_differences(config, again).empty());
}

TEST_CASE("wrong keys, types and ranges are refused by name") {
  const auto names = [](const std::string& text, const std::string& part) {
    const std::string line = refusal(text);
    INFO(line);
    return line.rfind("c.json: ", 0) == 0 && line.find(part) != std::string::npos;
  };
  CHECK(names("{}", "model"));
  CHECK(names("{\"model\": {}, \"lerning_rate\": 1}", "learning_rate"));
  CHECK(names("{\"model\": {}, \"batch\": \"many\"}", "batch"));
  CHECK(names("{\"model\": {}, \"batch\": 1.5}", "batch"));
  CHECK(names("{\"model\": {}, \"timesteps\": 16385}", "timesteps"));
  CHECK(names("{\"model\": {}, \"betas\": [0.9]}", "betas"));
  CHECK(names("{\"model\": {}, \"betas\": [0.9, 1.0]}", "betas"));
  CHECK(names("{\"model\": {}, \"ema\": 1}", "ema"));
  CHECK(names("{\"model\": {}, \"schedule\": \"linear \"}", "schedule"));
  CHECK(names("{\"model\": {}, \"flip\": 1}", "flip"));
  CHECK(names("{\"model\": {}, \"epochs\": 0}", "epochs"));
  CHECK(names("{\"model\": {\"groups\": 5}}", "groups"));
}

TEST_CASE("options overwrite keys, and say the same things as the file") {
  CommandSpec spec;
  spec.name = "x";
  spec.options = train_config_options();
  const auto with = [&](const std::vector<std::string>& words) {
    Json json = parse_json("{\"model\": {}, \"batch\": 4, \"epochs\": 2}", "c.json");
    apply_train_options(Arguments(spec, words), &json);
    return train_config_from_json(json, "c.json");
  };
  CHECK(with({}).batch == 4);
  const TrainConfig config = with({"--batch", "9", "--betas", "0.5,0.25", "--flip", "false", "--prediction", "x0"});
  CHECK(config.batch == 9);
  CHECK(config.epochs == 2);
  CHECK(config.beta1 == 0.5);
  CHECK(config.beta2 == 0.25);
  CHECK(!config.flip);
  CHECK(config.prediction == mote::format::Prediction::x0);
  CHECK_THROWS_AS(with({"--batch", "0"}), Error);
  CHECK_THROWS_AS(with({"--betas", "0.5;0.25"}), Error);
}

TEST_CASE("the number of steps covers the epochs, the last batch included") {
  TrainConfig config;
  config.batch = 128;
  config.epochs = 40;
  CHECK(total_steps(config, 60000) == 18750);
  config.epochs = 1;
  CHECK(total_steps(config, 60000) == 469);
  config.epochs = 1e-6;
  CHECK(total_steps(config, 10) == 1);
  config.epochs = 1e6;
  config.batch = 1;
  CHECK_THROWS_AS(total_steps(config, 60000), Error);
}

TEST_CASE("keys that may change when a training goes on are not called different") {
  TrainConfig before, now;
  now.epochs = 99;
  now.checkpoint_every = now.sample_every = 7;
  now.validation_pictures = 3;
  CHECK(config_differences(before, now).empty());
  now.batch = 64;
  now.model.groups = 4;
  const std::vector<std::string> differences = config_differences(before, now);
  REQUIRE(differences.size() == 2);
  CHECK(differences[0] == "model");
  CHECK(differences[1] == "batch: 128, now 64");
}

TEST_CASE("a learned variance asks for a loss that trains it; importance sampling and the bound have their keys") {
  CHECK(parse("{\"model\": {}}").loss == LossKind::simple);
  CHECK(parse("{\"model\": {\"learned_variance\": true}}").loss == LossKind::hybrid);
  CHECK(parse("{\"model\": {\"learned_variance\": true}}").vlb_weight == 0.001);
  CHECK(parse("{\"model\": {}}").min_snr_gamma == 5);
  const TrainConfig config = parse(
      "{\"model\": {\"learned_variance\": true}, \"loss\": \"vlb\", \"timestep_sampling\": \"importance\", "
      "\"min_snr_gamma\": 3, \"vlb_weight\": 0.5}");
  CHECK(config.loss == LossKind::vlb);
  CHECK(config.timestep_sampling == TimestepSampling::importance);
  CHECK(config.min_snr_gamma == 3);
  CHECK(config.vlb_weight == 0.5);
  CHECK(config_differences(config, parse(write_json(train_config_to_json(config)))).empty());
  CHECK(parse("{\"model\": {}, \"loss\": \"vlb\"}").loss == LossKind::vlb);
  CHECK(refusal("{\"model\": {\"learned_variance\": true}, \"loss\": \"simple\"}").find("hybrid") != std::string::npos);
  CHECK(refusal("{\"model\": {}, \"loss\": \"hybrid\"}").find("learned_variance") != std::string::npos);
}
