// A model as C99 source: the bytes in an aligned array, its working size as a constant, the table of the operators it
// uses. The example in mote.h shows how firmware uses the two files.
#pragma once
#include <string>

#include "weights_tool/commands/model_buffer.h"
#include "weights_tool/io/bytes.h"

namespace mote::tool {

struct CSource {
  std::string header, source;
};

// The part of the C names that is the model's: "fashion" gives mote_fashion_model, mote_fashion_operators and
// MOTE_FASHION_BYTES. Taken from the last part of a path; Error(usage) unless it is letters, digits and '_'.
std::string c_model_name(const std::string& path);

// `bytes`: the model file that `model` has open.
CSource make_c_source(const std::string& name, const ModelBuffer& model, ByteView bytes);

}  // namespace mote::tool
