// Every option of the architecture (weights_tool/graph/unet.h) trains: a few hundred steps on pictures or signals whose
// first half is bright bring the loss clearly below that of predicting nothing.
#include <doctest/doctest.h>

#include "tiny_training.h"
#include "weights_tool/train/trainer.h"

using namespace mote;
using namespace mote::tool;

namespace {

Dataset bright_halves(int height, int width, size_t count) {
  Dataset data;
  data.source = "bright halves";
  data.images.count = count;
  data.images.height = static_cast<size_t>(height);
  data.images.width = static_cast<size_t>(width);
  data.images.channels = 1;
  std::mt19937 random(5);
  for (size_t i = 0; i < count; ++i) {
    const int label = static_cast<int>(i % 2);
    data.labels.push_back(label);
    for (int p = 0; p < height * width; ++p) {
      const bool bright = (p % width * 2 < width) == (label == 0);
      data.images.pixels.push_back(static_cast<uint8_t>((bright ? 220 : 10) + random() % 20));
    }
  }
  return data;
}

// The loss after training on them; the noise is predicted, of which 0 explains nothing: 1.
double trained_loss(const std::string& model) {
  TrainConfig config = mote::test::tiny_config();
  const Json json = parse_json(model, "model.json");
  config.model = unet_config_from_json(JsonView(json, "model.json"));
  config.prediction = Prediction::epsilon;
  config.flip = false;
  config.batch = 16;
  config.slice = 4;
  config.epochs = 50;
  config.warmup_steps = 20;
  const Dataset data = bright_halves(config.model.height, config.model.width, 64);
  KernelSet set;
  find_kernel_set(nullptr, &set);
  ThreadPool pool(2);
  Trainer trainer(config, data, set, pool);
  CHECK(trainer.step().loss == doctest::Approx(1.0).epsilon(0.25));  // the last convolution begins at zero
  StepResult last;
  while (trainer.steps_done() < trainer.total_steps()) last = trainer.step();
  return last.smoothed_loss;
}

}  // namespace

TEST_CASE("every option of the architecture trains") {
  for (const char* model : {
           // signals: kernels of one row
           R"({"height": 1, "width": 32, "channels": 1, "classes": 2, "kernel": 5, "base_channels": 8,
               "multipliers": [1, 2, 2], "groups": 4, "time_features": 16, "attention_levels": [2]})",
           // attention at several resolutions
           R"({"height": 8, "width": 8, "channels": 1, "classes": 2, "base_channels": 8, "multipliers": [1, 2],
               "groups": 4, "time_features": 16, "attention_levels": [0, 1], "heads": 2})",
           // AdaGN
           R"({"height": 8, "width": 8, "channels": 1, "classes": 2, "base_channels": 8, "multipliers": [1, 2],
               "groups": 4, "time_features": 16, "scale_shift": true})",
           // heads of a width
           R"({"height": 8, "width": 8, "channels": 1, "classes": 2, "base_channels": 8, "multipliers": [1, 2],
               "groups": 4, "time_features": 16, "attention_levels": [0, 1], "head_width": 4})",
           // residual blocks that halve and double, of pictures and of signals
           R"({"height": 8, "width": 8, "channels": 1, "classes": 2, "base_channels": 8, "multipliers": [1, 2],
               "groups": 4, "time_features": 16, "resample_blocks": "residual"})",
           R"({"height": 1, "width": 32, "channels": 1, "classes": 2, "kernel": 3, "base_channels": 8,
               "multipliers": [1, 2, 2], "groups": 4, "time_features": 16, "resample_blocks": "residual"})",
       }) {
    CAPTURE(model);
    CHECK(trained_loss(model) < 0.5);
  }
}
