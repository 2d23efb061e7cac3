// `weights_tool sweep`: what `eval` measures, over samplers, steps and guidance scales, with the curve of fidelity against
// diversity (Ho & Salimans 2022, arXiv 2207.12598, figure 4; Dhariwal & Nichol 2021, arXiv 2105.05233, figure 4).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/commands/sample_pictures.h"
#include "weights_tool/commands/sample_schedule.h"
#include "weights_tool/commands/sample_team.h"
#include "weights_tool/diffusers/scheduler_config.h"
#include "weights_tool/evaluate/judge.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/os.h"
#include "weights_tool/io/plot.h"
#include "weights_tool/io/png.h"
#include "weights_tool/io/progress.h"
#include "weights_tool/train/classifier_file.h"

namespace mote::tool {
namespace {

constexpr int64_t largest_exact = int64_t{1} << 53;
constexpr int64_t fewest_pictures = manifold_neighbours + 1;

const CommandSpec& spec() {
  static const CommandSpec command{
      "sweep",
      "measure a model over samplers, steps and guidance scales",
      {{"weights_tool sweep fashion.mote --guidance 0,0.5,1,2,3,5,8 --classifier classifier.safetensors --data "
        "/usr/share/datasets/fashion-mnist --out curve.png",
        "classifier-free guidance: fidelity against diversity"},
       {"weights_tool sweep fashion.mote --guide noisy.safetensors --scales 0,1,3,10 --classifier "
        "classifier.safetensors --data pictures/",
        "classifier guidance"},
       {"weights_tool sweep fashion.mote --samplers ddim,dpmpp-2m,unipc --steps 5,10,20 --classifier "
        "classifier.safetensors --data pictures/ --json",
        "samplers by steps, a line of JSON each"}},
      {{"MODEL", "a .mote file"}},
      {Option::text("classifier", "FILE.safetensors", "whose features count: made by train-classifier"),
       Option::text("data", "PATH", "real pictures, as train-classifier takes them"),
       Option::text("samplers", "NAME,...", "as in sample; without it the model's own"),
       Option::integers("steps", 1, format::max_train_steps, "steps; without it the model's own"),
       Option::text("guidance", "G,...",
                    "scales of classifier-free guidance: none + G (class - none); 0: no class at all"),
       Option::text("guide", "FILE.safetensors", "guide by this classifier of train-classifier --noisy"),
       Option::text("scales", "S,...", "scales of the classifier's guidance"),
       Option::integer("n", 2000, fewest_pictures, 1000000, "pictures of each"),
       Option::integer("seed", 1, 0, largest_exact, "of the pictures, for all alike"),
       Option::text("out", "FILE.png", "precision and Frechet distance against recall, over the scales"),
       Option::text("kernels", "NAME", "run these kernels; without it the fastest"),
       Option::integer("threads", 0, 0, 1024, "0: all processors; the result does not depend on it"),
       Option::flag("json", "print a line of JSON for each as it is done"), Option::flag("quiet", "no progress"),
       Option::flag("force", "replace an existing file")},
      "Columns are those of eval. Every combination is measured; samplers that choose their own steps (ode-rk45) "
      "once."};
  return command;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back().push_back(c);
  }
  return parts;
}

std::vector<double> numbers_of(const Arguments& arguments, const char* option) {
  if (!arguments.has(option)) return {0.0};
  std::vector<double> numbers;
  for (const std::string& part : split(arguments.text(option))) {
    char* end = nullptr;
    numbers.push_back(std::strtod(part.c_str(), &end));
    if (part.empty() || *end != '\0' || !(std::fabs(numbers.back()) <= 1000))
      arguments.fail(std::string("--") + option + ": '" + part + "' is no number from -1000 to 1000");
  }
  return numbers;
}

// One thing that is measured.
struct Cell {
  std::string sampler;
  int steps = 0;
  double guidance = 0, scale = 0;
  Quality quality;
  double seconds = 0;  // of drawing
  double evaluations = 0;
};

Json cell_json(const Cell& cell, size_t n, int64_t seed) {
  Json json = Json::object();
  json.set("sampler", cell.sampler).set("steps", cell.steps).set("guidance", cell.guidance).set("scale", cell.scale);
  json.set("n", n).set("seed", static_cast<long long>(seed));
  for (const QualityColumn& column : quality_columns()) json.set(column.name, cell.quality.*column.value);
  json.set("seconds_a_picture", cell.seconds).set("evaluations_a_picture", cell.evaluations);
  return json;
}

class Sweep {
 public:
  explicit Sweep(const Arguments& arguments)
      : arguments_(arguments),
        path_(arguments.positional("MODEL")),
        kernels_(wanted_kernels(arguments.text("kernels"))),
        pool_(static_cast<int>(arguments.integer("threads"))),
        count_(static_cast<size_t>(arguments.integer("n"))),
        bytes_(load_model_file(path_)),
        classifier_(load_classifier(arguments.text("classifier"))) {
    if (!find_kernel_set(kernels_.empty() ? nullptr : kernels_.c_str(), &set_)) arguments.fail("no such kernel set");
    if (arguments.has("guide"))
      guide_ = std::make_shared<const ClassifierGuide>(load_classifier(arguments.text("guide")), set_,
                                                       arguments.text("guide"));
    else if (arguments.has("scales"))
      arguments.fail("--scales is for --guide");
    make_cells();
    real_ = load_classified(arguments.text("data"));
    const ImageSet& images = real_.train.images;
    const ClassifierConfig& config = classifier_.state.config;
    const mote_model_info info = ModelBuffer(bytes_, path_).info();
    const auto fits = [&](size_t h, size_t w, size_t c) {
      return h == static_cast<size_t>(config.height) && w == static_cast<size_t>(config.width) &&
             c == static_cast<size_t>(config.channels);
    };
    if (!fits(images.height, images.width, images.channels) || !fits(info.height, info.width, info.channels))
      throw Error(ExitCode::invalid_input, path_ + ", data and classifier are for pictures of different sizes");
    known_classes_ = info.num_classes <= static_cast<uint32_t>(config.classes) ? info.num_classes : 0;
    if (arguments.has("guidance") && info.num_classes == 0) arguments.fail(path_ + " has no classes to guide to");
  }

  void run() {
    FeatureExtractor extractor(classifier_.graph, set_, pool_);
    Judge judge(extractor, real_, count_, set_, pool_, stop_if_interrupted);
    if (!arguments_.flag("json"))
      std::printf("%-16s %5s %8s %8s %9s %9s %9s %9s %10s\n", "sampler", "steps", "guidance", "scale", "frechet",
                  "precision", "recall", "agreement", "ms/picture");
    for (Cell& cell : cells_) measure(judge, cell);
  }

  // Precision above, distance below; the points in the order of the scales.
  Image curve() const {
    PlotSeries precision, distance;
    for (const Cell& cell : cells_) {
      for (PlotSeries* series : {&precision, &distance}) series->x.push_back(cell.quality.recall);
      precision.y.push_back(cell.quality.precision);
      distance.y.push_back(cell.quality.frechet);
    }
    PlotOptions options;
    options.x_label = "recall (diversity)";
    options.height = 380;
    options.title = arguments_.has("guide") ? "Classifier guidance" : "Classifier-free guidance";
    options.y_label = "precision (fidelity)";
    const Image above = render_plot(options, {precision});
    options.title = "";
    options.y_label = "Frechet distance";
    const Image below = render_plot(options, {distance});
    Image both(above.height + below.height, above.width, above.channels);
    std::copy(above.pixels.begin(), above.pixels.end(), both.pixels.begin());
    std::copy(below.pixels.begin(), below.pixels.end(), both.row(above.height));
    return both;
  }

 private:
  static void stop_if_interrupted(uint64_t) {
    if (interrupted()) throw Error(ExitCode::interrupted, "interrupted; lines so far were measured to the end");
  }

  void make_cells() {
    std::vector<std::string> samplers{""};
    if (arguments_.has("samplers")) samplers = split(arguments_.text("samplers"));
    const std::vector<std::string> known = all_sampler_names();
    std::vector<int64_t> steps{0};
    if (arguments_.has("steps")) steps = arguments_.integers("steps");
    for (const std::string& sampler : samplers) {
      if (!sampler.empty() && std::find(known.begin(), known.end(), sampler) == known.end())
        arguments_.fail("--samplers: there is no sampler '" + sampler + "'");
      const bool own_steps = sampler == "ode-rk45";
      for (size_t k = 0; k < (own_steps ? 1 : steps.size()); ++k) {
        for (const double guidance : numbers_of(arguments_, "guidance")) {
          for (const double scale : numbers_of(arguments_, "scales")) {
            Cell cell;
            cell.sampler = sampler;
            cell.steps = own_steps ? 0 : static_cast<int>(steps[k]);
            cell.guidance = guidance;
            cell.scale = scale;
            cells_.push_back(cell);
          }
        }
      }
    }
  }

  void measure(const Judge& judge, Cell& cell) {
    SamplingWish wish;
    wish.sampler = cell.sampler;
    wish.steps = cell.steps;
    wish.classifier = cell.scale != 0 ? guide_ : nullptr;
    wish.solver.guide_scale = cell.scale;
    wish.host = !is_solver(cell.sampler);  // rows or not, all are taken the same way
    const SamplingPlan plan = plan_sampling(bytes_, path_, wish);
    const ModelBuffer model(plan.bytes, path_);
    const mote_model_info& info = model.info();
    SampleRequest request;
    follow_plan(plan, request);
    request.count = static_cast<uint32_t>(count_);
    request.seed = static_cast<uint64_t>(arguments_.integer("seed"));
    request.guidance = static_cast<float>(cell.guidance);
    request.cycle_classes = !(arguments_.has("guidance") && cell.guidance == 0);
    request.kernels = kernels_;
    request.threads = pool_.workers();
    std::optional<Progress> bar;
    if (!arguments_.flag("quiet"))
      bar.emplace(plan.sampler, std::max<uint64_t>(1, plan.host_steps.size()) * count_, "steps");
    request.progress = [&](uint64_t done) {
      stop_if_interrupted(done);
      if (bar) bar->update(done);
    };
    SampleResult drawn = sample_pictures(model, request);
    if (bar) bar->finish();
    cell.sampler = plan.sampler;
    if (!plan.host_steps.empty()) cell.steps = static_cast<int>(plan.host_steps.size());
    cell.seconds = drawn.seconds_a_picture;
    cell.evaluations = static_cast<double>(drawn.evaluations) / static_cast<double>(count_);
    const bool labels = request.cycle_classes && known_classes_ > 0;
    cell.quality =
        judge.judge({count_, info.height, info.width, info.channels, std::move(drawn.pixels)},
                    labels ? std::vector<int>(drawn.classes.begin(), drawn.classes.end()) : std::vector<int>(),
                    stop_if_interrupted);
    print(cell);
  }

  void print(const Cell& cell) const {
    if (arguments_.flag("json")) {
      std::printf("%s\n", write_json(cell_json(cell, count_, arguments_.integer("seed")), 0).c_str());
    } else {
      const Quality& q = cell.quality;
      std::printf("%-16s %5d %8g %8g %9.4f %9.4f %9.4f %9.4f %10.2f\n", cell.sampler.c_str(), cell.steps, cell.guidance,
                  cell.scale, q.frechet, q.precision, q.recall, q.agreement, 1e3 * cell.seconds);
    }
    std::fflush(stdout);
  }

  const Arguments& arguments_;
  std::string path_, kernels_;
  KernelSet set_ = KernelSet::ref;
  ThreadPool pool_;
  size_t count_;
  std::vector<uint8_t> bytes_;
  LoadedClassifier classifier_;
  ClassifiedPictures real_;
  std::shared_ptr<const ClassifierGuide> guide_;
  uint32_t known_classes_ = 0;
  std::vector<Cell> cells_;
};

}  // namespace

int run_sweep(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  for (const char* option : {"classifier", "data"}) arguments.require(option);
  if (arguments.has("out")) refuse_existing(arguments.text("out"), arguments.flag("force"));
  install_interrupt_handlers();
  Sweep sweep(arguments);
  sweep.run();
  if (arguments.has("out")) write_png(arguments.text("out"), sweep.curve(), arguments.flag("force"));
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
