// Edits pictures with a model, through the C API: what `edit` does, without command line and files.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "weights_tool/commands/model_buffer.h"

namespace mote::tool {

// Pictures are [count][height][width][channels] of the model, floats in [-1, 1]. An input that is empty is not used;
// the others all have the same count.
struct EditRequest {
  uint32_t inputs = 0;   // pictures to edit
  uint32_t samples = 1;  // results of each
  // Where the trajectory begins: at noise, or at one of these.
  std::vector<float> image;
  float strength = 0.5f;
  std::vector<float> noisy;
  float sigma = 0;
  // What x_t is held to.
  std::vector<float> known;
  std::vector<uint8_t> known_mask;  // of one picture, or of each
  std::vector<float> measured;      // averages if block > 0, else pictures
  std::vector<uint8_t> measured_mask;
  uint32_t block_height = 0, block_width = 0;
  float weight = 1;
  uint32_t rounds = 1;

  uint32_t steps = 0;
  mote_method method = MOTE_METHOD_DEFAULT;
  std::vector<int32_t> timesteps;
  float guidance = 0;
  uint64_t seed = 1;
  uint32_t first_index = 0;  // sample_index of the first result of each input
  int32_t class_label = MOTE_NO_CLASS;
  std::string kernels;
  int threads = 1;
  std::function<void(uint64_t steps_done)> progress;
};

struct EditResult {
  std::vector<float> pictures;  // [inputs][samples][H][W][C]
  uint32_t steps = 0;           // that ran for each
  double seconds = 0;
  std::string kernels;
  size_t device_working_bytes = 0;
};

// Throws Error for what the model does not have, Error(interrupted) after Ctrl-C.
EditResult edit_pictures(const ModelBuffer& model, const EditRequest& request);

// Means of blocks of pixels, as mote_sampler_set_measured_averages has them.
std::vector<float> block_averages(const std::vector<float>& pictures, const mote_model_info& info,
                                  uint32_t block_height, uint32_t block_width);

}  // namespace mote::tool
