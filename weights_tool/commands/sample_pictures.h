// Draws pictures from a model: what `sample` and training's sample grids do, without command line and files.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "weights_tool/commands/model_buffer.h"
#include "weights_tool/diffusion/host_step.h"

namespace mote::tool {

// A picture in the making, for samplers that no list of rows can say. NHWC.
struct HostPicture {
  size_t elements;
  uint64_t seed;
  uint32_t sample_index;
  int32_t class_label;
  std::function<void(const float* x, float timestep, float* m)> predict;  // the network's output, without a variance
};
// Turns x_T into a picture, in place; returns how often it asked the network.
using HostSolver = std::function<int(const HostPicture& picture, std::vector<float>& x)>;
// d log p(class | x, t) / dx into `gradient`; called from any thread.
using HostGuide = std::function<void(const float* x, float timestep, int32_t class_label, float* gradient)>;

struct SampleRequest {
  uint32_t count = 64;
  uint32_t first_index = 0;  // sample_index of the first picture
  uint32_t steps = 0;        // 0: the model's
  mote_method method = MOTE_METHOD_DEFAULT;
  float eta = 0;
  float guidance = 0;  // mote_config::guidance_scale
  uint64_t seed = 1;
  std::vector<int32_t> timesteps;       // `steps` of them, falling; empty: evenly spaced
  bool cycle_classes = true;            // picture i has class sample_index % num_classes
  int32_t class_label = MOTE_NO_CLASS;  // otherwise this one
  std::string kernels;                  // "": the fastest
  int threads = 1;
  std::vector<float> init;  // x_T of every picture, NHWC; empty: drawn from the seed
  // Not empty: these steps are taken here, the network's outputs alone come from the C API; steps, method, eta and
  // timesteps say nothing then.
  std::vector<HostStep> host_steps;
  std::vector<float> noise;  // of host_steps: [steps][count or 1][H][W][C]; empty: drawn from the seed
  HostSolver solver;         // if given, in place of all steps
  HostGuide guide;           // of host_steps that say what to do with it
  bool trajectory = false;   // not with `solver`
  std::function<void(uint64_t steps_done)> progress;  // called from any thread, one at a time
};

// Pictures are NHWC, one after another.
struct SampleResult {
  std::vector<float> pictures;
  std::vector<uint8_t> pixels;
  std::vector<float> trajectory;               // [steps + 1][count][H][W][C]: x_T, then x after each step
  std::vector<int32_t> classes;                // of each picture
  uint32_t steps = 0;                          // of a solver 1
  uint64_t evaluations = 0;                    // of the network, of all pictures
  double seconds = 0;                          // all of them, set-up not counted
  double seconds_a_picture = 0;                // on the threads that worked on it, the mean
  size_t working_bytes = 0, packed_bytes = 0;  // of one sampler; shared
  size_t device_working_bytes = 0;             // what one sampler needs on a device: one thread, nothing rearranged
  std::string kernels;
};

// Throws Error(usage) for what the model does not have (a class, a step count), Error(interrupted) after Ctrl-C.
SampleResult sample_pictures(const ModelBuffer& model, const SampleRequest& request);

}  // namespace mote::tool
