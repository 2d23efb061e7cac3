// Writes the seed corpus of fuzz_model: make_model_seeds DIRECTORY. Run again when the format or the builder changes;
// the files are checked in.
//   g++ -std=c++17 -Iinclude -Isrc -I. tests/fuzz/make_model_seeds.cpp tests/support/*_builder.cpp -o make_model_seeds
#include <cstdio>
#include <string>

#include "tests/support/quantized_builder.h"

namespace {

using mote::test::AlignedBytes;
using mote::test::Builder;
using mote::test::QuantizedBuilder;

// Small operators one at a time leave a fuzzer less to find its way through than one large model.
Builder one_operator(mote::format::OpKind kind) {
  using mote::format::OpKind;
  Builder b(4, 4, 4, 5, 2);
  const uint32_t first = b.activation({4, 4, 4}), last = b.activation({4, 4, 4});
  const uint32_t vector = b.activation({8});
  b.model.num_classes = kind == OpKind::class_embedding ? 2 : 0;
  b.conv({0}, first, 1, 1, 0);
  switch (kind) {
    case OpKind::group_norm: b.group_norm({first}, {last}, 2).activation = 1; break;
    case OpKind::activation: b.op(kind, {first}, {last}).activation = 2; break;
    case OpKind::linear: b.linear(first, last).residual = first; break;
    case OpKind::add: b.op(kind, {first, 0}, {last}); break;
    case OpKind::attention: {
      const uint32_t qkv = b.activation({4, 4, 12});
      b.linear(first, qkv);
      b.attention(qkv, last, 2, 2, 0.7f);
      break;
    }
    case OpKind::upsample:
    case OpKind::average_pool: {
      const uint32_t small = b.activation({2, 2, 4});
      b.op(OpKind::average_pool, {first}, {small}).p0 = 2;
      b.op(OpKind::upsample, {small}, {last}).p0 = 2;
      break;
    }
    case OpKind::timestep_embedding: {
      const uint32_t frequencies = b.constant({4}, {1, 0.1f, 0.01f, 0.001f});
      b.op(kind, {}, {vector}).weights = frequencies;
      b.op(OpKind::scale_shift, {first}, {last}).vector = vector;
      break;
    }
    case OpKind::class_embedding: {
      const uint32_t table = b.weights({3, 8}, 1);
      b.op(kind, {}, {vector}).weights = table;
      b.op(OpKind::scale_shift, {first}, {last}).vector = vector;
      break;
    }
    default: b.conv({first, 0}, last, 3, 3, 1).residual = first; break;
  }
  b.model.output_tensor = last;
  return b;
}

Builder stored_rows() {
  Builder b = mote::test::smallest();
  b.model.history = 2;
  for (int i = 0; i < 3; ++i) {
    mote::format::RowRecord row{};
    row.timestep = 8 - 3 * i;
    row.a = 0.5f;
    row.b = -0.5f;
    row.A = 0.5f;
    row.B = 0.25f;
    row.D = 0.1f;
    row.H[0] = i > 0 ? 0.25f : 0;
    row.clip_lo = -1;
    row.clip_hi = 1;
    b.rows.push_back(row);
  }
  b.meta = "{}";
  return b;
}

// The same of quantized operators: codes of x_t, the operator, and a convolution to float.
QuantizedBuilder one_quantized_operator(mote::format::OpKind kind) {
  using mote::format::OpKind;
  QuantizedBuilder b(4, 4, 4, 2, kind == OpKind::add);
  b.model.num_classes = kind == OpKind::step_embedding ? 2 : 0;
  const uint32_t first = b.codes({4, 4, 4}), out = b.floats({4, 4, 4});
  uint32_t last = b.codes({4, 4, 4}, b.random_slot());
  b.s8_conv({b.x_t()}, first, 1, 1, 0);
  switch (kind) {
    case OpKind::linear: b.s8_linear(first, last).residual = first; break;
    case OpKind::group_norm: b.s8_group_norm({first}, {last}, 2, 256); break;
    case OpKind::activation: b.s8_activation(first, last); break;
    case OpKind::add: b.op(kind, {first, first}, {last}); break;
    case OpKind::scale_shift: b.s8_scale_shift(first, last, b.step_vector(8, false, 1), 512); break;
    case OpKind::attention: {
      const uint32_t qkv = b.codes({4, 4, 12});
      b.s8_linear(first, qkv);
      b.s8_attention(qkv, last, 2, 2);
      break;
    }
    case OpKind::upsample:
    case OpKind::average_pool: {
      const uint32_t small = b.codes({2, 2, 4});
      b.op(OpKind::average_pool, {first}, {small}).p0 = 2;
      last = b.codes({4, 4, 4}, b.tensors[small].quant);
      b.op(OpKind::upsample, {small}, {last}).p0 = 2;
      break;
    }
    case OpKind::step_embedding: {
      const uint32_t embedding = b.wide({6}, 1e-4f), vector = b.floats({8});
      b.step_embedding(embedding, true, 2);
      b.s8_linear(embedding, vector);
      b.s8_scale_shift(first, last, vector, 0);
      break;
    }
    default: b.s8_conv({first, first}, last, 3, 3, 1).residual = first; break;
  }
  b.s8_conv({last}, out, 1, 1, 0);
  b.model.output_tensor = out;
  return b;
}

bool write(const std::string& path, const AlignedBytes& bytes) {
  FILE* file = fopen(path.c_str(), "wb");
  if (file == nullptr) return false;
  const bool written = fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  return fclose(file) == 0 && written;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: make_model_seeds DIRECTORY\n");
    return 2;
  }
  const std::string directory = std::string(argv[1]) + "/";
  bool good = write(directory + "smallest.mote", mote::test::smallest().file()) &&
              write(directory + "every_operator.mote", mote::test::every_operator().file()) &&
              write(directory + "stored_rows.mote", stored_rows().file());
  for (int kind = 1; kind <= 10; ++kind) {
    const Builder model = one_operator(static_cast<mote::format::OpKind>(kind));
    good = good && write(directory + "operator_" + std::to_string(kind) + ".mote", model.file());
  }
  good = good && write(directory + "quantized_smallest.mote", mote::test::smallest_quantized().file()) &&
         write(directory + "quantized_shared.mote", mote::test::every_quantized_operator(false).file()) &&
         write(directory + "quantized_by_step.mote", mote::test::every_quantized_operator(true).file());
  for (int kind : {1, 2, 3, 4, 5, 6, 8, 11, 13}) {
    const QuantizedBuilder model = one_quantized_operator(static_cast<mote::format::OpKind>(kind));
    good = good && write(directory + "quantized_" + std::to_string(kind) + ".mote", model.file());
  }
  if (!good) fprintf(stderr, "make_model_seeds: cannot write to %s\n", argv[1]);
  return good ? 0 : 1;
}
