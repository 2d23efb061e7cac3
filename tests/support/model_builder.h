// Writes small model files for tests, from SPEC.md alone: it shares the structs of src/format/format.h with the library
// and nothing else, and knows nothing of the writer in weights_tool. No planner: every activation has its own place in
// the arena unless a test says otherwise.
#pragma once
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "format/format.h"

namespace mote::test {

// Bytes that begin at a multiple of 16.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(size_t size) : size_(size), blocks_((size + 15) / 16) {}
  uint8_t* data() { return reinterpret_cast<uint8_t*>(blocks_.data()); }
  const uint8_t* data() const { return reinterpret_cast<const uint8_t*>(blocks_.data()); }
  size_t size() const { return size_; }
  uint8_t& operator[](size_t i) { return data()[i]; }
  bool operator==(const AlignedBytes& other) const {
    return size_ == other.size_ && (size_ == 0 || memcmp(data(), other.data(), size_) == 0);
  }

 private:
  struct alignas(16) Block {
    uint8_t bytes[16] = {};
  };
  size_t size_ = 0;
  std::vector<Block> blocks_;
};

using Shape = std::vector<uint32_t>;

struct Builder {
  format::ModelRecord model{};
  std::vector<format::TensorRecord> tensors;
  std::vector<format::OperatorRecord> operators;
  std::vector<uint8_t> data;
  std::vector<float> schedule;
  std::vector<format::RowRecord> rows;
  std::vector<format::QuantSlot> slots;
  std::vector<format::QuantValue> values;
  std::vector<uint8_t> quant;  // the section as it is; empty: made of slots and values, or left out if there are none
  std::string names, meta;
  struct Extra {
    format::Section section;  // id, version, flags
    std::vector<uint8_t> bytes;
  };
  std::vector<Extra> extra;  // further sections, behind the others
  uint64_t random_state = 1;

  // A model without operators: x_t of this shape (its tensor is number 0), a linear schedule over train_steps.
  Builder(uint32_t height, uint32_t width, uint32_t channels, uint32_t train_steps, uint32_t default_steps);

  uint32_t input() const { return 0; }
  uint32_t activation(const Shape& shape);  // at the end of the arena
  uint32_t activation_at(const Shape& shape, uint32_t offset);
  uint32_t constant(const Shape& shape, const std::vector<float>& values);
  uint32_t weights(const Shape& shape, float spread);  // uniform in +-spread
  float uniform(float low, float high);

  // A record whose fields are "none" or as harmless as can be; stays valid until the next one is made.
  format::OperatorRecord& op(format::OpKind kind, std::initializer_list<uint32_t> x, std::initializer_list<uint32_t> y);
  format::OperatorRecord& conv(std::initializer_list<uint32_t> x, uint32_t y, uint32_t kernel_height,
                               uint32_t kernel_width, uint32_t pad);
  format::OperatorRecord& linear(uint32_t x, uint32_t y);
  format::OperatorRecord& group_norm(std::initializer_list<uint32_t> x, std::initializer_list<uint32_t> y,
                                     uint32_t groups);
  format::OperatorRecord& attention(uint32_t x, uint32_t y, uint32_t heads, uint32_t head_dim, float scale);
  uint32_t reserve(uint32_t bytes);  // a piece of the arena

  // The file. The arena, its scratch and the model record's sums are as the operators left them.
  AlignedBytes file() const;
};

// Writes the checksum that belongs to the bytes into the header: computed bit by bit, not by the library.
void set_checksum(AlignedBytes* file);

// A network of a few thousand weights that uses every operator in every way it can be used: one and two inputs, in place
// and not, padding on one side, upsampled input, residual, shift, scale and shift, embeddings. 7 x 6 x 2, 3 classes.
Builder every_operator();
// conv2d alone: 4 x 4 x 1, no classes, no dependence on time.
Builder smallest();

}  // namespace mote::test
