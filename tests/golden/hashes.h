// What tests/golden/hashes.txt records of a quantized model, and how the library's own results are put in that form:
// CRC-32 (core/crc32.h) of little-endian bytes. Device code only, so that it runs wherever the device tests do.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "graph/run.h"
#include "tests/support/model_builder.h"

namespace mote::golden {

using test::AlignedBytes;

constexpr int no_class = -1;

// The outputs of one operator in step 0 of a picture, right after it ran.
struct OperatorHash {
  std::string kind;
  std::vector<uint32_t> outputs;
};
struct ImageHash {
  uint64_t seed;
  int label;        // or no_class
  uint32_t floats;  // of the finished picture, x_0
};
struct ModelHashes {
  std::string file;      // relative to the root of the repository
  uint32_t noise = 0;    // x_T of operator_seed
  int label = no_class;  // the class of `operators`
  std::vector<OperatorHash> operators;
  std::vector<ImageHash> images;
};
constexpr uint64_t operator_seed = 1;
constexpr uint64_t image_seeds[] = {1, 2};

// hashes.txt: '#' begins a comment; a block for each model, in this order:
//   model FILE
//   noise CRC
//   operators CLASS          a class or "none"
//   INDEX KIND CRC [CRC]     for each operator
//   image SEED CLASS CRC
// Throws std::runtime_error that names the line.
std::vector<ModelHashes> parse_hashes(const std::string& text);
std::string hashes_text(const ModelHashes& model);

std::string read_text(const std::string& path);  // throws std::runtime_error
AlignedBytes read_model(const std::string& path);

// A verified and checked model. Does not move.
struct OpenModel {
  explicit OpenModel(const std::string& path);
  OpenModel(const OpenModel&) = delete;
  OpenModel& operator=(const OpenModel&) = delete;
  AlignedBytes bytes;
  mote_model handle;
  Model model;
};
// Two classes of a model, or none: one in the middle and no class; no class alone if it has no classes.
std::vector<int> labels_of(const Model& model);

// How a model is run.
struct Way {
  KernelSet kernels = KernelSet::ref;
  bool packed = false;
  uint32_t threads = 1;
  uint64_t cuts = 0;  // seed of how phases and runs are cut; 0: they are not
};
std::string way_text(const Way& way);

// One step, operator by operator. Throws std::runtime_error if an operator writes outside of the memory of the model.
std::vector<OperatorHash> hash_operators(const OpenModel& model, const Way& way, int label);
// x_T as the sampler draws it, and a whole picture, through the C API. cuts: in runs of random lengths.
uint32_t hash_noise(const OpenModel& model);
uint32_t hash_image(const OpenModel& model, const Way& way, uint64_t seed, int label);

// "" if they are equal; else the first difference: its operator's index, name and kind.
std::string first_difference(const OpenModel& model, const std::vector<OperatorHash>& expected,
                             const std::vector<OperatorHash>& found);

}  // namespace mote::golden
