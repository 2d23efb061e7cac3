// weights_tool train and noise as a person meets them: exit codes, files, messages.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "tiny_training.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/io/json.h"
#include "weights_tool/io/png.h"

using namespace mote;
using namespace mote::tool;
using mote::test::bytes_of;
using mote::test::TempFolder;
using mote::test::tiny_config;
using mote::test::tiny_pictures;
using mote::test::write_bytes;

namespace {

// A process of its own, for signals end processes and progress goes to stderr; what it prints lands in a file.
class Process {
 public:
  Process(int (*command)(int, char**), std::vector<std::string> words, const std::string& output) : output_(output) {
    fflush(stdout);  // or the child would print it again
    std::cout.flush();
    child_ = fork();
    REQUIRE(child_ >= 0);
    if (child_ != 0) return;
    const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, 1);
    dup2(file, 2);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    int code = 99;
    try {
      code = command(static_cast<int>(argv.size()), argv.data());
    } catch (const Error& error) {
      dprintf(2, "%s\n", error.what());
      code = static_cast<int>(error.code());
    } catch (...) {
    }
    fflush(stdout);
    _exit(code);
  }
  void signal(int number) const { kill(child_, number); }
  int wait() const {
    int status = 0;
    waitpid(child_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  std::string output() const { return bytes_of(output_); }

 private:
  std::string output_;
  pid_t child_ = -1;
};

// A folder with a configuration and pictures.
struct Workplace {
  TempFolder folder;
  Workplace() {
    write_json_file(folder.path("c.json"), train_config_to_json(tiny_config()), false);
    const Dataset data = tiny_pictures(40), held_out = tiny_pictures(16, 8);
    std::filesystem::create_directories(folder.path("data"));
    save(data, "train");
    save(held_out, "t10k");
  }
  void save(const Dataset& data, const std::string& prefix) const {
    write_idx_images(folder.path("data/" + prefix + "-images-idx3-ubyte.gz"), data.images, false);
    write_idx_labels(folder.path("data/" + prefix + "-labels-idx1-ubyte.gz"),
                     std::vector<uint8_t>(data.labels.begin(), data.labels.end()), false);
  }
  Process start(const std::string& out, const std::vector<std::string>& more) const {
    std::vector<std::string> words = {"train", folder.path("c.json"), "--data", folder.path("data"),
                                      "--out", folder.path(out)};
    words.insert(words.end(), more.begin(), more.end());
    return Process(run_train, words, folder.path("output"));
  }
  int train(const std::string& out, const std::vector<std::string>& more = {}) const { return start(out, more).wait(); }
  std::string said() const { return bytes_of(folder.path("output")); }
  bool same(const std::string& a, const std::string& b) const {
    const std::string bytes = bytes_of(folder.path(a));
    return !bytes.empty() && bytes == bytes_of(folder.path(b));
  }
};

}  // namespace

TEST_CASE("train leaves a checkpoint, a complete loss curve, pictures and the configuration") {
  const Workplace place;
  REQUIRE(place.train("run", {"--threads", "2"}) == 0);
  const std::string csv = bytes_of(place.folder.path("run/loss.csv"));
  CHECK(csv.rfind("step,images,loss,smoothed_loss,learning_rate,gradient_norm,val_loss\n1,6,", 0) == 0);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 1 + 27);  // ceil(4 * 40 / 6) steps
  const size_t row = csv.find("\n27,162,");
  REQUIRE(row != std::string::npos);
  CHECK(csv[csv.size() - 2] != ',');  // the last step is measured on the held-out pictures
  CHECK(read_png(place.folder.path("run/samples.png")).width == 8 * 8 + 9);
  CHECK(read_png(place.folder.path("run/samples-0000020.png")).channels == 1);
  CHECK(read_png(place.folder.path("run/loss.png")).channels == 3);
  CHECK(train_config_from_json(read_json(place.folder.path("run/config.json")), "").batch == 6);
  CHECK(place.train("again", {"--threads", "1"}) == 0);
  CHECK(place.same("run/checkpoint.safetensors", "again/checkpoint.safetensors"));
  CHECK(place.same("run/loss.csv", "again/loss.csv"));
  CHECK(place.same("run/samples.png", "again/samples.png"));
}

TEST_CASE("Ctrl-C saves and exits 130, and --resume ends where a training without it does") {
  const Workplace place;
  REQUIRE(place.train("whole", {"--epochs", "30", "--sample-every", "30", "--checkpoint-every", "150"}) == 0);
  const Process process =
      place.start("run", {"--epochs", "30", "--sample-every", "30", "--checkpoint-every", "100000"});
  while (bytes_of(place.folder.path("run/samples.png")).empty()) usleep(1000);  // it is under way
  process.signal(SIGINT);
  CHECK(process.wait() == 130);
  CHECK(place.said().find("stopped at step") != std::string::npos);
  CHECK(!place.same("run/checkpoint.safetensors", "whole/checkpoint.safetensors"));
  // Rows that a killed training wrote past its checkpoint are dropped, also half a row.
  write_bytes(place.folder.path("run/loss.csv"),
              bytes_of(place.folder.path("run/loss.csv")) + "99998,9,1,1,1,1,\n99999,4");
  std::vector<std::string> words = {"train",
                                    "--data",
                                    place.folder.path("data"),
                                    "--out",
                                    place.folder.path("run"),
                                    "--resume",
                                    "--checkpoint_every=150"};
  CHECK(Process(run_train, words, place.folder.path("output")).wait() == 0);
  CHECK(place.same("run/loss.csv", "whole/loss.csv"));
  CHECK(place.same("run/samples.png", "whole/samples.png"));
  CHECK(place.same("run/config.json", "whole/config.json"));
  CHECK(place.same("run/checkpoint.safetensors", "whole/checkpoint.safetensors"));
  CHECK(place.train("whole", {"--epochs", "30", "--resume"}) == 0);  // nothing left to do
}

TEST_CASE("a folder that holds a training is not touched without --resume or --force") {
  const Workplace place;
  REQUIRE(place.train("run") == 0);
  const std::string before = bytes_of(place.folder.path("run/checkpoint.safetensors"));
  CHECK(place.train("run") == 4);
  CHECK(place.said().find("--resume to go on with it or --force") != std::string::npos);
  CHECK(place.train("run", {"--force", "--resume"}) == 2);
  CHECK(place.train("run", {"--resume", "--seed", "2"}) == 3);
  CHECK(place.said().find("seed: 1, now 2") != std::string::npos);
  CHECK(place.train("elsewhere", {"--resume"}) == 4);
  CHECK(!std::filesystem::exists(place.folder.path("elsewhere")));
  CHECK(bytes_of(place.folder.path("run/checkpoint.safetensors")) == before);
  CHECK(place.train("run", {"--force", "--seed", "2"}) == 0);
  CHECK(bytes_of(place.folder.path("run/checkpoint.safetensors")) != before);
}

TEST_CASE("wrong input is one line, exit code 3, and leaves no folder behind") {
  const Workplace place;
  const auto fails = [&](const std::string& part) {
    CHECK(place.train("run") == 3);
    const std::string said = place.said();
    INFO(said);
    CHECK(said.find(part) != std::string::npos);
    CHECK(std::count(said.begin(), said.end(), '\n') == 1);
    CHECK(!std::filesystem::exists(place.folder.path("run")));
  };
  const std::string config = place.folder.path("c.json"), good = bytes_of(config);
  write_bytes(config, "{\"model\": {}, \"bacth\": 6}");
  fails("bacth");
  write_bytes(config, "{\"model\": {}, \"batch\": 0}");
  fails("batch");
  write_bytes(config, "{\"model\": {\"chanels\": 1}}");
  fails("chanels");
  write_bytes(config, "{\"batch\": 6}");
  fails("model");
  write_bytes(config, "[1");
  fails("c.json");
  write_bytes(config, good);
  const std::string labels = place.folder.path("data/train-labels-idx1-ubyte.gz");
  write_bytes(labels, bytes_of(labels).substr(0, 20));
  fails("train-labels");
}

TEST_CASE("wrong command lines exit with 2, --help with 0") {
  const Workplace place;
  const auto code = [&](const std::vector<std::string>& words) {
    return Process(run_train, words, place.folder.path("output")).wait();
  };
  const auto throws = [&](const std::vector<std::string>& words) { return code(words) == 2; };
  CHECK(throws({"train"}));
  CHECK(throws({"train", "c.json", "--out", "x"}));
  CHECK(throws({"train", place.folder.path("c.json"), "--data", "d", "--out", "x", "--betas", "0.9"}));
  CHECK(throws({"train", place.folder.path("c.json"), "--data", "d", "--out", "x", "--batch", "many"}));
  CHECK(code({"train", "--help"}) == 0);
  CHECK(place.said().find("--learning-rate") != std::string::npos);
  CHECK(code({"train", place.folder.path("c.json"), "--bench-steps", "1", "--kernels", "none"}) == 2);
  CHECK(code({"train", place.folder.path("c.json"), "--bench-steps", "2", "--batch", "2"}) == 0);
  CHECK(place.said().find("images/s") != std::string::npos);
}

TEST_CASE("noise draws strips and curves of every schedule, the same each time") {
  const Workplace place;
  const auto noise = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"noise", "--out", place.folder.path("n"), "--timesteps", "100"};
    words.insert(words.end(), more.begin(), more.end());
    return Process(run_noise, words, place.folder.path("output")).wait();
  };
  CHECK(noise({"--data", place.folder.path("data")}) == 0);
  std::vector<std::string> first;
  for (const char* name : {"forward.png", "one-step.png", "alpha_bar.png", "snr.png"}) {
    first.push_back(bytes_of(place.folder.path(std::string("n/") + name)));
    CHECK(read_png(place.folder.path(std::string("n/") + name)).width > 100);
  }
  CHECK(first[0] != first[1]);
  CHECK(noise({"--data", place.folder.path("data")}) == 4);
  CHECK(noise({"--data", place.folder.path("data"), "--force"}) == 0);
  CHECK(bytes_of(place.folder.path("n/forward.png")) == first[0]);
  CHECK(noise({"--data", place.folder.path("data"), "--force", "--seed", "5"}) == 0);
  CHECK(bytes_of(place.folder.path("n/forward.png")) != first[0]);
  CHECK(noise({"--data", place.folder.path("data"), "--force", "--index", "40"}) == 2);
  CHECK(noise({"--force"}) == 2);
  write_png(place.folder.path("x.png"), Image(5, 9, 3, 200), false);
  CHECK(noise({"--image", place.folder.path("x.png"), "--force"}) == 0);
  write_bytes(place.folder.path("x.png"), "no picture");
  CHECK(noise({"--image", place.folder.path("x.png"), "--force"}) == 3);
}
