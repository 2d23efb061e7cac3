// `export`: a checkpoint becomes a model that draws what the checkpoint's weights draw, and a model becomes C99 that
// compiles without a warning and draws the same bytes when linked with libmote.a.
#include <doctest/doctest.h>

#include <cstdlib>
#include <set>

#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "tests/graph/quantized_graph.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/model_buffer.h"
#include "weights_tool/graph/reader.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/train/checkpoint.h"

namespace mote::tool {
namespace {

using ::test::contains;
using ::test::load;
using ::test::save;
using ::test::TemporaryFolder;

test::ToolResult run_export_tool(std::vector<std::string> words) {
  words.insert(words.begin(), "export");
  return test::run_tool(run_export, words);
}

std::string text_of(const std::string& path) {
  const std::vector<uint8_t> bytes = load(path);
  return std::string(bytes.begin(), bytes.end());
}

// A checkpoint whose averaged weights are those of the training graph, and whose last weights are the same times 2.
void make_checkpoint(const std::string& path, const TrainConfig& config, const Graph& graph) {
  ThreadPool pool(1);
  ParameterStore store(graph, KernelSet::ref, pool, false);
  std::vector<float> doubled(store.values(), store.values() + store.size()), zeros(store.size());
  for (float& value : doubled) value *= 2;
  TrainState state;
  state.config = config;
  state.step = 7;
  state.images = 56;
  save_checkpoint(path, graph, store, state, {doubled.data(), store.values(), zeros.data(), zeros.data()});
}

TrainConfig tiny_training() {
  const std::string text = std::string("{\"model\": ") + test::tiny_config_text() + ", \"timesteps\": 50}";
  return train_config_from_json(parse_json(text, "t"), "t");
}

// Takes pictures from the exported C source, one file of bytes after another, with nothing but mote.h.
const char* const c_program = R"(
#include "tiny.h"
#include <stdio.h>

MOTE_ARENA(arena, MOTE_TINY_BYTES);
MOTE_ARENA(scratch, MOTE_SELF_TEST_BYTES);

int main(void) {
  static mote_model model;
  mote_sampler *sampler;
  static mote_config config;
  unsigned char pixels[MOTE_TINY_HEIGHT * MOTE_TINY_WIDTH * MOTE_TINY_CHANNELS];
  const char *failed = NULL;
  size_t saved = 0;
  unsigned i;
  config.struct_size = sizeof config;
  config.seed = 5;
  config.kernels = "ref";
  if (mote_self_test(mote_tiny_self_tests, NULL, scratch, sizeof scratch, &failed) != MOTE_OK) return 8;
  if (mote_open(&model, mote_tiny_model, sizeof mote_tiny_model, mote_tiny_operators) != MOTE_OK) return 1;
  if (mote_check(&model) != MOTE_OK) return 2;
  if (mote_sampler_create(&sampler, &model, &config, arena, sizeof arena - 1) != MOTE_E_BUFFER_TOO_SMALL) return 3;
  if (mote_sampler_create(&sampler, &model, &config, arena, sizeof arena) != MOTE_OK) return 4;
  if (mote_sampler_saved_size(sampler, &saved) != MOTE_OK || saved != MOTE_TINY_SAVED_BYTES) return 9;
  for (i = 0; i < 4; ++i) {
    if (mote_sampler_restart(sampler, 5, i, (int)(i % MOTE_TINY_CLASSES)) != MOTE_OK) return 5;
    while (mote_sampler_run(sampler, 10000) == MOTE_PENDING) {
    }
    if (mote_sampler_read_u8(sampler, pixels, sizeof pixels) != MOTE_OK) return 6;
    if (fwrite(pixels, 1, sizeof pixels, stdout) != sizeof pixels) return 7;
  }
  return 0;
}
)";

std::vector<uint8_t> quantized_model() {
  const Graph graph = test::quantized_graph();
  return write_model(graph, plan_memory(graph), test::tiny_diffusion(4), Json());
}

int shell(const std::string& line) { return std::system(line.c_str()); }
std::string quoted(const std::string& path) { return "'" + path + "'"; }

}  // namespace

TEST_CASE("export writes a checkpoint's averaged weights, or with --no-ema the last ones") {
  const TemporaryFolder folder;
  const TrainConfig config = tiny_training();
  Graph graph = build_training_graph(config);
  const Graph random = test::tiny_training_graph();
  for (size_t t = 0; t < graph.tensors.size(); ++t) graph.tensors[t].values = random.tensors[t].values;
  const std::string checkpoint = folder / "c.safetensors", out = folder / "m.mote";
  make_checkpoint(checkpoint, config, graph);

  CHECK(run_export_tool({checkpoint, "--out", out}).error == "");
  ModelFile file = read_model(load(out), out);
  CHECK(file.diffusion.default_steps == 10);
  CHECK(file.diffusion.schedule == test::tiny_diffusion().schedule);
  CHECK(file.meta.find("config") != nullptr);
  CHECK(file.meta.find("step")->integer() == 7);
  const Graph expected = test::tiny_graph();
  REQUIRE(file.graph.tensors.size() == expected.tensors.size());
  for (size_t t = 0; t < expected.tensors.size(); ++t)
    CHECK(file.graph.tensors[t].values == expected.tensors[t].values);

  CHECK(run_export_tool({checkpoint, "--out", out, "--no-ema", "--steps", "4", "--force"}).error == "");
  file = read_model(load(out), out);
  CHECK(file.diffusion.default_steps == 4);
  const size_t weights = static_cast<size_t>(file.graph.nodes.back().weights);
  for (size_t i = 0; i < expected.tensors[weights].values.size(); ++i)
    CHECK(file.graph.tensors[weights].values[i] == 2 * expected.tensors[weights].values[i]);
}

TEST_CASE("export changes the default steps of a model file and nothing else") {
  const TemporaryFolder folder;
  const std::string in = folder / "a.mote", out = folder / "b.mote";
  save(in, test::tiny_model());
  CHECK(run_export_tool({in, "--out", out, "--steps", "5"}).error == "");
  CHECK(load(out) == test::tiny_model());
  CHECK(run_export_tool({in, "--out", out, "--steps", "9", "--force"}).error == "");
  const ModelFile file = read_model(load(out), out);
  CHECK(file.diffusion.rows.size() == 9);
  CHECK(file.graph.nodes.size() == test::tiny_graph().nodes.size());
  CHECK(run_export_tool({in, "--out", out, "--steps", "51", "--force"}).code == 3);
}

TEST_CASE("exported C names the working size, and only the operators that the model uses") {
  const TemporaryFolder folder;
  const std::string in = folder / "a.mote";
  save(in, test::tiny_model());
  CHECK(run_export_tool({in, "--c", folder / "tiny"}).error == "");
  const std::string header = text_of(folder / "tiny.h"), source = text_of(folder / "tiny.c");
  const ModelBuffer model(test::tiny_model(), "tiny");
  size_t bytes = 0;
  REQUIRE(mote_working_size(model.model(), nullptr, &bytes) == MOTE_OK);
  CHECK(contains(header, "#define MOTE_TINY_BYTES " + std::to_string(bytes) + "\n"));
  CHECK(contains(header, "#define MOTE_TINY_MODEL_BYTES " + std::to_string(test::tiny_model().size()) + "\n"));
  CHECK(contains(source, "&mote_op_conv2d_f32,"));
  CHECK(contains(source, "&mote_op_attention_f32,"));
  CHECK_FALSE(contains(source, "average_pool"));
  CHECK_FALSE(contains(source, "scale_shift"));
}

TEST_CASE("exported C of a quantized model names quantized operators") {
  const TemporaryFolder folder;
  const std::string in = folder / "q.mote";
  save(in, quantized_model());
  CHECK(run_export_tool({in, "--c", folder / "tiny"}).error == "");
  const std::string source = text_of(folder / "tiny.c");
  for (const char* name : {"conv2d_s8", "linear_s8", "group_norm_s8", "activation_s8", "attention_s8", "add_s8",
                           "average_pool_s8", "upsample_s8", "scale_shift_s8", "quantize_s16", "step_embedding_s16"}) {
    CAPTURE(name);
    CHECK(contains(source, std::string("extern const mote_operator mote_op_") + name + ";"));
    CHECK(contains(source, std::string("&mote_op_") + name + ","));
  }
  CHECK_FALSE(contains(source, "_f32"));
  CHECK_FALSE(contains(source, "_i8"));
}

TEST_CASE("exported C names the self-tests of the kernels that the model's operators run, each once, and no others") {
  const TemporaryFolder folder;
  const auto self_tests = [&](const std::vector<uint8_t>& model) {
    save(folder / "a.mote", model);
    CHECK(run_export_tool({folder / "a.mote", "--c", folder / "tiny", "--force"}).error == "");
    const std::string source = text_of(folder / "tiny.c"), entry = "    &mote_self_test_";
    CHECK(contains(text_of(folder / "tiny.h"), "extern const mote_self_test_case *const mote_tiny_self_tests[];\n"));
    CHECK(contains(source, "const mote_self_test_case *const mote_tiny_self_tests[] = {\n" + entry));
    std::multiset<std::string> names;
    for (size_t at = source.find(entry); at != std::string::npos; at = source.find(entry, at + 1)) {
      const size_t begin = at + entry.size();
      const std::string name = source.substr(begin, source.find(',', begin) - begin);
      CHECK(contains(source, "extern const mote_self_test_case mote_self_test_" + name + ";\n"));
      names.insert(name);
    }
    return names;
  };
  using Names = std::multiset<std::string>;
  CHECK(self_tests(quantized_model()) == Names{"conv2d_s8", "conv2d_s16", "channel_sums_s8", "affine_s8", "table_s8",
                                               "attention_s8", "add_s8", "upsample_s8", "average_pool_s8",
                                               "quantize_s16"});
  const Names of_floats = self_tests(test::tiny_model());
  CHECK(of_floats.count("conv2d_f32") == 1);
  CHECK(of_floats.count("linear_f32") == 1);
  CHECK(of_floats.count("timestep_embedding_f32") == 0);
  for (const std::string& name : of_floats) CHECK(contains(name, "_f32"));
}

TEST_CASE("exported C compiles as C99 without a warning and draws what `sample` draws") {
  std::vector<uint8_t> bytes;
  SUBCASE("float") { bytes = test::tiny_model(); }
  SUBCASE("quantized") { bytes = quantized_model(); }
  const TemporaryFolder folder;
  const char* const given = std::getenv("CC");
  const std::string cc = given != nullptr && *given != 0 ? given : "cc";
  if (shell("command -v " + cc + " > /dev/null 2>&1") != 0) {
    MESSAGE("skipped: there is no C compiler");
    return;
  }
  const std::filesystem::path library = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "libmote.a";
  if (!std::filesystem::exists(library)) {
    MESSAGE("skipped: libmote.a is not beside the tests");
    return;
  }
  const std::string in = folder / "a.mote";
  save(in, bytes);
  CHECK(run_export_tool({in, "--c", folder / "tiny"}).error == "");
  save(folder / "main.c", std::string(c_program));
  std::string sanitize, libraries;  // what a sanitized libmote.a needs
#if defined(__clang__)
#if __has_feature(address_sanitizer)
  sanitize = " -fsanitize=address,undefined -fsanitize-link-c++-runtime";
  libraries = " -lstdc++";
#endif
#elif defined(__SANITIZE_ADDRESS__)
  sanitize = " -fsanitize=address,undefined";
#endif
  const std::string include = std::string(MOTE_TEST_DATA) + "/../../include", log = folder / "log";
  const std::string compile = cc + " -std=c99 -pedantic -Wall -Wextra -Werror" + sanitize + " -I" + quoted(include) +
                              " " + quoted(folder / "main.c") + " " + quoted(folder / "tiny.c") + " " +
                              quoted(library.string()) + libraries + " -o " + quoted(folder / "main") + " > " +
                              quoted(log) + " 2>&1";
  REQUIRE_MESSAGE(shell(compile) == 0, text_of(log));
  REQUIRE(shell(quoted(folder / "main") + " > " + quoted(folder / "pixels")) == 0);
  const test::ToolResult sampled = test::run_tool(
      run_sample, {"sample", in, "--n", "4", "--seed", "5", "--kernels", "ref", "--idx", folder / "p.idx", "--quiet"});
  CHECK(sampled.error == "");
  CHECK(load(folder / "pixels") == read_idx_images(folder / "p.idx").pixels);
}

TEST_CASE("export refuses names, configurations and existing files, and then writes nothing") {
  const TemporaryFolder folder;
  const std::string in = folder / "a.mote", out = folder / "b.mote", config = folder / "c.json";
  save(in, test::tiny_model());
  save(config, std::string(test::tiny_config_text()));
  CHECK(run_export_tool({in}).code == 2);
  CHECK(run_export_tool({in, "--c", folder / "9lives"}).code == 2);
  CHECK(run_export_tool({in, "--c", folder / "tiny.c"}).code == 2);
  const test::ToolResult untrained = run_export_tool({config, "--out", out});
  CHECK(untrained.code == 3);
  CHECK(contains(untrained.error, "--untrained"));
  save(folder / "tiny.c", std::string("mine"));
  CHECK(run_export_tool({in, "--out", out, "--c", folder / "tiny"}).code == 4);
  CHECK_FALSE(std::filesystem::exists(out));
  CHECK_FALSE(std::filesystem::exists(folder / "tiny.h"));
  CHECK(text_of(folder / "tiny.c") == "mine");
  CHECK(run_export_tool({config, "--out", out, "--untrained"}).error == "");
  CHECK(read_model(load(out), out).graph.nodes.size() > 0);
}

}  // namespace mote::tool
