// A small convolutional classifier of pictures: a Graph of the same operators as every network here, so that the trainer's
// machinery runs it. What it sees in pictures just before it decides (its features) is what weights_tool/evaluate
// compares sets of pictures in. Neither training nor files: classifier_trainer.h, classifier_file.h.
//
// Level 0 is a 3x3 convolution at full size. Every further level is a 3x3 convolution of stride 2 and one to the level's
// width, each followed by group normalisation and ReLU. Then the mean over the picture, a layer of features with ReLU, and
// a linear layer to one logit a class.
//
// A noisy classifier knows p(class | x_t, t) at every level of a noise schedule (Dhariwal & Nichol 2021, arXiv 2105.05233,
// section 4): an embedding of t scales and shifts each normalisation. train/classifier_guide.h steers a sampler with it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/graph/graph.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

struct ClassifierConfig {
  int height = 28, width = 28, channels = 1, classes = 10;
  std::vector<int> widths{32, 64, 128};  // channels of each level
  int features = 128;
  int groups = 8;                                // of the normalisations; divides every width
  int time_features = 0;                         // of the embedding of t: even; 0: it knows clean pictures only
  ScheduleKind schedule = ScheduleKind::cosine;  // of the noise, with time_features
  int timesteps = 1000;
};

// Levels enough to bring the shorter side down to 8 or less.
// `first`: width of the first level.
ClassifierConfig default_classifier(int height, int width, int channels, int classes, int first = 32);
// Why no graph is built of a configuration: "" or what is out of bounds.
std::string classifier_misfit(const ClassifierConfig& config);

Json classifier_config_to_json(const ClassifierConfig& config);
// Error(invalid_input) with the place in the file.
ClassifierConfig classifier_config_from_json(const JsonView& view);

// The noise of a noisy classifier.
Schedule classifier_schedule(const ClassifierConfig& config);

// Input [height, width, channels] in [-1, 1]; output [classes], logits. Parameters follow from the seed.
Graph build_classifier(const ClassifierConfig& config, uint64_t seed);
// The tensor of the features, [1, 1, features], none below 0.
int classifier_feature_tensor(const Graph& graph);

// -log softmax(logits)[label]. d_logits: share times its gradient; null: not wanted. 0 <= label < classes.
double softmax_cross_entropy(const float* logits, int classes, int label, double share, float* d_logits);
// The largest logit's index (the first of equals); confidence: its softmax.
int classify(const float* logits, int classes, float* confidence);

}  // namespace mote::tool
