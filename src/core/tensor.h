// A tensor as operators see it: a pointer, an element type and up to four dimensions. Owns nothing and checks nothing.
// Dense, the last dimension contiguous: activations are [height][width][channels] (NHWC with N = 1) or [features],
// convolution weights [out][kernel_height][kernel_width][in].
#pragma once
#include <cstddef>
#include <cstdint>

namespace mote {

// Values are those of the model file (src/format/SPEC.md).
enum class DType : uint8_t { f32 = 1, i8 = 2, i16 = 3, i32 = 4, u8 = 5 };

// Bytes of an element; 0 for a value that is none of the enumerators.
constexpr uint32_t dtype_bytes(DType dtype) {
  switch (dtype) {
    case DType::f32: return 4;
    case DType::i8: return 1;
    case DType::i16: return 2;
    case DType::i32: return 4;
    case DType::u8: return 1;
  }
  return 0;
}

constexpr int max_rank = 4;

template <class T>
struct TensorView {
  T* data = nullptr;  // null: there is no such tensor
  int rank = 0;
  int32_t dims[max_rank] = {1, 1, 1, 1};  // beyond rank: 1

  int32_t last() const { return rank > 0 ? dims[rank - 1] : 1; }
  // The product of all dimensions but the last: rows of a matrix, pixels of a picture.
  int32_t leading() const {
    int32_t product = 1;
    for (int i = 0; i + 1 < rank; ++i) product *= dims[i];
    return product;
  }
};

}  // namespace mote
