// What `invert` and `interpolate` share: a model's noise levels, pictures of its size from files, and x_T for them.
#pragma once
#include <string>
#include <vector>

#include "weights_tool/commands/sample_pictures.h"
#include "weights_tool/diffusion/parameterisation.h"

namespace mote::tool {

// A model that DDIM can be inverted on.
struct InvertibleModel {
  ModelBuffer model;
  std::vector<float> levels;  // as the file stores them
  Prediction prediction;
};
InvertibleModel load_invertible(const std::string& path);

// Pictures of the model's size as floats in [-1, 1], NHWC, one after another: a PNG file, an IDX file of bytes, or a .npy
// file of floats (N, C, H, W). At most `most`. Error(invalid_input) for another size.
std::vector<float> read_pictures(const std::string& path, const mote_model_info& info, size_t most);

// x_T of each picture under DDIM of `request.steps` trailing steps; request's classes, threads and kernels are used.
// evaluations: of the network, a picture.
std::vector<float> invert_pictures(const InvertibleModel& source, const SampleRequest& request,
                                   const std::vector<float>& pictures, int iterations, int* evaluations);

}  // namespace mote::tool
