// Records hashes for tests/golden (`make golden`; no test runs this):
//   make_golden models           writes tests/golden/models/*.mote anew, and hashes.txt for all of them
//   make_golden hash FILE...     replaces or appends the hashes of these models
// Run from the root of the repository. The hashes are of what tests/support/quantized_twin.h computes, the plain reading
// of SPEC.md; nothing is written unless the library's reference kernels agree with it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>

#include "core/crc32.h"
#include "diffusion/noise.h"
#include "tests/golden/golden_models.h"
#include "tests/golden/hashes.h"
#include "tests/support/quantized_twin.h"

namespace mote::golden {
namespace {

const char* const hashes_path = "tests/golden/hashes.txt";

const char* const head =
    "# CRC-32 of what quantized models compute: tests/golden/golden_test.cpp compares, hashes.h explains the lines.\n"
    "#\n"
    "# These are a promise: the same model, seed and class give these bytes with every kernel set, on every processor, "
    "in\n"
    "# every release. A change here means that models already in flash draw other pictures. It must be wanted, said "
    "in\n"
    "# the changelog and come with a new version of the operator that changed (src/format/SPEC.md); a failing golden\n"
    "# test is otherwise a bug in the code, never in this file.\n"
    "#\n"
    "# Made by `make golden`: tests/golden/make_golden.cpp computes them with the plain twin of SPEC.md in "
    "tests/support,\n"
    "# not with the kernels. For one model:  make golden GOLDEN='hash examples/models/fashion-int8.mote'\n";

// A model file as the twin reads it.
test::Builder builder_of(const format::View& view) {
  const format::ModelRecord& m = *view.model;
  test::Builder b(m.height, m.width, m.channels, m.train_steps, m.default_steps);
  b.model = m;
  b.tensors.assign(view.tensors.begin(), view.tensors.end());
  b.operators.assign(view.operators.begin(), view.operators.end());
  b.data.assign(view.data.begin(), view.data.end());
  b.rows.assign(view.rows.begin(), view.rows.end());
  b.slots.assign(view.quant_slots.begin(), view.quant_slots.end());
  b.values.assign(view.quant_values.begin(), view.quant_values.end());
  return b;
}

std::vector<float> gaussian(size_t count, uint64_t seed, uint32_t step, uint32_t stream) {
  std::vector<float> z(count);
  fill_gaussian(z.data(), 0, static_cast<uint32_t>(count), seed, step, 0, stream);
  return z;
}

uint32_t hash_of(const std::vector<float>& values) { return crc32(0, values.data(), values.size() * sizeof(float)); }

uint32_t class_row(const format::View& view, int label) {
  return label == no_class ? view.model->num_classes : static_cast<uint32_t>(label);
}

// A tensor that saturates, or hardly varies, would hide differences: whoever changes the models should know.
void note_flat_tensors(const std::string& path, const test::Builder& b, const test::QuantizedTensors& twin) {
  for (const auto& [tensor, codes] : twin.codes) {
    if (b.tensors[tensor].dtype != static_cast<uint8_t>(DType::i8)) continue;
    const std::set<int32_t> values(codes.begin(), codes.end());
    const auto ends = std::count_if(codes.begin(), codes.end(), [](int32_t c) { return c == -128 || c == 127; });
    if (codes.size() >= 64 && (values.size() < 24 || ends * 2 > static_cast<ptrdiff_t>(codes.size()))) {
      printf("%s: tensor %u has %zu values, %td of %zu saturated\n", path.c_str(), tensor, values.size(), ends,
             codes.size());
    }
  }
}

std::vector<OperatorHash> twin_operators(const std::string& path, const OpenModel& model, const test::Builder& builder,
                                         int label) {
  const format::View& view = model.model.view;
  const test::QuantizedTensors twin = quantized_twin(
      builder, gaussian(view.picture_elements(), operator_seed, 0, noise_initial), 0, class_row(view, label));
  note_flat_tensors(path, builder, twin);
  std::vector<OperatorHash> hashes;
  for (const format::OperatorRecord& op : view.operators) {
    hashes.push_back({format::kind_text(static_cast<format::OpKind>(op.kind)), {}});
    for (uint32_t y : op.y) {
      if (y == format::none) continue;
      if (twin.floats.count(y) != 0) {
        hashes.back().outputs.push_back(hash_of(twin.floats.at(y)));
        continue;
      }
      std::vector<uint8_t> bytes;
      const uint32_t size = dtype_bytes(static_cast<DType>(view.tensors[y].dtype));
      for (int32_t code : twin.codes.at(y)) {
        for (uint32_t k = 0; k < size; ++k) bytes.push_back(static_cast<uint8_t>(code >> 8 * k));
      }
      hashes.back().outputs.push_back(crc32(0, bytes.data(), bytes.size()));
    }
  }
  return hashes;
}

// The steps of SPEC.md on the twin's outputs, for models whose rows look at no history.
uint32_t twin_image(const OpenModel& model, const test::Builder& builder, uint64_t seed, int label) {
  const format::View& view = model.model.view;
  if (view.model->history != 0) throw std::runtime_error("its rows use a history, which make_golden does not know");
  const size_t count = view.picture_elements();
  std::vector<float> x = gaussian(count, seed, 0, noise_initial);
  for (uint32_t i = 0; i < view.rows.count; ++i) {
    const format::RowRecord& row = view.rows[i];
    const std::vector<float> m =
        quantized_twin(builder, x, i, class_row(view, label)).floats.at(view.model->output_tensor);
    const std::vector<float> z = gaussian(count, seed, i, noise_step);
    for (size_t e = 0; e < count; ++e) {
      const float ax = row.a * x[e], bm = row.b * m[e];
      const float p = std::fmin(std::fmax(ax + bm, row.clip_lo), row.clip_hi);
      const float Ap = row.A * p, Bx = row.B * x[e], Cm = row.C * m[e], Dz = row.D * z[e];
      float next = Ap + Bx;
      next = next + Cm;
      x[e] = row.D != 0.0f ? next + Dz : next;
    }
  }
  return hash_of(x);
}

ModelHashes record(const std::string& path) {
  const OpenModel model(path);
  const test::Builder builder = builder_of(model.model.view);
  ModelHashes hashes;
  hashes.file = path;
  hashes.noise = hash_of(gaussian(model.model.view.picture_elements(), operator_seed, 0, noise_initial));
  hashes.label = labels_of(model.model)[0];
  hashes.operators = twin_operators(path, model, builder, hashes.label);
  const std::string difference = first_difference(model, hashes.operators, hash_operators(model, {}, hashes.label));
  if (!difference.empty()) throw std::runtime_error(path + ": ref differs from the twin: " + difference);
  for (uint64_t seed : image_seeds) {
    for (int label : labels_of(model.model)) {
      hashes.images.push_back({seed, label, twin_image(model, builder, seed, label)});
      if (hash_image(model, {}, seed, label) != hashes.images.back().floats) {
        throw std::runtime_error(path + ": ref draws another picture than the twin");
      }
    }
  }
  printf("%s: %zu bytes, %zu operators, %zu pictures\n", path.c_str(), model.bytes.size(), hashes.operators.size(),
         hashes.images.size());
  return hashes;
}

void write(const std::string& path, const void* bytes, size_t size) {
  std::ofstream out(path, std::ios::binary);
  out.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
  if (!out.flush()) throw std::runtime_error(path + ": cannot be written");
}

void write_hashes(const std::vector<ModelHashes>& models) {
  std::string text = head;
  for (const ModelHashes& model : models) text += "\n" + hashes_text(model);
  write(hashes_path, text.data(), text.size());
}

void make_models() {
  const std::string folder = "tests/golden/models/";
  std::filesystem::create_directories(folder);
  std::vector<ModelHashes> all;
  for (const NamedModel& model : golden_models()) {
    const std::string path = folder + model.name + ".mote";
    const std::string bytes(model.bytes.begin(), model.bytes.end());
    if (!std::filesystem::exists(path) || read_text(path) != bytes) write(path, bytes.data(), bytes.size());
    all.push_back(record(path));
  }
  // Models from elsewhere keep what is recorded of them.
  if (std::filesystem::exists(hashes_path)) {
    for (const ModelHashes& old : parse_hashes(read_text(hashes_path))) {
      if (old.file.compare(0, folder.size(), folder) != 0) all.push_back(old);
    }
  }
  write_hashes(all);
}

void hash_models(int count, char** paths) {
  std::vector<ModelHashes> all = parse_hashes(read_text(hashes_path));
  for (int i = 0; i < count; ++i) {
    const ModelHashes fresh = record(paths[i]);
    bool known = false;
    for (ModelHashes& old : all) {
      if (old.file == fresh.file) old = fresh, known = true;
    }
    if (!known) all.push_back(fresh);
  }
  write_hashes(all);
}

}  // namespace
}  // namespace mote::golden

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  try {
    if (what == "models" && argc == 2) {
      mote::golden::make_models();
    } else if (what == "hash" && argc > 2) {
      mote::golden::hash_models(argc - 2, argv + 2);
    } else {
      fprintf(stderr, "usage: make_golden models | hash FILE...\n");
      return 2;
    }
  } catch (const std::exception& error) {
    fprintf(stderr, "make_golden: %s\n", error.what());
    return 1;
  }
  return 0;
}
