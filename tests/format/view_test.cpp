// A view gives what the builder wrote.
#include "format/view.h"

#include <set>
#include <string>

#include "tests/format/verify_support.h"

namespace mote::test {

TEST_CASE("a view finds the bytes of constants and where records lie in the file") {
  const Builder builder = every_operator();
  const AlignedBytes bytes = builder.file();
  const format::View view = verify_bytes(bytes).view;
  for (uint32_t i = 0; i < view.tensors.count; ++i) {
    const format::TensorRecord& t = view.tensors[i];
    CHECK(memcmp(&t, &builder.tensors[i], sizeof t) == 0);
    CHECK(memcmp(bytes.data() + view.file_offset(&t), &t, sizeof t) == 0);
    if (t.storage != static_cast<uint8_t>(format::Storage::constant)) continue;
    CHECK(memcmp(view.constant(t), builder.data.data() + t.offset, t.bytes) == 0);
  }
}

TEST_CASE("operands are the fields of a record in a fixed order") {
  format::OperatorRecord op{};
  op.x[0] = 10;
  op.x[1] = 11;
  op.residual = 12;
  op.vector = 13;
  op.weights = 14;
  op.bias = 15;
  op.y[0] = 16;
  op.y[1] = 17;
  for (int i = 0; i < format::operand_count; ++i) CHECK(format::operand_index(op, i) == 10u + static_cast<uint32_t>(i));
  CHECK(format::operand_index(op, format::operand_count) == format::none);
}

TEST_CASE("an operator's type is that of its weights for conv2d and linear, else of its output") {
  Builder builder = every_operator();
  const AlignedBytes bytes = builder.file();
  format::View view = verify_bytes(bytes).view;
  CHECK(format::operator_dtype(view, view.operators[op_out]) == DType::f32);
  builder.tensors[builder.operators[op_out].weights].dtype = static_cast<uint8_t>(DType::i8);
  builder.tensors[builder.operators[op_silu].y[0]].dtype = static_cast<uint8_t>(DType::i16);
  view.tensors = {builder.tensors.data(), builder.tensors.size()};
  CHECK(format::operator_dtype(view, view.operators[op_out]) == DType::i8);
  CHECK(format::operator_dtype(view, view.operators[op_silu]) == DType::i16);
}

TEST_CASE("kinds and types have names, unknown ones too") {
  std::set<std::string> names;
  for (int kind = 0; kind <= 14; ++kind) names.insert(format::kind_text(static_cast<format::OpKind>(kind)));
  CHECK(names.size() == 14);  // thirteen kinds and "unknown"
  std::set<std::string> types;
  for (int type = 0; type <= 6; ++type) types.insert(format::dtype_text(static_cast<DType>(type)));
  CHECK(types.size() == 6);
}

}  // namespace mote::test
