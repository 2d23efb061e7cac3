// diffusers' UNet2DModel as a graph of plain operators, without its weights: which tensors of a checkpoint fill which
// parameter stands beside it, so that reading a checkpoint and writing one follow the same list (unet_weights.h).
//
// Operators are called what the library calls its modules ("down_blocks.0.resnets.1.conv1"). Concatenations are never
// stored: what reads one has two inputs, the hidden state first.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/diffusers/unet_config.h"
#include "weights_tool/graph/graph.h"

namespace mote::tool {

// A tensor of the checkpoint, in the library's layout: convolutions [out, in, height, width], linear layers [out, in].
struct WeightPart {
  std::string name;
  std::string old_name;  // what it is called before diffusers 0.12, "" the same: query, key, value, proj_attn
  std::vector<uint64_t> shape;
};

// What the parts, one after another, become.
enum class WeightForm {
  copy,             // the same numbers in the same order
  convolution,      // [o, i, h, w] -> [o, h, w, i]
  doubled,          // convolution, times 2
  less_inputs_sum,  // [o, i, h, w] -> [o, h, w, 1]: minus the sum over i
  table,            // [n, d] -> [n + 1, d]: a last row of zeros, "no class"
  first_columns,    // [o, i] -> [o, i']: columns beyond i' only ever see zeros
  over_time,        // [n] -> [n, 4]: times reciprocal_factors(), then 0, 0
};

struct ExpectedWeight {
  int tensor = -1;  // of the graph; -1: only read while importing (a class embedding that is evaluated)
  WeightForm form = WeightForm::copy;
  std::vector<WeightPart> parts;
  bool may_lack = false;  // biases of attention: zero when none of the parts is there
};

struct UnetGraph {
  Graph graph;  // parameters that come from a checkpoint have no values; all others have
  std::vector<ExpectedWeight> weights;
};

// A network for pictures of height x width. `classes`: rows of the class embedding when the configuration does not say
// (class embeddings of "timestep" and "identity", whose table is the graph's parameter "class_embedding.table", to be
// filled). Throws Error(invalid_input) with `name` in front for a size that the network cannot halve and double.
UnetGraph build_diffusers_unet(const Unet2DConfig& config, int height, int width, int classes, const std::string& name);

// A network with a Fourier embedding computes 1/t as the sum of its first two features of the time times these.
std::array<float, 2> reciprocal_factors();

// The frequencies of the positional embedding, rounded as the library's float32 arithmetic rounds them.
std::vector<float> sinusoid_frequencies(const Unet2DConfig& config);

}  // namespace mote::tool
