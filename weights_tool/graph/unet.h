// Builds the UNet of Ho et al. 2020 (arXiv 2006.11239) with the options of Dhariwal & Nichol 2021 (arXiv 2105.05233)
// from a JSON configuration. Defines the configuration's keys; knows nothing of training.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/graph/graph.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

// JSON: {"height": 28, "width": 28, "channels": 1, "classes": 10, "base_channels": 16, "multipliers": [1, 2, 3],
//  "blocks": 1 or [1, 1, 2], "attention_levels": [2], "heads": 1, "groups": 8, "dropout": 0.1, "scale_shift": false,
//  "reduce_on_upsample": true, "time_features": 64, "sinusoid_features": 32, "middle_attention": true, "kernel": 3,
//  "head_width": 32 in place of "heads", "resample_blocks": "conv" or "residual", "learned_variance": false}
// A height of 1 makes a network of signals: its convolutions are 1 x kernel, and only the width is halved and doubled.
struct UNetConfig {
  int height = 28, width = 28, channels = 1;
  int kernel = 3;   // of every convolution but the 1 x 1 ones: 3, 5 or 7, as wide as high; 1 high if height is 1
  int classes = 0;  // 0: unconditional; else a null class is added as number `classes`
  int base_channels = 16;
  std::vector<int> multipliers{1, 2, 3};  // channels of level i: base_channels * multipliers[i]
  std::vector<int> level_channels;        // or the channels of each level themselves (key "level_channels")
  std::vector<int> blocks{1};             // residual blocks of each level on the way down; one more on the way up
  std::vector<int> attention_levels;      // levels (0 is the full resolution) whose blocks are followed by attention
  bool middle_attention = true;
  int heads = 1;                   // of every attention
  int head_width = 0;              // or channels of every head (ADM): as many heads as they make; 0: `heads` counts
  int groups = 8;                  // of every group normalisation; must divide the channels
  double dropout = 0;              // before the second convolution of a residual block
  bool scale_shift = false;        // the time embedding scales and shifts the second normalisation (AdaGN)
  bool reduce_on_upsample = true;  // what upsamples already has the channels of the next level
  // What halves and doubles: false: a convolution of stride 2, or of the upsampled input; true: a residual block that
  // averages or repeats pixels in front of its first convolution and in its shortcut (ADM).
  bool residual_resampling = false;
  int time_features = 64;         // width of the time embedding's MLP
  bool learned_variance = false;  // 2 * channels come out: the prediction, then v of the variance (likelihood.h)
  int sinusoid_features = 32;     // sines and cosines of the timestep together, which the MLP begins with
};

// Throws Error(invalid_input) naming the key for wrong types, unknown keys and values that do not fit together (groups
// that do not divide, sizes that cannot be halved).
UNetConfig unet_config_from_json(const JsonView&);
// Channels of each level: level_channels, or base_channels * multipliers.
std::vector<int> unet_level_channels(const UNetConfig&);
Json unet_config_to_json(const UNetConfig&);

// The graph with parameters initialised from `seed`: uniform in +-1/sqrt(fan_in); the last convolution of every residual
// block, of every attention and of the network zero (Ho et al., their code).
Graph build_unet(const UNetConfig&, uint64_t seed);

}  // namespace mote::tool
