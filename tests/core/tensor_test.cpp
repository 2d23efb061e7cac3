#include "core/tensor.h"

#include <doctest/doctest.h>

namespace mote::test {

TEST_CASE("a tensor view's dimensions split into rows and a last dimension") {
  const TensorView<float> picture = {nullptr, 3, {5, 6, 7, 1}};
  CHECK(picture.leading() == 30);
  CHECK(picture.last() == 7);
  const TensorView<float> vector = {nullptr, 1, {9, 1, 1, 1}};
  CHECK(vector.leading() == 1);
  CHECK(vector.last() == 9);
  const TensorView<float> absent;
  CHECK(absent.leading() == 1);
  CHECK(absent.last() == 1);
}

TEST_CASE("element types have the sizes of the model file, unknown ones none") {
  CHECK(dtype_bytes(DType::f32) == 4);
  CHECK(dtype_bytes(DType::i8) == 1);
  CHECK(dtype_bytes(DType::i16) == 2);
  CHECK(dtype_bytes(DType::i32) == 4);
  CHECK(dtype_bytes(DType::u8) == 1);
  CHECK(dtype_bytes(static_cast<DType>(0)) == 0);
  CHECK(dtype_bytes(static_cast<DType>(6)) == 0);
}

}  // namespace mote::test
