#include "weights_tool/commands/inspect_bands.h"

#include "graph/run.h"
#include "kernels/cortexm/workspace_s8.h"

namespace mote::tool {
namespace {

using format::OpKind;

bool is_convolution(const OperatorRecord& op) {
  const OpKind kind = static_cast<OpKind>(op.kind);
  return kind == OpKind::conv2d || kind == OpKind::linear;
}

// The fields of a convolution's arguments that say what its kernels can do with a workspace.
Conv2dS8 shape_of(const format::View& view, const OperatorRecord& op) {
  static const int16_t wide = 0;
  const format::TensorRecord &x = view.tensors[op.x[0]], &y = view.tensors[op.y[0]], &w = view.tensors[op.weights];
  Conv2dS8 s = {};
  const bool linear = static_cast<OpKind>(op.kind) == OpKind::linear;
  const auto channels = [&](uint32_t tensor) {
    return static_cast<int32_t>(view.tensors[tensor].dims[view.tensors[tensor].rank - 1]);
  };
  s.channels[0] = channels(op.x[0]);
  s.channels[1] = op.x[1] == format::none ? 0 : channels(op.x[1]);
  s.out_channels = static_cast<int32_t>(w.dims[0]);
  s.out_height = linear ? 1 : static_cast<int32_t>(y.dims[0]);
  s.out_width = linear ? 1 : static_cast<int32_t>(y.dims[1]);
  s.kernel_height = linear ? 1 : op.kernel_height;
  s.kernel_width = linear ? 1 : op.kernel_width;
  s.stride = linear ? 1 : op.stride;
  if (static_cast<DType>(x.dtype) == DType::i16) s.x16 = &wide;
  s.below_2_25 = (op.flags & format::op_sums_below_2_25) != 0;
  return s;
}

// What the kernels of the set dsp make of a workspace, and how many times they go through the weights for so many rows: as
// often as groups of pixels that fit the workspace make up the rows.
enum class Form { winograd, direct, plain };
struct Way {
  Form form;
  double passes;
};

Way way_of(const Conv2dS8& shape, size_t workspace, size_t rows) {
  const size_t width = static_cast<size_t>(shape.out_width);
  const auto groups = [](size_t all, size_t fit) {
    const size_t count = (all + fit - 1) / fit;
    return static_cast<double>(count);
  };
  if (winograd_fits_dsp(shape)) {
    const size_t fixed = winograd_fixed_bytes_dsp(shape), pair = 2 * winograd_tile_bytes_dsp(shape);
    const size_t pairs = ((width + 3) / 4 * ((rows + 3) / 4) + 1) / 2;
    if (workspace >= fixed + pair) return {Form::winograd, groups(pairs, (workspace - fixed) / pair)};
  }
  const size_t fixed = direct_weight_bytes_dsp(shape), pixel = direct_pixel_bytes_dsp(shape);
  if (workspace < fixed + 4 * pixel) return {Form::plain, 1};
  return {Form::direct, groups(rows * width, (workspace - fixed) / pixel)};
}

// Operators that note their bands instead of running. `run` has no argument for the place to note them at.
thread_local std::vector<PassBand>* noted = nullptr;
thread_local uint32_t noted_run = 0;

void note(const RunContext& context, const OperatorRecord& op, const Band& band) {
  const format::View& view = *context.model;
  Phase phases[max_phases];
  find_operator(mote_all_operators, view, op)->phases(view, op, phases);
  const Phase& phase = phases[band.phase];
  double outputs = 0;
  for (const uint32_t y : op.y) {
    if (y == format::none) continue;
    const format::TensorRecord& tensor = view.tensors[y];
    outputs += tensor.bytes / static_cast<double>(dtype_bytes(static_cast<DType>(tensor.dtype)));
  }
  const uint32_t rows = band.row_end - band.row_begin;
  double weights = 0;
  if (is_convolution(op) && band.phase == 1 && static_cast<DType>(view.tensors[op.weights].dtype) == DType::i8)
    weights = view.tensors[op.weights].bytes * way_of(shape_of(view, op), op.worker_scratch_bytes, rows).passes;
  noted->push_back({noted_run, static_cast<uint32_t>(&op - view.operators.data), band.phase, rows * phase.work_per_row,
                    outputs * rows / phase.rows, weights});
}

std::vector<mote_operator> noting_operators() {
  std::vector<mote_operator> operators;
  for (const mote_operator* const* op = mote_all_operators; *op != nullptr; ++op) {
    operators.push_back(**op);
    operators.back().run = note;
  }
  return operators;
}

const char* convolution_class(const format::View& view, const OperatorRecord& op) {
  const auto dtype = [&](uint32_t tensor) { return static_cast<DType>(view.tensors[tensor].dtype); };
  const Conv2dS8 shape = shape_of(view, op);
  const Form form = way_of(shape, op.worker_scratch_bytes, 1).form;
  const bool plain = form == Form::plain;
  if (static_cast<OpKind>(op.kind) == OpKind::linear) return plain ? "linear_plain" : "linear";
  if (dtype(op.x[0]) == DType::i16) return plain ? "conv_s16_plain" : "conv_s16";
  if (dtype(op.y[0]) == DType::f32) return plain ? "conv_f32_plain" : "conv_f32";
  if (op.kernel_height == 1 && op.kernel_width == 1) return plain ? "conv1x1_plain" : "conv1x1";
  if (op.stride != 1) return plain ? "conv3x3_down_plain" : "conv3x3_down";
  const bool up = op.upsample != 1;
  if (form == Form::winograd) return up ? "conv3x3_up" : "conv3x3";
  if (plain) return up ? "conv3x3_up_plain" : "conv3x3_plain";
  return up ? "conv3x3_up_direct" : "conv3x3_direct";
}

}  // namespace

std::vector<PassBand> replay_pass(const format::View& view, uint64_t budget) {
  const std::vector<mote_operator> operators = noting_operators();
  std::vector<const mote_operator*> table;
  for (const mote_operator& op : operators) table.push_back(&op);
  table.push_back(nullptr);
  Model model;
  model.view = view;
  model.operators = table.data();
  RunContext context;
  context.model = &model.view;
  Runner runner;
  runner.set_up(&model, context, {}, nullptr);
  std::vector<PassBand> bands;
  noted = &bands;
  noted_run = 0;
  runner.begin(0, 0, 0);
  for (uint64_t left = budget; !runner.run(&left); left = budget) ++noted_run;
  noted = nullptr;
  return bands;
}

const char* cost_class(const format::View& view, const OperatorRecord& op, uint32_t phase) {
  if (format::operator_dtype(view, op) == DType::f32) return nullptr;
  switch (static_cast<OpKind>(op.kind)) {
    case OpKind::conv2d:
    case OpKind::linear: return phase == 0 ? "conv_constants" : convolution_class(view, op);
    case OpKind::group_norm: return phase == 0 ? "norm_sums" : phase == 1 ? "norm_constants" : "norm";
    case OpKind::scale_shift: return phase == 0 ? "norm_constants" : "norm";
    case OpKind::activation: return "activation";
    case OpKind::attention: return "attention";
    case OpKind::add: return "add";
    case OpKind::upsample: return "upsample";
    case OpKind::average_pool: return "average_pool";
    case OpKind::quantize: return "quantize";
    case OpKind::step_embedding: return "step_embedding";
    default: return nullptr;
  }
}

}  // namespace mote::tool
