// `weights_tool score`: a model of points as a field of scores, beside the true one, and its samples beside the data.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "diffusion/noise.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/commands/sample_pictures.h"
#include "weights_tool/commands/sample_team.h"
#include "weights_tool/commands/score_truth.h"
#include "weights_tool/diffusion/score.h"
#include "weights_tool/evaluate/energy_distance.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/os.h"
#include "weights_tool/io/png.h"
#include "weights_tool/io/point_plot.h"

namespace mote::tool {
namespace {

constexpr int grid_side = 15;         // arrows of a field
constexpr double grid_reach = 1.2;    // of its axes
constexpr size_t plotted = 600;       // points of a panel
constexpr int panel_size = 220;       // pixels
constexpr uint32_t floor_pairs = 8;   // of fresh sets
constexpr uint64_t noise_seed = 3;    // of the points where the error is measured
constexpr double arrow_share = 0.35;  // an arrow is that share of the way to the mean of x_0 there

const CommandSpec& spec() {
  static const CommandSpec command{
      "score",
      "compare the score field of a model of points with the true one",
      {{"weights_tool score roll.mote --data points:swiss-roll --t 50,200,500 --out field.png",
        "errors, and true and learned fields side by side"},
       {"weights_tool score mixture.mote --data points:mixture --samples points.png --n 5000",
        "samples over fresh points, and the energy distance of the two"}},
      {{"MODEL", "a .mote file, a checkpoint of train, or a configuration"}},
      {Option::text("data", "POINTS",
                    "points:swiss-roll, points:two-moons, points:mixture, a mixture of Gaussians (.json), or (N, n) "
                    "(.npy)"),
       Option::integers("t", 0, format::max_train_steps - 1,
                        "noise levels; without it 1/25, 1/10 and 1/3 of them, or near these"),
       Option::integer("class", -1, format::max_classes - 1, "class, -1: none"),
       Option::text("out", "FILE.png", "draw the fields: a row a level, the true one on the left"),
       Option::text("samples", "FILE.png", "draw samples over fresh points"),
       Option::integer("n", 2000, 2, 50000, "points that errors are measured at, and samples"),
       Option::integer("steps", 1, format::max_train_steps, "of the samples; without it those of the model"),
       Option::number("eta", 0.0, 0.0, 1.0, "noise of DDIM"),
       Option::integer("seed", 1, 0, int64_t{1} << 53, "of the samples"),
       Option::text("kernels", "NAME", "run these kernels; without it the fastest"),
       Option::integer("threads", 1, 1024, "threads; without it one for each processor"),
       Option::flag("json", "print one JSON object"), Option::flag("force", "replace existing files")},
      "score: s(x, t) = -epsilon(x, t) / sqrt(1 - alpha_bar), the gradient of the log density of x_t.\n"
      "error: mean |s - s_true|^2 over mean |s_true|^2, both over noised fresh points, so weighted by density. 0: "
      "equal, "
      "1: as\n"
      "good as a score of 0. The true score of a mixture is its closed form; of other points it is that of 20000 of "
      "them, noised:\n"
      "exact for those 20000, and at the lowest levels an estimate.\n"
      "energy: energy distance of the samples to fresh points; floor: of fresh points to others, mean and largest of 8 "
      "pairs.\n"
      "A mixture is {\"components\": [{\"weight\": 1, \"mean\": [0.5, 0], \"deviation\": [0.1, 0.2]}, ...]}."};
  return command;
}

struct LevelResult {
  int t = 0;
  double alpha_bar = 0, error = 0, mean_square = 0;  // relative error; mean |s_true|^2
};

class Session {
 public:
  explicit Session(const Arguments& arguments)
      : arguments_(arguments),
        path_(arguments.positional("MODEL")),
        source_(load_model_source(path_, SourceOptions())),
        model_(source_.bytes, path_),
        truth_(load_point_truth(arguments.text("data"))),
        dimension_(model_.info().channels),
        count_(static_cast<size_t>(arguments.integer("n"))),
        threads_(arguments.has("threads") ? static_cast<int>(arguments.integer("threads")) : cpu_count()),
        label_(arguments.has("class") ? static_cast<int32_t>(arguments.integer("class")) : MOTE_NO_CLASS),
        team_(model_, config(), wanted_kernels(arguments.text("kernels")), threads_, 1000000) {
    const mote_model_info& info = model_.info();
    if (info.height != 1 || info.width != 1 || info.out_channels != info.channels ||
        truth_.distribution.dimension() != dimension_)
      throw Error(ExitCode::invalid_input, path_ + ": is no model of points of " +
                                               std::to_string(truth_.distribution.dimension()) +
                                               " dimensions; train one with \"kind\": \"mlp\"");
    if (label_ >= static_cast<int32_t>(info.num_classes)) arguments.fail("--class: there is no such class");
    if (dimension_ != 2 && (arguments.has("out") || arguments.has("samples")))
      arguments.fail("figures are for points of the plane");
  }

  std::vector<int> levels() const {
    std::vector<int32_t> own(model_.info().default_steps);
    check_status(mote_model_get_timesteps(model_.model(), own.data(), own.size()), path_);
    const int train_steps = static_cast<int>(model_.info().train_steps);
    std::vector<int> levels;
    if (!arguments_.has("t")) {
      for (int t : {train_steps / 25, train_steps / 10, train_steps / 3}) {
        if (model_.info().folded != 0)
          t = *std::min_element(own.begin(), own.end(),
                                [t](int a, int b) { return std::abs(a - t) < std::abs(b - t); });
        if (std::find(levels.begin(), levels.end(), t) == levels.end()) levels.push_back(t);
      }
      return levels;
    }
    for (const int64_t t : arguments_.integers("t")) {
      levels.push_back(static_cast<int>(t));
      if (t >= train_steps) arguments_.fail(path_ + " has the noise levels 0 to " + std::to_string(train_steps - 1));
      if (model_.info().folded == 0 || std::find(own.begin(), own.end(), t) != own.end()) continue;
      std::string list;
      for (const int32_t level : own) list += (list.empty() ? "" : ", ") + std::to_string(level);
      arguments_.fail(path_ + " was made for the noise levels " + list + " and has no others");
    }
    return levels;
  }

  double alpha_bar(int t) const {
    const std::vector<float>& schedule = source_.diffusion.schedule;
    if (!schedule.empty()) {
      const double entry = static_cast<double>(schedule.at(static_cast<size_t>(t)));
      return entry >= 0 ? entry : 1 + entry;
    }
    // A model of fixed steps: from the share of the network's output in the predicted x_0 (src/diffusion/rows.h).
    for (const format::RowRecord& row : source_.diffusion.rows) {
      if (row.timestep != t || source_.graph.prediction == Prediction::x0) continue;
      const double a = static_cast<double>(row.a), b = static_cast<double>(row.b);
      return source_.graph.prediction == Prediction::v ? 1 - b * b : 1 / (a * a);
    }
    throw Error(ExitCode::invalid_input, path_ + ": does not say how noisy level " + std::to_string(t) + " is");
  }

  // The learned score at points [count][dimension].
  std::vector<double> learned(const std::vector<float>& x, int t) {
    const size_t points = x.size() / dimension_;
    std::vector<float> out(x.size());
    team_.run(static_cast<int>(points), [&](mote_sampler* sampler, int index) {
      const size_t at = static_cast<size_t>(index) * dimension_;
      check_status(
          mote_sampler_predict(sampler, x.data() + at, static_cast<float>(t), label_, out.data() + at, dimension_),
          path_);
    });
    const Mix mix = score_mix(source_.graph.prediction, alpha_bar(t));
    std::vector<double> score(x.size());
    for (size_t i = 0; i < x.size(); ++i)
      score[i] = mix.first * static_cast<double>(x[i]) + mix.second * static_cast<double>(out[i]);
    return score;
  }

  std::vector<double> exact(const std::vector<float>& x, int t) {
    std::vector<double> score(x.size());
    ThreadPool pool(threads_);
    pool.parallel_for(static_cast<int>(x.size() / dimension_), [&](int index, int) {
      const size_t at = static_cast<size_t>(index) * dimension_;
      const std::vector<double> point(x.begin() + static_cast<std::ptrdiff_t>(at),
                                      x.begin() + static_cast<std::ptrdiff_t>(at + dimension_));
      truth_.distribution.score(point.data(), alpha_bar(t), score.data() + at);
    });
    return score;
  }

  std::vector<float> noised(size_t count, int t) const {
    std::vector<float> x = truth_.fresh(count, 0), z(dimension_);
    const double signal = std::sqrt(alpha_bar(t)), noise = std::sqrt(1 - alpha_bar(t));
    for (size_t i = 0; i < count; ++i) {
      fill_gaussian(z.data(), 0, static_cast<uint32_t>(dimension_), noise_seed, static_cast<uint32_t>(t),
                    static_cast<uint32_t>(i), noise_points);
      for (size_t d = 0; d < dimension_; ++d) {
        float& value = x[i * dimension_ + d];
        value = static_cast<float>(signal * static_cast<double>(value) + noise * static_cast<double>(z[d]));
      }
    }
    return x;
  }

  LevelResult measure(int t) {
    const std::vector<float> x = noised(count_, t);
    const std::vector<double> is = learned(x, t), should = exact(x, t);
    double difference = 0, square = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      difference += (is[i] - should[i]) * (is[i] - should[i]);
      square += should[i] * should[i];
    }
    return {t, alpha_bar(t), difference / square, square / static_cast<double>(count_)};
  }

  void draw_fields(const std::vector<LevelResult>& results) {
    std::vector<float> grid;
    for (int i = 0; i < grid_side * grid_side; ++i) {
      for (const int place : {i % grid_side, i / grid_side})
        grid.push_back(static_cast<float>(grid_reach * (2.0 * (place + 0.5) / grid_side - 1)));
    }
    std::vector<PointPanel> panels;
    for (const LevelResult& r : results) {
      char text[64];
      std::snprintf(text, sizeof text, "learned, error %.2g %%", 100 * r.error);
      panels.push_back(field("true score, t = " + std::to_string(r.t), grid, exact(grid, r.t), r));
      panels.push_back(field(text, grid, learned(grid, r.t), r));
    }
    PanelOptions options;
    options.columns = 2;
    options.size = panel_size;
    options.low = -grid_reach;
    options.high = grid_reach;
    write_png(arguments_.text("out"), render_panels(options, panels), arguments_.flag("force"));
  }

  PointPanel field(const std::string& title, const std::vector<float>& grid, const std::vector<double>& score,
                   const LevelResult& r) {
    PointPanel panel;
    panel.title = title;
    panel.sets.push_back({points_of(noised(plotted, r.t)), kPointGrey, 0.8});
    ArrowField arrows;
    arrows.from = points_of(grid);
    for (size_t i = 0; i < score.size(); i += 2) {
      // (1 - alpha_bar) s leads from x_t to sqrt(alpha_bar) E[x_0 | x_t] (Tweedie's formula).
      const double share = arrow_share * (1 - r.alpha_bar);
      arrows.by.push_back({share * score[i], share * score[i + 1]});
    }
    panel.arrows.push_back(std::move(arrows));
    return panel;
  }

  static std::vector<Point> points_of(const std::vector<float>& values) {
    std::vector<Point> points;
    for (size_t i = 0; i + 1 < values.size(); i += 2)
      points.push_back({static_cast<double>(values[i]), static_cast<double>(values[i + 1])});
    return points;
  }

  SampleResult sample() {
    SampleRequest request;
    request.count = static_cast<uint32_t>(count_);
    if (arguments_.has("steps")) request.steps = static_cast<uint32_t>(arguments_.integer("steps"));
    if (request.steps > model_.info().train_steps ||
        (model_.info().folded != 0 && request.steps != 0 && request.steps != model_.info().default_steps))
      arguments_.fail(path_ + " does not have that many --steps");
    if (arguments_.has("eta")) {
      request.method = MOTE_METHOD_DDIM;
      request.eta = static_cast<float>(arguments_.number("eta"));
    }
    request.seed = static_cast<uint64_t>(arguments_.integer("seed"));
    request.cycle_classes = !arguments_.has("class");
    request.class_label = label_;
    request.kernels = wanted_kernels(arguments_.text("kernels"));
    request.threads = threads_;
    return sample_pictures(model_, request);
  }

  double distance(const std::vector<float>& a, const std::vector<float>& b) const {
    return energy_distance(a.data(), count_, b.data(), count_, dimension_);
  }

  // Of samples to points that the floor leaves out.
  double distance_to_data(const SampleResult& drawn) const {
    return distance(drawn.pictures, truth_.fresh(count_, 2 * floor_pairs * static_cast<uint32_t>(count_)));
  }

  // Of sets of fresh points: (mean, largest magnitude).
  std::pair<double, double> floor() const {
    double sum = 0, largest = 0;
    for (uint32_t i = 0; i < floor_pairs; ++i) {
      const uint32_t n = static_cast<uint32_t>(count_);
      const double d = distance(truth_.fresh(count_, 2 * i * n), truth_.fresh(count_, (2 * i + 1) * n));
      sum += d;
      largest = std::max(largest, std::fabs(d));
    }
    return {sum / floor_pairs, largest};
  }

  void draw_samples(const SampleResult& drawn, double energy) {
    const std::vector<float> fresh = truth_.fresh(std::min(count_, plotted), 0);
    const size_t shown = std::min(count_, plotted) * 2;
    const std::vector<float> samples(drawn.pictures.begin(),
                                     drawn.pictures.begin() + static_cast<std::ptrdiff_t>(shown));
    char text[96];
    std::snprintf(text, sizeof text, "%u steps, energy distance %.2g", drawn.steps, energy);
    const PointPanel panels[] = {
        {"data", {{points_of(fresh), kPointGrey, 0.8}}, {}},
        {text, {{points_of(fresh), kPointGrey, 0.8}, {points_of(samples), kPointBlue, 0.8}}, {}}};
    PanelOptions options;
    options.columns = 2;
    options.size = panel_size;
    options.low = -1.1;
    options.high = 1.1;
    write_png(arguments_.text("samples"), render_panels(options, {panels[0], panels[1]}), arguments_.flag("force"));
  }

  bool exact_truth() const { return truth_.exact; }
  size_t count() const { return count_; }

 private:
  mote_config config() const {
    mote_config config = mote_config();
    config.struct_size = sizeof config;
    config.class_label = label_;
    return config;
  }

  const Arguments& arguments_;
  std::string path_;
  ModelSource source_;
  ModelBuffer model_;
  PointTruth truth_;
  size_t dimension_, count_;
  int threads_;
  int32_t label_;
  SamplerTeam team_;
};

void print(const Arguments& arguments, const Session& session, const std::vector<LevelResult>& results,
           const SampleResult& drawn, double energy, const std::pair<double, double>& floor) {
  if (arguments.flag("json")) {
    Json levels = Json::array();
    for (const LevelResult& r : results) {
      Json level = Json::object();
      level.set("t", r.t).set("alpha_bar", r.alpha_bar).set("error", r.error);
      levels.push(level.set("mean_square_score", r.mean_square));
    }
    Json json = Json::object();
    json.set("points", session.count()).set("exact", session.exact_truth()).set("levels", levels);
    json.set("steps", drawn.steps).set("energy", energy).set("floor", floor.first).set("floor_largest", floor.second);
    json.set("kernels", drawn.kernels);
    std::printf("%s\n", write_json(json).c_str());
    return;
  }
  std::printf("%6s  %9s  %9s  true score: %s\n", "t", "alpha_bar", "error",
              session.exact_truth() ? "closed form" : "of many points");
  for (const LevelResult& r : results) std::printf("%6d  %9.6f  %8.3f%%\n", r.t, r.alpha_bar, 100 * r.error);
  std::printf("energy distance of %zu samples of %u steps %.6f; fresh points: mean %.6f, largest %.6f\n",
              session.count(), drawn.steps, energy, floor.first, floor.second);
}

}  // namespace

int run_score(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  arguments.require("data");
  for (const char* figure : {"out", "samples"}) {
    if (arguments.has(figure)) refuse_existing(arguments.text(figure), arguments.flag("force"));
  }
  install_interrupt_handlers();
  Session session(arguments);
  std::vector<LevelResult> results;
  for (const int t : session.levels()) results.push_back(session.measure(t));
  const SampleResult drawn = session.sample();
  const double energy = session.distance_to_data(drawn);
  if (arguments.has("out")) session.draw_fields(results);
  if (arguments.has("samples")) session.draw_samples(drawn, energy);
  print(arguments, session, results, drawn, energy, session.floor());
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
