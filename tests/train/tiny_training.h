// A training small enough for tests: 8x8 grey pictures of two classes, and a folder that goes away.
#pragma once
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

#include "weights_tool/train/dataset.h"
#include "weights_tool/train/train_config.h"

namespace mote::test {

class TempFolder {
 public:
  TempFolder() {
    static std::atomic<int> counter{0};
    path_ = (std::filesystem::temp_directory_path() /
             ("mote-test-" + std::to_string(getpid()) + "-" + std::to_string(counter++)))
                .string();
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::string path(const std::string& name = "") const { return name.empty() ? path_ : path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline tool::TrainConfig tiny_config() {
  tool::TrainConfig config;
  config.model.height = config.model.width = 8;
  config.model.channels = 1;
  config.model.classes = 2;
  config.model.base_channels = 8;
  config.model.multipliers = {1, 2};
  config.model.attention_levels = {1};
  config.model.groups = 4;
  config.model.dropout = 0.1;
  config.model.time_features = 16;
  config.timesteps = 50;
  config.batch = 6;
  config.epochs = 4;
  config.learning_rate = 3e-3;
  config.warmup_steps = 5;
  config.slice = 2;
  config.slots = 3;
  config.ema = 0.9;
  config.checkpoint_every = 10;
  config.sample_every = 10;
  config.validation_pictures = 16;
  return config;
}

// Class 0: a bright left half; class 1: a bright upper half; a little noise on top.
inline tool::Dataset tiny_pictures(size_t count, unsigned seed = 5) {
  tool::Dataset data;
  data.source = "tiny pictures";
  data.images.count = count;
  data.images.height = data.images.width = 8;
  data.images.channels = 1;
  std::mt19937 random(seed);
  for (size_t i = 0; i < count; ++i) {
    const int label = static_cast<int>(i % 2);
    data.labels.push_back(label);
    for (int y = 0; y < 8; ++y) {
      for (int x = 0; x < 8; ++x) {
        const bool bright = (label == 0 ? x : y) < 4;
        data.images.pixels.push_back(static_cast<uint8_t>((bright ? 220 : 10) + random() % 20));
      }
    }
  }
  return data;
}

}  // namespace mote::test
