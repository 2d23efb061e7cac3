// The tensors of a UNet2DModel checkpoint, from one safetensors file or several shards, brought into a graph of
// unet_graph.h without a copy: parameters are filled when somebody writes them (Tensor::fill).
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "weights_tool/diffusers/unet_graph.h"
#include "weights_tool/io/safetensors.h"

namespace mote::tool {

// A tensor in its file. Files stay mapped as long as anything refers to them.
struct StoredTensor {
  std::shared_ptr<const SafetensorsFile> file;
  const SafeTensor* tensor = nullptr;
};

class UnetCheckpoint {
 public:
  // name: what messages call all the files together, "DIR/unet".
  UnetCheckpoint(const std::vector<std::string>& paths, const std::string& name);

  const std::string& name() const { return name_; }
  // null tensor: there is none.
  StoredTensor find(const std::string& tensor) const;

  // One line for each problem with the tensors that `expected` asks for: missing, of another shape, of a type that is
  // no float (F64, F32, F16 and BF16 are), not finite; and for each tensor that nobody asks for. Empty: all is well.
  std::vector<std::string> problems(const std::vector<ExpectedWeight>& expected) const;

 private:
  friend void bind_weights(const UnetCheckpoint&, UnetGraph*);
  // The tensors of a weight's parts, under their new or all under their old names; empty when some are missing.
  std::vector<StoredTensor> parts_of(const ExpectedWeight& expected) const;

  std::string name_;
  std::vector<std::shared_ptr<const SafetensorsFile>> files_;
};

// Gives every expected parameter of the graph its source. Throws Error(invalid_input), one line that names every
// problem.
void bind_weights(const UnetCheckpoint& checkpoint, UnetGraph* unet);

// Whether the checkpoint has attention under the names of old versions (WeightPart::old_name).
bool has_old_names(const UnetCheckpoint& checkpoint, const UnetGraph& unet);

// The values of a tensor as float32; Error(invalid_input) when some are not finite. It must be there (bind_weights has
// looked).
std::vector<float> read_tensor(const UnetCheckpoint& checkpoint, const std::string& tensor);

// The table of a class embedding of type "timestep" for classes 0 .. classes - 1, and a row of zeros: the library's
// embedding of the number of the class, computed in double precision. [classes + 1, time_features]
std::vector<float> timestep_class_table(const UnetCheckpoint& checkpoint, const Unet2DConfig& config, int classes);

}  // namespace mote::tool
