// What a model file's bytes are for: trained numbers, their scales, tables, what was folded, and the rest.
#pragma once
#include <cstdint>
#include <vector>

#include "weights_tool/commands/model_source.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

// What a constant is to the operators that read it (to the first of them, if they differ).
enum class ConstantUse {
  none,       // no constant, or nobody reads it
  weights,    // of conv2d and linear
  vectors,    // trained float32 vectors: biases, gamma and beta
  embedding,  // of classes, and the frequencies of the sinusoid
  table,      // activation functions and exponentials of quantized operators
  folded,     // vectors of each step (and class) that were computed in advance
};
std::vector<ConstantUse> constant_uses(const Graph& graph);  // of each tensor

// Elements of the trained constants (weights, vectors, embedding): of a float32 graph, graph_parameters.
int64_t stored_parameters(const Graph& graph);

struct FlashUse {
  int64_t weights = 0;  // bytes of DATA, as are those to `folded`
  int64_t vectors = 0;
  int64_t embedding = 0;
  int64_t tables = 0;
  int64_t folded = 0;
  int64_t weight_scales = 0;  // values of QUAN that weights name
  int64_t scales = 0;         // the rest of QUAN: of activations and tables, and its records
  int64_t steps = 0;          // SCHD and ROWS
  int64_t records = 0;        // header, section table, MODL, TENS, OPER
  int64_t names = 0;
  int64_t meta = 0;
  int64_t other = 0;         // PACK, sections nobody knows, the gaps of alignment
  int64_t total = 0;         // the file: the sum of all of them
  int64_t weight_count = 0;  // elements of `weights`
  int64_t parameters = 0;    // stored_parameters
};
FlashUse flash_use(const ModelSource& source);

std::string flash_text(const FlashUse& use, bool quantized);
Json flash_json(const FlashUse& use);

}  // namespace mote::tool
