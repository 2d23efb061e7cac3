// Checkpoints of the real library (tests/data/diffusers): an imported network gives its outputs.
#include <doctest/doctest.h>

#include "tests/diffusers/unet_support.h"

namespace mote::test {
namespace {

std::string data_folder(const std::string& name) { return std::string(MOTE_TEST_DATA) + "/diffusers/" + name; }

// Half i of a batch of two.
std::vector<float> half_of(const std::vector<float>& both, size_t i) {
  const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(both.size() / 2),
                       begin = static_cast<std::ptrdiff_t>(i) * size;
  return {both.begin() + begin, both.begin() + begin + size};
}

struct Reference {
  ::test::TemporaryFolder folder;
  tool::SafetensorsFile io;
  std::string model = folder / "m.mote";
  std::vector<float> sample;
  std::vector<size_t> shape{1, 0, 0, 0};

  explicit Reference(const std::string& name) : io(data_folder(name) + "/io.safetensors") {
    const tool::SafeTensor& both = *io.find("sample");
    sample = tool::as_f32(both);
    for (size_t d = 1; d < 4; ++d) shape[d] = static_cast<size_t>(both.shape[d]);
    const ToolResult result = run_tool(tool::run_import, {"import", data_folder(name), "--out", model});
    REQUIRE(result.error == "");
  }
  double difference(const std::string& output, const std::vector<double>& timesteps) const {
    const std::vector<float> expected = tool::as_f32(*io.find(output));
    double largest = 0;
    for (size_t i = 0; i < 2; ++i) {
      const std::vector<float> half = half_of(expected, i);
      const std::vector<float> got = run_forward_command(folder, model, half_of(sample, i), shape, timesteps[i], -1);
      largest = std::max(largest, largest_difference({half.begin(), half.end()}, got));
    }
    return largest;
  }
};

// 5e-5 is what an implementation in float32 is held to; the library's own distance from exact arithmetic is 2e-6 to
// 5e-6.
constexpr double tolerance = 1.5e-5;

void check(const std::string& name) {
  const Reference reference(name);
  for (const tool::SafeTensor& output : reference.io.tensors()) {
    if (output.name.rfind("eps_t", 0) != 0) continue;
    CAPTURE(output.name);
    const double t = std::stod(output.name.substr(5));
    CHECK(reference.difference(output.name, {t, t}) < tolerance);
  }
  const std::vector<float> mixed = tool::as_f32(*reference.io.find("timesteps_mixed"));
  CHECK(reference.difference("eps_mixed", {double{mixed[0]}, double{mixed[1]}}) < tolerance);
}

}  // namespace

TEST_CASE("reference a: an old repository, attention on the way down, in the middle and up") { check("a_old_root"); }
TEST_CASE("reference a, mixed: tensors of four types") { check("a_mixed_dtype"); }
TEST_CASE("reference b: four levels, one head, padding of one side, frequencies shifted") { check("b"); }
TEST_CASE("reference c: scale and shift, a middle that divides and does not normalise its attention") { check("c"); }
TEST_CASE("reference f: resampling in residual blocks, an oblong picture") { check("f_v"); }

TEST_CASE("the naive network of these tests gives the library's outputs too") {
  for (const char* const name : {"c", "f_v"}) {
    CAPTURE(name);
    const tool::SafetensorsFile io(data_folder(name) + "/io.safetensors");
    const tool::SafeTensor& sample = *io.find("sample");
    Picture x(static_cast<int>(sample.shape[1]), static_cast<int>(sample.shape[2]), static_cast<int>(sample.shape[3]));
    const std::vector<float> first = half_of(tool::as_f32(sample), 0);
    std::copy(first.begin(), first.end(), x.v.begin());
    UnetTwin twin(tool::read_json(data_folder(name) + "/unet/config.json"));
    twin.load(data_folder(name) + "/unet/diffusion_pytorch_model.safetensors");
    const size_t tensors = twin.tensors.size();
    const std::vector<float> expected = half_of(tool::as_f32(*io.find("eps_t500")), 0);
    CHECK(largest_difference(twin.run(x, 500).v, expected) < tolerance);
    CHECK(twin.tensors.size() == tensors);  // it asked for nothing that the file does not have
  }
}

}  // namespace mote::test
