// The mutable graph: what a UNet configuration is built into, what the trainer runs forward and backward, the quantizer
// rewrites, the planner places and the writer serialises. Plain operators of src/format/format.h, and dropout, which
// exists only while training. No execution and no memory layout here.
//
// Activations are [height, width, channels] or [features]; parameters keep the layouts of the model file:
// conv2d [O, KH, KW, I], linear [O, I], group_norm gamma and beta [C].
//
// The same structs hold a quantized graph, which weights_tool/quantize makes of a float one: element types other than
// float32, scales (Quant), tables, and the operators quantize and step_embedding (src/format/SPEC.md).
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "format/format.h"
#include "kernels/kernels.h"

namespace mote::tool {

using format::OpKind;
using format::Prediction;

// Host-only operators: refused by the writer, removed by strip_training_ops().
constexpr OpKind op_dropout = static_cast<OpKind>(1000);

enum class Role { input, activation, parameter };

// Scales and zero points of a tensor: one value, one for each output channel of weights, or one for each step.
struct Quant {
  std::vector<format::QuantValue> values;
  bool per_step = false;
};

struct Tensor {
  std::string name;
  Role role = Role::activation;
  int rank = 1;
  std::array<int, 4> dims{1, 1, 1, 1};
  bool constant = false;      // parameter: not trained (sinusoid frequencies)
  std::vector<float> values;  // float32 parameter: its values; else empty
  // Float32 parameter without values: writes its elements() floats. For networks that are written to a file and never
  // in memory whole; only the writer asks for them.
  std::function<void(const Tensor&, float*)> fill;
  DType dtype = DType::f32;
  std::vector<int8_t> codes;  // i8 or u8 parameter: its bytes; else empty
  int quant = -1;             // index into Graph::quants; -1: float32
  int64_t elements() const { return int64_t{dims[0]} * dims[1] * dims[2] * dims[3]; }
};

// Fields as in format::OperatorRecord; -1 is "none". Outputs: y[0] (y[1] only for a group_norm that normalises two
// inputs where they lie). Tables of quantized operators: group_norm and scale_shift in `residual`, activation and
// attention in `weights`.
struct Node {
  OpKind kind = OpKind::conv2d;
  std::string name;
  std::array<int, 2> x{-1, -1};
  int residual = -1, vector = -1, weights = -1, bias = -1;
  std::array<int, 2> y{-1, -1};
  int kernel_height = 1, kernel_width = 1, stride = 1, upsample = 1;
  int pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  Activation activation = Activation::none;
  int groups = 0;                // group_norm
  int heads = 0, head_dim = 0;   // attention
  int factor = 0;                // upsample, average_pool
  bool flip_sin_cos = false;     // timestep_embedding: cosines first
  bool fourier_time = false;     // timestep_embedding: angles 2 pi (f log t) instead of f t
  float epsilon = 0, scale = 0;  // group_norm; attention
  float dropout = 0;             // op_dropout: probability of zero
  int quant = -1;                // quantized group_norm, scale_shift: of the table's index; into Graph::quants
  float table_step = 0;          // quantized attention
  uint8_t proofs = 0;            // quantized conv2d, linear: format::op_sums_below_*
};

struct Graph {
  std::vector<Tensor> tensors;
  std::vector<Node> nodes;  // in running order: every tensor is written before it is read
  std::vector<Quant> quants;
  bool folded = false;  // vectors that depend on time are constants [steps, n'] (SPEC.md): only these steps can run
  int input = -1, output = -1;
  int num_classes = 0, train_steps = 1000;
  Prediction prediction = Prediction::epsilon;
};

// The tensors a node reads (parameters included) and writes, without the -1s.
std::vector<int> node_inputs(const Node&);
std::vector<int> node_outputs(const Node&);

// Multiply-accumulates of a node: convolutions, linear layers and the two products of attention; 0 for the rest.
int64_t node_macs(const Graph&, const Node&);
int64_t graph_macs(const Graph&);
// Trained and constant parameter elements.
int64_t graph_parameters(const Graph&);
// Removes dropout, joining its input to its readers.
void strip_training_ops(Graph&);
// "28x28x16", "[64]".
std::string shape_text(const Tensor&);
const char* kind_name(OpKind);

// Kernel arguments of a node with null data pointers: the shapes as the kernels see them.
Conv2dF32 conv2d_shape(const Graph&, const Node&);
LinearF32 linear_shape(const Graph&, const Node&);
GroupNormF32 group_norm_shape(const Graph&, const Node&);
AttentionF32 attention_shape(const Graph&, const Node&);

}  // namespace mote::tool
