#include "tests/golden/hashes.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "core/crc32.h"
#include "format/verify.h"
#include "tests/support/threads.h"

namespace mote::golden {
namespace {

[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error(why); }

std::string hex(uint32_t crc) {
  char digits[9];
  snprintf(digits, sizeof digits, "%08x", static_cast<unsigned>(crc));
  return digits;
}

std::string label_text(int label) { return label == no_class ? "none" : std::to_string(label); }
int label_of(const std::string& text) { return text == "none" ? no_class : std::stoi(text); }

// One line of hashes.txt, added to what was read before.
void parse_line(const std::string& line, std::vector<ModelHashes>* models) {
  std::istringstream words(line);
  std::string first, second, third, crc;
  words >> first >> second;
  if (first == "model") {
    models->emplace_back();
    models->back().file = second;
    return;
  }
  if (models->empty()) throw std::invalid_argument("before the first model");
  ModelHashes& model = models->back();
  const auto number = [](const std::string& word) { return static_cast<uint32_t>(std::stoul(word, nullptr, 16)); };
  if (first == "noise") {
    model.noise = number(second);
  } else if (first == "operators") {
    model.label = label_of(second);
  } else if (first == "image") {
    words >> third >> crc;
    model.images.push_back({std::stoull(second), label_of(third), number(crc)});
  } else {
    if (std::stoul(first) != model.operators.size()) throw std::invalid_argument("operators out of order");
    model.operators.push_back({second, {}});
    while (words >> crc) model.operators.back().outputs.push_back(number(crc));
  }
}

}  // namespace

std::vector<ModelHashes> parse_hashes(const std::string& text) {
  std::vector<ModelHashes> models;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    try {
      parse_line(line, &models);
    } catch (const std::logic_error& error) {
      refuse("hashes.txt, line " + std::to_string(number) + ": " + error.what());
    }
  }
  return models;
}

std::string hashes_text(const ModelHashes& model) {
  std::string text =
      "model " + model.file + "\nnoise " + hex(model.noise) + "\noperators " + label_text(model.label) + "\n";
  for (size_t i = 0; i < model.operators.size(); ++i) {
    text += std::to_string(i) + " " + model.operators[i].kind;
    for (uint32_t crc : model.operators[i].outputs) text += " " + hex(crc);
    text += "\n";
  }
  for (const ImageHash& image : model.images) {
    text += "image " + std::to_string(image.seed) + " " + label_text(image.label) + " " + hex(image.floats) + "\n";
  }
  return text;
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) refuse(path + ": cannot be read");
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

AlignedBytes read_model(const std::string& path) {
  const std::string text = read_text(path);
  AlignedBytes bytes(text.size());
  if (!text.empty()) memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

OpenModel::OpenModel(const std::string& path) : bytes(read_model(path)) {
  model.operators = mote_all_operators;
  Status status = mote_open(&handle, bytes.data(), bytes.size(), mote_all_operators);
  if (status == MOTE_OK) status = mote_check(&handle);
  if (status == MOTE_OK) status = format::verify(bytes.data(), bytes.size(), &model.view, nullptr);
  if (status != MOTE_OK) refuse(path + ": " + mote_status_text(status));
}

std::vector<int> labels_of(const Model& model) {
  const int classes = static_cast<int>(model.view.model->num_classes);
  return classes == 0 ? std::vector<int>{no_class} : std::vector<int>{classes / 2, no_class};
}

std::string way_text(const Way& way) {
  return std::string(kernel_set_name(way.kernels)) + (way.packed ? ", packed" : ", as stored") + ", " +
         std::to_string(way.threads) + (way.threads == 1 ? " thread, " : " threads, ") +
         (way.cuts == 0 ? "whole" : "cut");
}

std::string first_difference(const OpenModel& model, const std::vector<OperatorHash>& expected,
                             const std::vector<OperatorHash>& found) {
  for (size_t i = 0; i < expected.size() && i < found.size(); ++i) {
    if (expected[i].kind == found[i].kind && expected[i].outputs == found[i].outputs) continue;
    const format::OperatorRecord& op = model.model.view.operators[static_cast<uint32_t>(i)];
    std::string text = "operator " + std::to_string(i) + ", " + found[i].kind + " '" + model.model.view.name(op) + "':";
    for (uint32_t crc : found[i].outputs) text += " " + hex(crc);
    text += ", recorded:";
    for (uint32_t crc : expected[i].outputs) text += " " + hex(crc);
    return text;
  }
  if (expected.size() == found.size()) return "";
  return std::to_string(found.size()) + " operators, recorded: " + std::to_string(expected.size());
}

namespace {

// A sampler through the C API in memory of exactly the size it asks for.
struct Sampler {
  AlignedBytes packed, memory;
  mote_sampler* handle = nullptr;
  uint32_t threads;
  size_t elements;

  Sampler(const OpenModel& model, const Way& way, uint64_t seed, int label)
      : threads(way.threads), elements(model.model.view.picture_elements()) {
    mote_config config = {};
    config.struct_size = sizeof config;
    config.seed = seed;
    config.class_label = label;
    config.kernels = kernel_set_name(way.kernels);
    config.workers = threads;
    config.parallel_for = threads > 1 ? test::parallel_for_threads : nullptr;
    config.parallel_context = &threads;
    size_t bytes = 0;
    if (way.packed && mote_packed_size(&model.handle, &config, &bytes) == MOTE_OK && bytes != 0) {
      packed = AlignedBytes(bytes);
      config.packed = packed.data();
      config.packed_bytes = bytes;
    }
    Status status = mote_working_size(&model.handle, &config, &bytes);
    if (status == MOTE_OK) {
      memory = AlignedBytes(bytes);
      memset(memory.data(), 0xFF, bytes);  // NaNs: what is read before it is written shows
      status = mote_sampler_create(&handle, &model.handle, &config, memory.data(), bytes);
    }
    if (status != MOTE_OK) refuse(std::string("no sampler: ") + mote_status_text(status));
  }
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;
  uint32_t hash() const {
    std::vector<float> x(elements);
    mote_sampler_read_f32(handle, x.data(), x.size());
    return crc32(0, x.data(), x.size() * sizeof(float));
  }
};

}  // namespace

uint32_t hash_noise(const OpenModel& model) { return Sampler(model, {}, operator_seed, no_class).hash(); }

uint32_t hash_image(const OpenModel& model, const Way& way, uint64_t seed, int label) {
  Sampler sampler(model, way, seed, label);
  uint64_t random = way.cuts;
  const uint64_t part = model.model.view.macs / 3 + 1;
  while (true) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const mote_status status =
        way.cuts == 0 ? mote_sampler_step(sampler.handle) : mote_sampler_run(sampler.handle, (random >> 33) % part);
    if (status == MOTE_OK) return sampler.hash();
    if (status != MOTE_PENDING) refuse(std::string("a step fails: ") + mote_status_text(status));
  }
}

}  // namespace mote::golden
