// One operator of a model as `inspect` shows it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/commands/model_source.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

struct Layer {
  std::string name, kind, inputs, output, detail;
  int64_t parameters = 0;    // trained elements it reads
  int64_t weight_bytes = 0;  // of those
  int64_t macs = 0;          // multiply-accumulates
  int64_t moved_bytes =
      0;  // read and written once: inputs, outputs, weights with their scales, one row of step vectors
  int64_t output_bytes = 0, output_offset = 0, scratch_bytes = 0;
};

// In running order.
std::vector<Layer> layers_of(const ModelSource& source);

Json layer_json(const Layer& layer);
std::string layer_table(const std::vector<Layer>& layers);

// "8x12x16" with the element type behind it unless that is float32: "8x12x16 i8".
std::string typed_shape(const Tensor& tensor);

}  // namespace mote::tool
