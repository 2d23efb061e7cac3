// The configuration of a training: one JSON object, every key of it known, every value in range. The part under "model"
// is the network's (graph/model_config.h), that under "signal", which may be absent, the recording's (train/signal.h). The other
// keys exist as command-line options too, which overwrite the file's.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weights_tool/diffusion/parameterisation.h"
#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/graph/model_config.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/json.h"
#include "weights_tool/train/distill_config.h"
#include "weights_tool/train/gan_config.h"
#include "weights_tool/train/signal.h"

namespace mote::tool {

// What is minimised (train/loss.h), and how the levels of a batch are drawn (train/level_sampler.h).
enum class LossKind { simple, hybrid, vlb };
enum class TimestepSampling { uniform, importance };

struct TrainConfig {
  ModelConfig model;
  std::optional<SignalConfig> signal;  // the data are windows of one recording: how they are cut out and scaled
  ScheduleKind schedule = ScheduleKind::cosine;
  int timesteps = 1000;  // T, levels of the schedule
  Prediction prediction = Prediction::v;
  LossKind loss = LossKind::simple;                 // default with "learned_variance": hybrid, and simple is refused
  LossWeight loss_weighting = LossWeight::uniform;  // in JSON: "simple", "epsilon", "min_snr"
  double min_snr_gamma = 5;                         // of min_snr
  double vlb_weight = 0.001;                        // share of the variational bound in the hybrid loss
  TimestepSampling timestep_sampling = TimestepSampling::uniform;
  int batch = 128;                     // pictures an optimiser step
  double epochs = 40;                  // passes over the pictures; may be a fraction
  double learning_rate = 1e-3;         // after the warm-up
  int64_t warmup_steps = 500;          // linear from 0
  double final_learning_rate = 1e-5;   // where the cosine ends
  double weight_decay = 0.01;          // of matrices and convolutions, multiplied by the learning rate
  double beta1 = 0.9, beta2 = 0.999;   // in JSON: "betas": [0.9, 0.999]
  double gradient_clip = 1.0;          // limit of the global norm; 0: none
  double ema = 0.9995;                 // of the averaged weights, approached from below while training is young
  bool flip = true;                    // mirror half of the pictures
  int shift = 0;                       // move pictures up to that many pixels in each direction
  int background = -1;                 // grey level behind transparent pictures; -1: such pictures are refused
  double class_dropout = 0.1;          // share of pictures shown without their class; class-conditional only
  uint64_t seed = 1;                   // of everything random, below 2^63
  int64_t checkpoint_every = 500;      // steps
  int64_t sample_every = 1000;         // steps; also how often the held-out loss is measured
  int64_t validation_pictures = 2048;  // at most that many held-out pictures
  int slice = 8, slots = 8;            // train/gradients.h: how a batch is cut; part of what decides the bytes
  DistillConfig distillation;          // few steps from a teacher; its updates then count instead of the epochs
  GanConfig gan;                       // few steps against a discriminator
};

// Error(invalid_input) that names the key, in `where` (a path), for unknown keys, wrong types and ranges.
TrainConfig train_config_from_json(const Json& json, const std::string& where);
// Every key, in a fixed order: the text of equal configurations is equal.
Json train_config_to_json(const TrainConfig& config);

// ceil(epochs * pictures / batch), at least 1; of a distillation the sum of its updates. Error(usage) if that is 2^32 or more.
int64_t total_steps(const TrainConfig& config, int64_t pictures);

// The options that overwrite keys (those of "model" aside): "--learning-rate" for "learning_rate". Without defaults.
std::vector<Option> train_config_options();
// Sets the keys of the options that were given.
void apply_train_options(const Arguments& arguments, Json* json);

// Keys in which two configurations differ ("model" compared as a whole), as "batch: 128, now 64", without those that
// may change when a training goes on: epochs, checkpoint_every, sample_every, validation_pictures, and the updates of a
// distillation's stages (DistillTrainer::resume refuses those of stages that are over).
std::vector<std::string> config_differences(const TrainConfig& before, const TrainConfig& now);

}  // namespace mote::tool
