// Where the time of a forward pass goes: each operator of one model beside the operator of the same name of another,
// as a quantized model beside the float one that it was made of. One thread, packed weights, one kernel set; the models
// take turns, pass by pass, so that a busy machine slows both alike. Not a statement on speed: that is forward_bench.
//
//   profile_bench FLOAT.mote INT8.mote [--seconds 10] [--kernels avx2] [--in-order]
//
// Each operator is timed from outside: the models are opened with a table whose operators note when they are called and
// when they return. "run loop" is the rest of the pass. Times are the lower quartile over the passes: on a busy machine
// their sum is nearer to the truth than the time of a whole pass, which is rarely left alone. "lost" is by how much an
// operator misses the ratio asked for (1.5); the table is sorted by it.
#include <mote/mote.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "format/verify.h"
#include "graph/operators.h"
#include "tests/bench/model_run.h"
#include "weights_tool/graph/reader.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"

namespace {

using namespace mote;
using namespace mote::tool;
using bench::ModelRun;

constexpr double wanted_ratio = 1.5;

double now_us() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Time of every phase of every operator in the pass that runs.
std::vector<std::array<double, max_phases>> pass_us;

template <const mote_operator& original>
void timed_run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  const double before = now_us();
  original.run(context, op, band);
  pass_us[static_cast<size_t>(&op - &context.model->operators[0])][band.phase] += now_us() - before;
}

template <const mote_operator& original>
mote_operator timed() {
  mote_operator copy = original;
  copy.run = timed_run<original>;
  return copy;
}

const mote_operator* const* timed_operators() {
  static const mote_operator copies[] = {
      timed<mote_op_conv2d_f32>(),          timed<mote_op_linear_f32>(),       timed<mote_op_group_norm_f32>(),
      timed<mote_op_activation_f32>(),      timed<mote_op_attention_f32>(),    timed<mote_op_add_f32>(),
      timed<mote_op_upsample_f32>(),        timed<mote_op_average_pool_f32>(), timed<mote_op_timestep_embedding_f32>(),
      timed<mote_op_class_embedding_f32>(), timed<mote_op_scale_shift_f32>(),  timed<mote_op_conv2d_s8>(),
      timed<mote_op_linear_s8>(),           timed<mote_op_group_norm_s8>(),    timed<mote_op_activation_s8>(),
      timed<mote_op_attention_s8>(),        timed<mote_op_add_s8>(),           timed<mote_op_upsample_s8>(),
      timed<mote_op_average_pool_s8>(),     timed<mote_op_scale_shift_s8>(),   timed<mote_op_quantize_s16>(),
      timed<mote_op_step_embedding_s16>(),
  };
  static std::vector<const mote_operator*> table;
  if (table.empty()) {
    for (const mote_operator& copy : copies) table.push_back(&copy);
    table.push_back(nullptr);
  }
  return table.data();
}

// What one model took: samples[operator][phase], one number a pass.
class Profile {
 public:
  Profile(const std::string& path, const std::string& kernels)
      : path_(path),
        bytes_(read_file(path)),
        file_(read_model(bytes_, path)),
        run_(bytes_, path, kernels, timed_operators()) {
    samples_.resize(file_.graph.nodes.size());
  }

  void pass() {
    pass_us.assign(samples_.size(), {});
    const double before = now_us();
    run_.predict();
    whole_.push_back(now_us() - before);
    double operators = 0;
    for (size_t i = 0; i < samples_.size(); ++i) {
      for (size_t phase = 0; phase < max_phases; ++phase) {
        samples_[i][phase].push_back(pass_us[i][phase]);
        operators += pass_us[i][phase];
      }
    }
    loop_.push_back(whole_.back() - operators);
  }
  void forget() {
    for (auto& phases : samples_)
      for (auto& samples : phases) samples.clear();
    whole_.clear();
    loop_.clear();
  }

  static double quartile(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[values.size() / 4];
  }
  double us(size_t node, size_t phase) const { return quartile(samples_[node][phase]); }
  double us(size_t node) const { return us(node, 0) + us(node, 1) + us(node, 2); }
  double whole_us() const { return quartile(whole_); }
  double loop_us() const { return quartile(loop_); }
  size_t passes() const { return whole_.size(); }
  const Graph& graph() const { return file_.graph; }
  const ModelRun& run() const { return run_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::vector<uint8_t> bytes_;
  ModelFile file_;
  ModelRun run_;
  std::vector<std::array<std::vector<double>, max_phases>> samples_;
  std::vector<double> whole_, loop_;
};

// One line of a table. Phases of the second model only.
struct Line {
  std::string name, kind, detail;
  double macs = 0, first_us = 0, second_us = 0, phase_us[max_phases] = {};
  int count = 0;
  double lost_us() const { return second_us - first_us / wanted_ratio; }
  void add(const Line& other) {
    macs += other.macs;
    first_us += other.first_us;
    second_us += other.second_us;
    for (size_t i = 0; i < max_phases; ++i) phase_us[i] += other.phase_us[i];
    count += other.count;
  }
};

std::string detail_of(const Graph& graph, const Node& node) {
  std::string text;
  for (int x : node.x)
    if (x >= 0) text += (text.empty() ? "" : "+") + shape_text(graph.tensors[static_cast<size_t>(x)]);
  text += ">" + shape_text(graph.tensors[static_cast<size_t>(node.y[0])]);
  if (node.kind != OpKind::conv2d) return text;
  text += " " + std::to_string(node.kernel_height) + "x" + std::to_string(node.kernel_width);
  if (node.stride > 1) text += " stride " + std::to_string(node.stride);
  if (node.upsample > 1) text += " up";
  if (node.residual >= 0) text += " +res";
  if (node.proofs != 0) text += (node.proofs & format::op_sums_below_2_25) != 0 ? " <2^25" : " <2^29";
  return text;
}

// The operators of both models by name, in the order of the second, then what only the first has.
std::vector<Line> lines_of(const Profile& first, const Profile& second) {
  std::map<std::string, size_t> by_name;
  const auto key = [](const Node& node) { return node.name + "/" + kind_name(node.kind); };
  for (size_t i = 0; i < first.graph().nodes.size(); ++i) by_name[key(first.graph().nodes[i])] = i;
  std::vector<Line> lines;
  for (size_t i = 0; i < second.graph().nodes.size(); ++i) {
    const Node& node = second.graph().nodes[i];
    Line line;
    line.name = node.name;
    line.kind = kind_name(node.kind);
    line.detail = detail_of(second.graph(), node);
    line.macs = static_cast<double>(node_macs(second.graph(), node));
    line.second_us = second.us(i);
    for (size_t phase = 0; phase < max_phases; ++phase) line.phase_us[phase] = second.us(i, phase);
    line.count = 1;
    const auto same = by_name.find(key(node));
    if (same != by_name.end()) {
      line.first_us = first.us(same->second);
      by_name.erase(same);
    }
    lines.push_back(line);
  }
  for (const auto& [name, index] : by_name) {
    const Node& node = first.graph().nodes[index];
    Line line;
    line.name = node.name;
    line.kind = kind_name(node.kind);
    line.detail = "first only: " + detail_of(first.graph(), node);
    line.first_us = first.us(index);
    line.count = 1;
    lines.push_back(line);
  }
  return lines;
}

void print_lines(const std::vector<Line>& lines, const char* title) {
  std::printf("\n%s\n| operator | MMAC | float us | int8 us | phases of int8 | float/int8 | lost us | GMAC/s int8 |\n",
              title);
  std::printf("|---|---|---|---|---|---|---|---|\n");
  for (const Line& line : lines) {
    std::printf("| %s %s %s | %.2f | %.1f | %.1f | %.1f %.1f %.1f | %.2f | %.1f | %.1f |\n", line.name.c_str(),
                line.kind.c_str(), line.detail.c_str(), line.macs / 1e6, line.first_us, line.second_us,
                line.phase_us[0], line.phase_us[1], line.phase_us[2],
                line.second_us > 0 ? line.first_us / line.second_us : 0, line.lost_us(),
                line.second_us > 0 ? line.macs / line.second_us / 1e3 : 0);
  }
}

void print_profile(const Profile& first, const Profile& second, bool in_order) {
  std::vector<Line> lines = lines_of(first, second);
  std::map<std::string, Line> kinds;
  for (const Line& line : lines) {
    std::string kind = line.kind;
    const size_t space = line.detail.find(' ');
    if (kind == "conv2d" && space != std::string::npos && line.detail[0] != 'f') {
      const std::string rest = line.detail.substr(space + 1);
      kind += " " + rest.substr(0, rest.find(" +res")).substr(0, rest.find(" <"));
    }
    Line& sum = kinds[kind];
    sum.add(line);
    sum.name = std::to_string(sum.count);
    sum.kind = kind;
  }
  Line loop;
  loop.name = "1";
  loop.kind = "run loop";
  loop.first_us = first.loop_us();
  loop.second_us = second.loop_us();
  std::vector<Line> by_kind = {loop};
  for (const auto& [name, line] : kinds) by_kind.push_back(line);
  const auto worse = [](const Line& a, const Line& b) { return a.lost_us() > b.lost_us(); };
  std::stable_sort(by_kind.begin(), by_kind.end(), worse);
  if (!in_order) std::stable_sort(lines.begin(), lines.end(), worse);

  Line sum;
  for (const Line& line : by_kind) sum.add(line);
  for (const Profile* profile : {&first, &second})
    std::printf("%s (%s): %.1f us a pass, %zu passes\n", profile->path().c_str(), profile->run().kernels(),
                profile->whole_us(), profile->passes());
  std::printf("sums of the operators: %.1f and %.1f us, ratio %.2f, wanted %.1f\n", sum.first_us, sum.second_us,
              sum.first_us / sum.second_us, wanted_ratio);
  print_lines(by_kind, "By kind (how many operators first)");
  print_lines(lines, "By operator");
}

struct Options {
  std::string first, second, kernels = "avx2";
  double seconds = 10;
  bool in_order = false;
};

void run(const Options& options) {
  Profile first(options.first, options.kernels), second(options.second, options.kernels);
  for (int i = 0; i < 2; ++i) {
    first.pass();
    second.pass();
  }
  first.forget();
  second.forget();
  const double start = now_us();
  while (first.passes() < 5 || now_us() - start < options.seconds * 1e6) {
    first.pass();
    second.pass();
  }
  print_profile(first, second, options.in_order);
}

bool parse(int argc, char** argv, Options* options) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--seconds" && more) {
      options->seconds = std::atof(argv[++i]);
    } else if (word == "--kernels" && more) {
      options->kernels = argv[++i];
    } else if (word == "--in-order") {
      options->in_order = true;
    } else if (word[0] == '-') {
      return false;
    } else if (options->first.empty()) {
      options->first = word;
    } else if (options->second.empty()) {
      options->second = word;
    } else {
      return false;
    }
  }
  return !options->second.empty();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, &options)) {
    std::fputs("usage: profile_bench FLOAT.mote INT8.mote [--seconds 10] [--kernels avx2] [--in-order]\n", stderr);
    return 2;
  }
  try {
    run(options);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "profile_bench: %s\n", error.what());
    return 1;
  }
}
