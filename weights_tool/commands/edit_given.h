// The pictures that the options of `edit` name, read into a request.
#pragma once
#include "weights_tool/commands/edit_pictures.h"
#include "weights_tool/io/arguments.h"

namespace mote::tool {

// What the grid and the report show beside the results.
struct Shown {
  std::vector<float> inputs;  // as read
  std::vector<float> given;   // what was left of them
};

// Fills in inputs and everything about them: --init, --denoise, --inpaint, --measure and what goes with these. seed must
// be set. Throws Error for files that do not fit the model or each other.
void read_given(const Arguments& arguments, const mote_model_info& info, EditRequest& request, Shown& shown);

}  // namespace mote::tool
