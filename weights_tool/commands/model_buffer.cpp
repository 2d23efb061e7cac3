#include "weights_tool/commands/model_buffer.h"

#include <cstring>

#include "format/verify.h"
#include "weights_tool/io/error.h"

namespace mote::tool {

namespace {
constexpr size_t buffer_alignment = 64;
}

AlignedBuffer::AlignedBuffer(size_t size) : storage_(size + buffer_alignment, 0), size_(size) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(storage_.data());
  data_ = storage_.data() + (buffer_alignment - address % buffer_alignment) % buffer_alignment;
}

ModelBuffer::ModelBuffer(const std::vector<uint8_t>& bytes, const std::string& path) : bytes_(bytes.size()) {
  if (!bytes.empty()) std::memcpy(bytes_.data(), bytes.data(), bytes.size());
  check_status(mote_open(&model_, bytes_.data(), bytes_.size(), mote_all_operators), path);
  info_ = mote_model_info();
  info_.struct_size = sizeof info_;
  check_status(mote_model_get_info(&model_, &info_), path);
  check_status(format::verify(bytes_.data(), bytes_.size(), &view_, nullptr), path);
}

void check_status(mote_status status, const std::string& what) {
  if (status >= 0) return;
  const bool asked = status == MOTE_E_STEPS || status == MOTE_E_CLASS || status == MOTE_E_ARGUMENT;
  throw Error(asked ? ExitCode::usage : ExitCode::invalid_input, what + ": " + mote_status_text(status));
}

}  // namespace mote::tool
