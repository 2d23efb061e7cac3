#include "weights_tool/train/checkpoint.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <random>

#include "tiny_training.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/safetensors.h"
#include "weights_tool/train/trainer.h"

using namespace mote;
using namespace mote::tool;
using mote::test::bytes_of;
using mote::test::TempFolder;
using mote::test::tiny_config;
using mote::test::tiny_pictures;
using mote::test::write_bytes;

namespace {

std::string refusal(const std::string& bytes) {
  try {
    load_checkpoint(ByteView(std::string_view(bytes)), "run/c.safetensors", true);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::invalid_input);
    const std::string line = error.what();
    CHECK(line.find('\n') == std::string::npos);
    CHECK(line.find("run/c.safetensors") == 0);
    return line;
  }
  return "";
}

// A checkpoint after `steps` of the tiny training.
void make_checkpoint(const std::string& path, int steps) {
  const Dataset data = tiny_pictures(12);
  ThreadPool pool(1);
  Trainer trainer(tiny_config(), data, KernelSet::ref, pool);
  for (int i = 0; i < steps; ++i) trainer.step();
  trainer.save(path);
}

}  // namespace

TEST_CASE("a checkpoint holds the last and the averaged weights of every parameter") {
  const TempFolder folder;
  const std::string path = folder.path("c.safetensors");
  const Dataset data = tiny_pictures(12);
  ThreadPool pool(1);
  Trainer trainer(tiny_config(), data, KernelSet::ref, pool);
  for (int i = 0; i < 3; ++i) trainer.step();
  trainer.save(path);
  const LoadedModel last = load_checkpoint(path, false), averaged = load_checkpoint(path, true);
  CHECK(last.state.step == 3);
  CHECK(last.state.images == 18);
  CHECK(last.state.kernels == "ref");
  CHECK(last.state.config.batch == 6);
  CHECK(last.graph.train_steps == 50);
  CHECK(last.graph.num_classes == 2);
  CHECK(last.graph.prediction == Prediction::v);
  bool differ = false;
  for (size_t i = 0; i < last.graph.tensors.size(); ++i) {
    const int64_t offset = trainer.store().offset(static_cast<int>(i));
    if (offset < 0) {
      CHECK(last.graph.tensors[i].values == trainer.graph().tensors[i].values);  // constants
      continue;
    }
    const auto& values = last.graph.tensors[i].values;
    const auto& average = averaged.graph.tensors[i].values;
    CHECK(std::memcmp(values.data(), trainer.store().values() + offset, values.size() * sizeof(float)) == 0);
    CHECK(std::memcmp(average.data(), trainer.ema().data() + offset, average.size() * sizeof(float)) == 0);
    differ |= values != average;
  }
  CHECK(differ);
}

TEST_CASE("numbers that were not measured yet survive a checkpoint as such") {
  const TempFolder folder;
  make_checkpoint(folder.path("c"), 0);
  const TrainState state = read_checkpoint_state(folder.path("c"));
  CHECK(state.step == 0);
  CHECK(std::isnan(state.smoothed_loss));
  CHECK(std::isnan(state.validation_loss));
}

TEST_CASE("the checkpoint before the last is kept") {
  const TempFolder folder;
  const Dataset data = tiny_pictures(12);
  ThreadPool pool(1);
  Trainer trainer(tiny_config(), data, KernelSet::ref, pool);
  for (int i = 1; i <= 3; ++i) {
    trainer.step();
    trainer.save(folder.path("c"));
  }
  CHECK(read_checkpoint_state(folder.path("c")).step == 3);
  CHECK(read_checkpoint_state(folder.path("c.prev")).step == 2);
  size_t files = 0;
  for (const auto& unused : std::filesystem::directory_iterator(folder.path())) {
    (void)unused;
    ++files;
  }
  CHECK(files == 2);
}

TEST_CASE("a checkpoint cut short anywhere is refused") {
  const TempFolder folder;
  make_checkpoint(folder.path("c"), 1);
  const std::string whole = bytes_of(folder.path("c"));
  CHECK(refusal(whole) == "");
  std::mt19937 random(1);
  for (size_t size = 0; size < whole.size(); size += size < 64 ? 1 : 1 + random() % 4096) {
    CHECK(refusal(whole.substr(0, size)) != "");
  }
  CHECK(refusal(whole + '\0') != "");
}

TEST_CASE("a flipped bit is noticed, or does not matter") {
  const TempFolder folder;
  make_checkpoint(folder.path("c"), 1);
  const std::string whole = bytes_of(folder.path("c"));
  const size_t header = static_cast<size_t>(static_cast<uint8_t>(whole[0]) | static_cast<uint8_t>(whole[1]) << 8 |
                                            static_cast<uint8_t>(whole[2]) << 16) +
                        8;
  const LoadedModel good = load_checkpoint(ByteView(std::string_view(whole)), "c", true);
  std::mt19937 random(2);
  for (int round = 0; round < 300; ++round) {
    std::string bytes = whole;
    const size_t place = round % 2 == 0 ? random() % header : header + random() % (bytes.size() - header);
    bytes[place] = static_cast<char>(bytes[place] ^ 1 << random() % 8);
    if (refusal(bytes) != "") continue;
    CHECK(place < header);  // white space at the header's end, say
    const LoadedModel model = load_checkpoint(ByteView(std::string_view(bytes)), "c", true);
    CHECK(train_config_to_json(model.state.config) == train_config_to_json(good.state.config));
    CHECK(model.state.step == good.state.step);
    for (size_t i = 0; i < model.graph.tensors.size(); ++i) {
      CHECK(model.graph.tensors[i].values == good.graph.tensors[i].values);
    }
  }
}

TEST_CASE("a checkpoint of another network lists what does not fit") {
  const TempFolder folder;
  make_checkpoint(folder.path("c"), 0);
  TrainConfig config = tiny_config();
  config.model.base_channels = 16;
  const Graph graph = build_training_graph(config);
  ThreadPool pool(1);
  const ParameterStore store(graph, KernelSet::ref, pool);
  AlignedFloats a(store.size()), b(store.size()), c(store.size()), d(store.size());
  std::string line;
  try {
    restore_checkpoint(folder.path("c"), graph, store, {a.data(), b.data(), c.data(), d.data()});
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::invalid_input);
    line = error.what();
  }
  INFO(line);
  CHECK(line.find("does not fit the network: values/") != std::string::npos);
  CHECK(line.find("instead of F32[") != std::string::npos);
  CHECK(line.find(" more") != std::string::npos);
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == 0.0f);
}

TEST_CASE("a safetensors file of something else is called that") {
  const TempFolder folder;
  const float value = 1;
  write_safetensors(folder.path("x"), {f32_tensor("w", {1}, &value)}, {}, false);
  CHECK(refusal(bytes_of(folder.path("x"))).find("no checkpoint of weights_tool") != std::string::npos);
  write_safetensors(folder.path("y"), {f32_tensor("w", {1}, &value)}, {{"mote.checkpoint", "2"}}, false);
  CHECK(refusal(bytes_of(folder.path("y"))).find("version 2") != std::string::npos);
}

TEST_CASE("kill -9 at any moment leaves a loadable checkpoint, and the training goes on as if nothing had happened") {
  const TempFolder folder;
  const std::string path = folder.path("c");
  const Dataset data = tiny_pictures(12);
  std::mt19937 random(3);
  int64_t reached = 0;
  for (int round = 0; round < 25; ++round) {
    int saved[2];  // a byte for each finished save
    REQUIRE(pipe(saved) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      try {
        ThreadPool pool(1);
        Trainer trainer(tiny_config(), data, KernelSet::ref, pool);
        if (std::filesystem::exists(path)) trainer.resume(path);
        for (;;) {
          trainer.step();
          trainer.save(path);
          if (write(saved[1], "x", 1) != 1) break;
        }
      } catch (...) {
      }
      _exit(1);
    }
    close(saved[1]);
    char byte;
    for (unsigned wait = random() % 3; wait > 0; --wait) CHECK(read(saved[0], &byte, 1) == 1);
    usleep(static_cast<useconds_t>(random() % 20000));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    close(saved[0]);
    CHECK(WIFSIGNALED(status));  // it did not fail by itself
    if (!std::filesystem::exists(path)) continue;
    const int64_t step = read_checkpoint_state(path).step;
    CHECK(step >= reached);
    reached = step;
    if (std::filesystem::exists(path + ".prev")) CHECK(read_checkpoint_state(path + ".prev").step <= step);
  }
  CHECK(reached >= 10);
  make_checkpoint(folder.path("never-killed"), static_cast<int>(reached));
  CHECK(bytes_of(path) == bytes_of(folder.path("never-killed")));
}
