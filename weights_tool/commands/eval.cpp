// `weights_tool eval`: how good the pictures of a model or of a file are. Draws and reads pictures and prints; measuring is
// weights_tool/evaluate's.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/eval_nll.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/commands/sample_pictures.h"
#include "weights_tool/commands/sample_schedule.h"
#include "weights_tool/commands/sample_team.h"
#include "weights_tool/evaluate/judge.h"
#include "weights_tool/evaluate/report.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/io/os.h"
#include "weights_tool/io/progress.h"
#include "weights_tool/train/classifier_file.h"

namespace mote::tool {
namespace {

constexpr int64_t largest_exact = int64_t{1} << 53;
constexpr int64_t fewest_pictures = manifold_neighbours + 1;

const CommandSpec& spec() {
  static const CommandSpec command{
      "eval",
      "measure pictures against real ones",
      {{"weights_tool eval fashion.mote --classifier classifier.safetensors --data /usr/share/datasets/fashion-mnist",
        "three runs of 10000 pictures; mean and spread"},
       {"weights_tool eval fashion-int8.mote --against fashion.mote --classifier classifier.safetensors --data "
        "pictures/",
        "two models with the same seeds, and the ratio of their distances"},
       {"weights_tool eval pictures.idx --classifier classifier.safetensors --data /usr/share/datasets/fashion-mnist "
        "--json",
        "pictures that another program made"},
       {"weights_tool eval fashion.mote --nll --data /usr/share/datasets/fashion-mnist",
        "how likely the model finds held-out pictures, in bits a dimension"}},
      {{"MODEL|IDX", "a .mote file, a checkpoint of train, or an IDX file of pictures"}},
      {Option::text("against", "MODEL|IDX", "measure this one too and compare"),
       Option::text("classifier", "FILE.safetensors", "whose features count: made by train-classifier"),
       Option::text("data", "PATH", "real pictures, as train-classifier takes them"),
       Option::integer("n", 10000, fewest_pictures, 1000000,
                       "pictures a run; of an IDX file at most so many, from its start"),
       Option::integer("runs", 3, 1, 1000, "seeds, from --seed on; an IDX file is one run"),
       Option::integer("steps", 1, format::max_train_steps, "sampler steps; without it those the model was made for"),
       Option::choice("sampler", "", all_sampler_names(),
                      "as in sample; without it that of the model's scheduler, or ddim"),
       Option::number("atol", 1e-3, 1e-12, 1.0, "of ode-rk45: allowed error of a step"),
       Option::number("rtol", 1e-3, 1e-12, 1.0, "of ode-rk45: the same as a share of x"),
       Option::number("corrector-snr", 0.16, 0.0, 10.0, "of sde-pc: r of the Langevin corrector"),
       Option::number("guidance", 0.0, -1024.0, 1024.0,
                      "classifier-free guidance: out = none + G (class - none); 0 and 1: the class as it is"),
       Option::text("guide", "FILE.safetensors", "steer by this classifier of train-classifier --noisy"),
       Option::number("classifier-scale", 1.0, 0.0, 1000.0, "how much"),
       Option::number("eta", 0.0, 0.0, 1.0, "noise of DDIM"),
       Option::integer("seed", 1, 0, largest_exact, "of the first run"),
       Option::flag("nll", "the variational bound on the negative log-likelihood instead; without --classifier"),
       Option::integer("levels", 0, format::max_train_steps,
                       "of --nll: levels a picture, drawn at random without a bias; 0: all; without it 20"),
       Option::choice(
           "variance", "", {"learned", "small", "large"},
           "of --nll: the network's, beta-tilde or beta; without it the network's if it has one, else small"),
       Option::choice("split", "held-out", {"held-out", "train"}, "of --nll: which pictures, where there are both"),
       Option::text("kernels", "NAME",
                    "run these kernels: ref, avx2, avx512, neon, neon_dotprod, neon_i8mm; without it the fastest"),
       Option::integer("threads", 0, 0, 1024, "0: all processors; the result does not depend on it"),
       Option::flag("json", "print one JSON object"),
       Option::flag("quiet", "no progress")},
      "frechet: Frechet distance between the features of the pictures and of all training pictures; smaller is "
      "better.\n"
      "precision, recall: shares of pictures inside the manifold of real ones and the reverse (Kynkaanniemi et al. "
      "2019).\n"
      "agreement: share of pictures that the classifier takes for the class they were drawn for; the classes in turn.\n"
      "confidence: the probability it gives the class it takes a picture for, on average.\n"
      "floor: the same for held-out real pictures. Compare only results of the same classifier, data and --n.\n"
      "nll: L_T + sum of L_{t-1} + L_0 of 8-bit pictures in bits a dimension, from 1000 pictures (--n) at even "
      "distances; "
      "an estimate with its standard error. --steps: of the chain of so many levels instead of all. Pictures of a "
      "model "
      "with classes are measured given their class."};
  return command;
}

bool is_idx(const std::string& path) {
  const MappedFile file(path);
  const uint8_t* b = file.data();
  const bool gzip = file.size() >= 2 && b[0] == 0x1F && b[1] == 0x8B;
  return gzip || (file.size() >= 4 && b[0] == 0 && b[1] == 0 && b[2] == 8);
}

// A model file's bytes; of a checkpoint, those that `export` would write.
std::vector<uint8_t> model_bytes(const std::string& path) {
  const MappedFile file(path);
  const bool checkpoint = file.size() >= 9 && file.data()[8] == '{' && load_u64_le(file.data()) <= file.size() - 8;
  return checkpoint ? load_model_source(path, SourceOptions()).bytes : load_model_file(path);
}

// One of the two things on the command line, opened and checked before any work.
struct Subject {
  Candidate candidate;
  std::unique_ptr<ModelBuffer> model;  // null: pictures
  SamplingPlan plan;
  ImageSet pictures;
};

void stop_if_interrupted(uint64_t) {
  if (interrupted()) throw Error(ExitCode::interrupted, "interrupted; nothing was measured to the end");
}

// Calls work(callback); the callback moves a bar of `total` units.
template <class Work>
auto with_progress(bool quiet, const std::string& label, uint64_t total, const std::string& unit, const Work& work) {
  std::optional<Progress> bar;
  if (!quiet) bar.emplace(label, total, unit);
  auto result = work(std::function<void(uint64_t)>([&](uint64_t done) {
    stop_if_interrupted(done);
    if (bar) bar->update(done);
  }));
  if (bar) bar->finish();
  return result;
}

class Session {
 public:
  explicit Session(const Arguments& arguments)
      : arguments_(arguments),
        quiet_(arguments.flag("quiet")),
        kernels_(wanted_kernels(arguments.text("kernels"))),
        wish_(wish_of_arguments(arguments, arguments.has("guide") ? arguments.text("guide") : "", kernels_)),
        pool_(static_cast<int>(arguments.integer("threads"))),
        count_(static_cast<size_t>(arguments.integer("n"))),
        classifier_(load_classifier(arguments.text("classifier"))) {
    if (!find_kernel_set(kernels_.empty() ? nullptr : kernels_.c_str(), &set_)) arguments.fail("no such kernel set");
    subjects_.push_back(open(arguments.positional("MODEL|IDX")));
    if (arguments.has("against")) subjects_.push_back(open(arguments.text("against")));
    real_ = load_classified(arguments.text("data"));
    check_size(real_.train.source, real_.train.images.height, real_.train.images.width, real_.train.images.channels);
    if (real_.classes > classifier_.state.config.classes) {
      throw Error(ExitCode::invalid_input, real_.train.source + ": " + std::to_string(real_.classes) +
                                               " classes, but the classifier knows " +
                                               std::to_string(classifier_.state.config.classes));
    }
    if (std::min(real_.train.images.count, real_.held_out.images.count) < static_cast<size_t>(fewest_pictures)) {
      throw Error(ExitCode::invalid_input, real_.train.source + ": too few pictures to measure against");
    }
  }

  EvalReport run() {
    FeatureExtractor extractor(classifier_.graph, set_, pool_);
    Judge judge =
        with_progress(quiet_, "real pictures", real_.train.images.count, "pictures",
                      [&](const auto& progress) { return Judge(extractor, real_, count_, set_, pool_, progress); });
    EvalReport report;
    report.classifier = arguments_.text("classifier");
    report.data = real_.train.source;
    report.classifier_accuracy = classifier_.state.accuracy;
    report.features = static_cast<size_t>(classifier_.state.config.features);
    report.real_pictures = real_.train.images.count;
    report.manifold_pictures = std::min(count_, report.real_pictures);
    report.floor_pictures = judge.floor_pictures();
    report.floor = judge.floor();
    for (Subject& subject : subjects_) {
      if (subject.model == nullptr) {
        add_run(judge, subject.pictures, {}, &subject.candidate);
      } else {
        draw_runs(judge, &subject);
      }
      report.candidates.push_back(subject.candidate);
    }
    return report;
  }

 private:
  void check_size(const std::string& path, size_t height, size_t width, size_t channels) const {
    const ClassifierConfig& config = classifier_.state.config;
    const auto text = [](size_t h, size_t w, size_t c) {
      return std::to_string(h) + "x" + std::to_string(w) + "x" + std::to_string(c);
    };
    const size_t h = static_cast<size_t>(config.height), w = static_cast<size_t>(config.width),
                 c = static_cast<size_t>(config.channels);
    if (height == h && width == w && channels == c) return;
    throw Error(ExitCode::invalid_input, path + ": pictures of " + text(height, width, channels) +
                                             ", but the classifier is for " + text(h, w, c) +
                                             "; train one for them with train-classifier");
  }

  Subject open(const std::string& path) const {
    Subject subject;
    subject.candidate.path = path;
    if (is_idx(path)) {
      subject.pictures = read_idx_images(path);
      ImageSet& pictures = subject.pictures;
      check_size(path, pictures.height, pictures.width, pictures.channels);
      if (pictures.count < static_cast<size_t>(fewest_pictures)) {
        throw Error(ExitCode::invalid_input,
                    path + ": " + std::to_string(pictures.count) + " pictures are too few to measure");
      }
      pictures.count = std::min(pictures.count, count_);
      pictures.pixels.resize(pictures.count * pictures.image_bytes());
      return subject;
    }
    const int steps = arguments_.has("steps") ? static_cast<int>(arguments_.integer("steps")) : 0;
    subject.model = std::make_unique<ModelBuffer>(model_bytes(path), path);
    const mote_model_info& info = subject.model->info();
    check_size(path, info.height, info.width, info.channels);
    if (static_cast<uint32_t>(steps) > info.train_steps) {
      arguments_.fail(path + " has " + std::to_string(info.train_steps) + " noise levels, fewer than --steps " +
                      std::to_string(steps));
    }
    if (info.folded != 0 && steps != 0 && static_cast<uint32_t>(steps) != info.default_steps) {
      arguments_.fail(path + " was made for exactly " + std::to_string(info.default_steps) + " steps");
    }
    subject.candidate.drawn = true;
    subject.candidate.steps = steps != 0 ? static_cast<uint32_t>(steps) : info.default_steps;
    subject.plan = plan_sampling(model_bytes(path), path, wish_);
    if (subject.plan.planned) {
      subject.model = std::make_unique<ModelBuffer>(subject.plan.bytes, path);
      subject.candidate.steps = subject.model->info().default_steps;
      if (!subject.plan.host_steps.empty())
        subject.candidate.steps = static_cast<uint32_t>(subject.plan.host_steps.size());
      if (subject.plan.solver) subject.candidate.steps = 1;
    }
    return subject;
  }

  void draw_runs(const Judge& judge, Subject* subject) {
    SampleRequest request;
    request.count = static_cast<uint32_t>(count_);
    follow_plan(subject->plan, request);
    request.guidance = static_cast<float>(arguments_.number("guidance"));
    if (!subject->plan.planned) {
      if (arguments_.has("steps")) request.steps = subject->candidate.steps;
      request.method = method_of_arguments(arguments_);
      request.eta = static_cast<float>(arguments_.number("eta"));
    }
    request.kernels = kernels_;
    request.threads = pool_.workers();
    const mote_model_info& info = subject->model->info();
    for (int64_t run = 0; run < arguments_.integer("runs"); ++run) {
      request.seed = static_cast<uint64_t>(arguments_.integer("seed") + run);
      subject->candidate.seeds.push_back(request.seed);
      const std::string label = file_name(subject->candidate.path) + " seed " + std::to_string(request.seed);
      SampleResult drawn =
          with_progress(quiet_, label, uint64_t{subject->candidate.steps} * count_, "steps", [&](const auto& progress) {
            request.progress = progress;
            return sample_pictures(*subject->model, request);
          });
      const ImageSet pictures = {count_, info.height, info.width, info.channels, std::move(drawn.pixels)};
      // What the classifier says can be compared with what was asked for if both know the same classes.
      const bool comparable =
          info.num_classes > 0 && info.num_classes <= static_cast<uint32_t>(classifier_.state.config.classes);
      add_run(judge, pictures,
              comparable ? std::vector<int>(drawn.classes.begin(), drawn.classes.end()) : std::vector<int>(),
              &subject->candidate);
    }
  }

  void add_run(const Judge& judge, const ImageSet& pictures, const std::vector<int>& labels, Candidate* candidate) {
    candidate->pictures.push_back(pictures.count);
    candidate->runs.push_back(judge.judge(pictures, labels, stop_if_interrupted));
  }

  const Arguments& arguments_;
  bool quiet_;
  std::string kernels_;
  SamplingWish wish_;
  KernelSet set_ = KernelSet::ref;
  ThreadPool pool_;
  size_t count_;
  LoadedClassifier classifier_;
  ClassifiedPictures real_;
  std::vector<Subject> subjects_;
};

}  // namespace

int run_eval(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  if (arguments.flag("nll")) return run_eval_nll(arguments);
  for (const char* option : {"levels", "variance", "split"})
    if (arguments.has(option)) arguments.fail(std::string("--") + option + " is for --nll");
  for (const char* option : {"classifier", "data"}) arguments.require(option);
  install_interrupt_handlers();
  Session session(arguments);
  const EvalReport report = session.run();
  const std::string text = arguments.flag("json") ? write_json(report_json(report)) + "\n" : report_text(report);
  std::fputs(text.c_str(), stdout);
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
