// Reads every byte of a verified model: checksum and weights.
#include "core/crc32.h"
#include "core/math.h"
#include "format/verify.h"

namespace mote::format {

Status check(const View& view, Place* place) {
  const auto fail = [&](Rule rule, Part part, uint32_t index, uint32_t offset) {
    if (place != nullptr) *place = {rule, part, index, offset};
    return rule_status(rule);
  };
  constexpr uint32_t unsummed = 16;  // the checksum does not cover itself and what is before it
  if (crc32(0, view.bytes + unsummed, view.header->file_bytes - unsummed) != view.header->crc32) {
    return fail(Rule::checksum, Part::file, 0, offsetof(Header, crc32));
  }
  for (uint32_t i = 0; i < view.tensors.count; ++i) {
    const TensorRecord& tensor = view.tensors[i];
    if (tensor.storage != static_cast<uint8_t>(Storage::constant)) continue;
    if (tensor.dtype != static_cast<uint8_t>(DType::f32)) continue;
    const auto* values = static_cast<const float*>(view.constant(tensor));
    const uint32_t count = tensor.bytes / sizeof(float);
    for (uint32_t k = 0; k < count; ++k) {
      if (!is_finite_f32(values[k])) return fail(Rule::weight_finite, Part::tensor, i, view.file_offset(values + k));
    }
  }
  return MOTE_OK;
}

}  // namespace mote::format
