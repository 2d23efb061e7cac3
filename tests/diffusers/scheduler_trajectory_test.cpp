// Whole trajectories: `import`, then `sample`, beside what the library makes of the same noise with the same folder.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/commands/run_tool.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/io/npy.h"
#include "weights_tool/io/safetensors.h"

namespace mote::test {
namespace {

using namespace mote::tool;
using ::test::load;
using ::test::TemporaryFolder;

constexpr double tolerance = 3e-4;  // of the largest value, at least of 1

const std::string data = std::string(MOTE_TEST_DATA) + "/diffusers/";

double difference(const std::vector<float>& ours, const std::vector<float>& library) {
  if (ours.size() != library.size()) return 1e9;
  double worst = 0, size = 1;
  for (size_t e = 0; e < library.size(); ++e) {
    worst = std::max(worst, std::fabs(double{ours[e]} - library[e]));
    size = std::max(size, std::fabs(double{library[e]}));
  }
  return worst / size;
}

struct Case {
  std::string name;
  SafetensorsFile file{data + "ddim.safetensors"};
  TemporaryFolder folder;

  explicit Case(const std::string& of) : name(of) {
    REQUIRE(run_tool(run_import, {"import", data + name, "--out", folder / "m.mote"}).error == "");
    save("x_T", folder / "x.npy");
  }
  bool has(const std::string& tensor) const { return file.find(name + "." + tensor) != nullptr; }
  std::vector<float> values(const std::string& tensor) const { return as_f32(*file.find(name + "." + tensor)); }
  void save(const std::string& tensor, const std::string& path) const {
    const SafeTensor& found = *file.find(name + "." + tensor);
    write_npy(path, {found.shape.begin(), found.shape.end()}, as_f32(found).data(), true);
  }
  std::vector<float> sample(std::vector<std::string> options, const std::string& output) const {
    options.insert(options.begin(), {"sample", folder / "m.mote", "--init", folder / "x.npy", "--quiet", "--sampler",
                                     "ddim", "--steps", "5", output, folder / "out.npy", "--force"});
    CHECK(run_tool(run_sample, options).error == "");
    return parse_npy(load(folder / "out.npy"), "out").values;
  }
};

}  // namespace

TEST_CASE("DDIM trajectories of imported folders are the library's") {
  for (const char* name : {"a_mixed_dtype", "c", "f_v"}) {
    CAPTURE(name);
    const Case folder(name);
    CHECK(difference(folder.sample({}, "--npy"), folder.values("final")) <= tolerance);
    if (folder.has("x_after_step")) {
      std::vector<float> states = folder.sample({}, "--trajectory");
      states.erase(states.begin(), states.begin() + static_cast<long>(states.size() / 6));  // x_T
      CHECK(difference(states, folder.values("x_after_step")) <= tolerance);
    }
    if (folder.has("noise")) {
      folder.save("noise", folder.folder / "z.npy");
      const std::vector<std::string> options{"--eta", "0.7", "--noise", folder.folder / "z.npy"};
      CHECK(difference(folder.sample(options, "--npy"), folder.values("eta_final")) <= tolerance);
    }
  }
}

}  // namespace mote::test
