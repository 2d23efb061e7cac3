// A model file opened through the C API, in memory aligned as the API wants it.
#pragma once
#include <mote/mote.h>

#include <cstdint>
#include <string>
#include <vector>

#include "format/view.h"

namespace mote::tool {

// Bytes at an address that is a multiple of 64, zeroed.
class AlignedBuffer {
 public:
  explicit AlignedBuffer(size_t size = 0);
  AlignedBuffer(AlignedBuffer&&) noexcept = default;
  AlignedBuffer& operator=(AlignedBuffer&&) noexcept = default;
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  void* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::vector<uint8_t> storage_;
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// Stays where it is: handles point into it.
class ModelBuffer {
 public:
  // Opens with every operator there is. Throws Error(invalid_input) when the library refuses; `path` stands in front.
  ModelBuffer(const std::vector<uint8_t>& bytes, const std::string& path);
  ModelBuffer(const ModelBuffer&) = delete;
  ModelBuffer& operator=(const ModelBuffer&) = delete;

  const mote_model* model() const { return &model_; }
  const mote_model_info& info() const { return info_; }
  size_t picture_elements() const { return size_t{info_.height} * info_.width * info_.channels; }
  const format::View& view() const { return view_; }

 private:
  AlignedBuffer bytes_;
  mote_model model_;
  mote_model_info info_;
  format::View view_;
};

// Throws Error "WHAT: the sentence of the status" when it is negative; 3 (invalid input), or 2 (usage) for what a
// command line asks for and a model does not have.
void check_status(mote_status status, const std::string& what);

}  // namespace mote::tool
