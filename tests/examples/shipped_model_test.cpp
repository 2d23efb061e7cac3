// The model that ships: within its budgets, whole, and drawing the same garments with every kernel set.
#include <doctest/doctest.h>
#include <mote/mote.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "weights_tool/graph/plan.h"
#include "weights_tool/graph/reader.h"
#include "weights_tool/io/file.h"

namespace mote::tool {
namespace {

const std::string models = std::string(MOTE_TEST_DATA) + "/../../examples/models/";
const std::string model_path = models + "fashion.mote";

struct Aligned {
  explicit Aligned(size_t bytes) : storage(bytes / 16 + 1) {}
  void* data() { return storage.data(); }
  struct alignas(16) Block {
    unsigned char bytes[16];
  };
  std::vector<Block> storage;
};

struct Opened {
  explicit Opened(const std::string& path = model_path) : bytes(read_file(path)), copy(bytes.size()) {
    std::memcpy(copy.data(), bytes.data(), bytes.size());
    REQUIRE(mote_open(&model, copy.data(), bytes.size(), mote_all_operators) == MOTE_OK);
  }
  std::vector<uint8_t> bytes;
  Aligned copy;
  mote_model model;
};

// A picture of `label` with `kernels`, as floats.
std::vector<float> draw(const mote_model& model, const char* kernels, int label, uint32_t index) {
  mote_config config = {};
  config.struct_size = sizeof config;
  config.seed = 1;
  config.sample_index = index;
  config.class_label = label;
  config.kernels = kernels;
  size_t needed = 0;
  REQUIRE(mote_working_size(&model, &config, &needed) == MOTE_OK);
  Aligned buffer(needed);
  mote_sampler* sampler = nullptr;
  REQUIRE(mote_sampler_create(&sampler, &model, &config, buffer.data(), needed) == MOTE_OK);
  while (mote_sampler_step(sampler) == MOTE_PENDING) {
  }
  mote_model_info info = {};
  info.struct_size = sizeof info;
  REQUIRE(mote_model_get_info(&model, &info) == MOTE_OK);
  std::vector<float> picture(size_t{info.height} * info.width * info.channels);
  REQUIRE(mote_sampler_read_f32(sampler, picture.data(), picture.size()) == MOTE_OK);
  return picture;
}

double mean_in_rows(const std::vector<float>& picture, int begin, int end) {
  double sum = 0;
  for (int y = begin; y < end; ++y)
    for (int x = 0; x < 28; ++x) sum += picture[static_cast<size_t>(y * 28 + x)];
  return sum / ((end - begin) * 28);
}

}  // namespace

TEST_CASE("shipped model: it is whole and keeps its budgets of parameters, multiplications and memory") {
  Opened opened;
  CHECK(mote_check(&opened.model) == MOTE_OK);
  mote_model_info info = {};
  info.struct_size = sizeof info;
  REQUIRE(mote_model_get_info(&opened.model, &info) == MOTE_OK);
  CHECK(info.height == 28);
  CHECK(info.width == 28);
  CHECK(info.channels == 1);
  CHECK(info.num_classes == 10);
  CHECK(info.default_steps == 10);
  CHECK(info.parameters <= 1000000);
  CHECK(info.macs <= 50000000);
  const Graph graph = read_model(opened.bytes, model_path).graph;
  CHECK(plan_memory(graph, 1).arena_bytes <= 80 * 1024);
}

TEST_CASE("shipped model: every kernel set of this processor draws the picture of the reference kernels") {
  Opened opened;
  const std::vector<float> reference = draw(opened.model, "ref", 1, 0);
  for (uint32_t i = 0; mote_kernels_name(i) != nullptr; ++i) {
    const std::vector<float> picture = draw(opened.model, mote_kernels_name(i), 1, 0);
    double worst = 0;
    for (size_t p = 0; p < picture.size(); ++p)
      worst = std::fmax(worst, std::fabs(static_cast<double>(picture[p]) - reference[p]));
    CHECK_MESSAGE(worst < 1e-2, mote_kernels_name(i));  // rounding of ten chained steps; a grey level is 8e-3
  }
}

TEST_CASE("shipped models of four steps: whole, four steps without being asked, 96 KiB of working memory in int8") {
  for (const char* name : {"fashion-4step.mote", "fashion-4step-int8.mote"}) {
    Opened opened(models + name);
    CHECK(mote_check(&opened.model) == MOTE_OK);
    mote_model_info info = {};
    info.struct_size = sizeof info;
    REQUIRE(mote_model_get_info(&opened.model, &info) == MOTE_OK);
    CHECK(info.default_steps == 4);
    CHECK(info.num_classes == 10);
  }
  Opened opened(models + "fashion-4step-int8.mote");
  mote_config config = {};
  config.struct_size = sizeof config;
  size_t needed = 0;
  REQUIRE(mote_working_size(&opened.model, &config, &needed) == MOTE_OK);
  CHECK(needed <= 96 * 1024);
  CHECK(draw(opened.model, "ref", 1, 0) == draw(opened.model, nullptr, 1, 0));
}

TEST_CASE("the shipped model of emoji: whole, 20 steps, 160 KiB of working memory, faces that are yellow on white") {
  Opened opened(models + "emoji-int8.mote");
  CHECK(mote_check(&opened.model) == MOTE_OK);
  mote_model_info info = {};
  info.struct_size = sizeof info;
  REQUIRE(mote_model_get_info(&opened.model, &info) == MOTE_OK);
  CHECK(info.default_steps == 20);
  CHECK(info.num_classes == 22);
  CHECK(info.channels == 3);
  CHECK(info.arena_bytes <= 160 * 1024);
  mote_config config = {};
  config.struct_size = sizeof config;
  size_t needed = 0;
  REQUIRE(mote_working_size(&opened.model, &config, &needed) == MOTE_OK);
  CHECK(needed <= 160 * 1024);
  // Means over the middle of faces (class 0), and over the corners.
  double middle[3] = {}, corners = 0;
  constexpr uint32_t faces = 4;
  for (uint32_t i = 0; i < faces; ++i) {
    const std::vector<float> face = draw(opened.model, nullptr, 0, i);
    for (size_t y = 0; y < 32; ++y) {
      for (size_t x = 0; x < 32; ++x) {
        const float* pixel = face.data() + (y * 32 + x) * 3;
        const bool inner = y >= 10 && y < 22 && x >= 10 && x < 22;
        const bool corner = (y < 3 || y >= 29) && (x < 3 || x >= 29);
        for (size_t c = 0; c < 3; ++c) {
          if (inner) middle[c] += static_cast<double>(pixel[c]) / (144 * faces);
          if (corner) corners += static_cast<double>(pixel[c]) / (36 * 3 * faces);
        }
      }
    }
  }
  CHECK(corners > 0.8);
  CHECK(middle[0] > middle[2] + 0.5);  // red over blue
  CHECK(middle[1] > middle[2] + 0.3);  // green over blue
}

TEST_CASE("shipped models: the classes differ as garments do") {
  for (const char* name : {"fashion.mote", "fashion-4step-int8.mote"}) {
    Opened opened(models + name);
    // Means over a few pictures. Trousers (1) leave the sides dark, a pullover (2) fills the picture, sandals, sneakers and
    // boots (5, 7, 9) stand in its lower half.
    double trousers = 0, pullover = 0, sneaker_top = 0, sneaker_bottom = 0;
    for (uint32_t i = 0; i < 4; ++i) {
      trousers += mean_in_rows(draw(opened.model, nullptr, 1, i), 0, 28);
      pullover += mean_in_rows(draw(opened.model, nullptr, 2, i), 0, 28);
      const std::vector<float> sneaker = draw(opened.model, nullptr, 7, i);
      sneaker_top += mean_in_rows(sneaker, 0, 8);
      sneaker_bottom += mean_in_rows(sneaker, 12, 20);
    }
    CHECK(pullover > trousers + 4 * 0.1);
    CHECK(sneaker_bottom > sneaker_top + 4 * 0.3);
  }
}

}  // namespace mote::tool
