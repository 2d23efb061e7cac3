// `weights_tool train-classifier`: from labelled pictures to the classifier in whose features `eval` compares pictures.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>

#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/sample_team.h"
#include "weights_tool/evaluate/features.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/os.h"
#include "weights_tool/io/progress.h"
#include "weights_tool/train/classifier_data.h"
#include "weights_tool/train/classifier_guide.h"
#include "weights_tool/train/classifier_trainer.h"

namespace mote::tool {
namespace {

const CommandSpec& spec() {
  static const CommandSpec command{
      "train-classifier",
      "train the classifier that eval measures with",
      {{"weights_tool train-classifier --data /usr/share/datasets/fashion-mnist --out classifier.safetensors",
        "about ten minutes on two cores"},
       {"weights_tool train-classifier --data pictures/ --out classifier.safetensors --epochs 30",
        "a folder with one subfolder of PNGs a class"},
       {"weights_tool train-classifier --noisy --width 16 --data /usr/share/datasets/fashion-mnist --out "
        "noisy.safetensors",
        "for sample --classifier"}},
      {},
      {Option::text("data", "PATH",
                    "folder with train-images-idx3-ubyte[.gz] and its labels, IDX file, or folders of PNGs"),
       Option::text("out", "FILE.safetensors", "the classifier: its averaged weights"),
       Option::flag("noisy", "learn p(class | x_t, t) at every noise level, for sample --classifier"),
       Option::choice("schedule", "cosine", {"linear", "quadratic", "sigmoid", "cosine"}, "of the noise, with --noisy"),
       Option::integer("timesteps", 1000, 2, 65536, "noise levels, with --noisy"),
       Option::integer("width", 32, 8, 512, "channels of the first level, a multiple of 8"),
       Option::integer("epochs", ClassifierRecipe().epochs, 1, 1000, "passes over the training pictures"),
       Option::integer("batch", ClassifierRecipe().batch, 1, 4096, "pictures a step"),
       Option::number("learning-rate", ClassifierRecipe().learning_rate, 0.0, 1.0, "at its peak"),
       Option::integer("seed", 1, 0, int64_t{1} << 53, "of weights, order, mirroring and shifts"),
       Option::integer("threads", 0, 0, 1024, "0: all processors; the bytes do not depend on it"),
       Option::text("kernels", "NAME",
                    "kernel set: ref, avx2, avx512, neon, neon_dotprod, neon_i8mm; without it the fastest"),
       Option::flag("quiet", "no progress"), Option::flag("force", "replace an existing file")},
      "With --noisy the accuracy at several noise levels follows; eval needs a classifier of clean pictures.\n"
      "Pictures are mirrored and moved by up to two pixels. The accuracy printed is that of the averaged weights on "
      "the\n"
      "held-out pictures: t10k-... beside the training pictures or, where there are none, every tenth picture.\n"
      "FILE is replaced whole after every epoch. Ctrl-C saves and exits with 130."};
  return command;
}

ClassifierRecipe recipe_of(const Arguments& arguments) {
  ClassifierRecipe recipe;
  recipe.epochs = static_cast<int>(arguments.integer("epochs"));
  recipe.batch = static_cast<int>(arguments.integer("batch"));
  recipe.learning_rate = arguments.number("learning-rate");
  recipe.seed = static_cast<uint64_t>(arguments.integer("seed"));
  return recipe;
}

constexpr int time_features = 32;

ClassifierConfig config_of(const Arguments& arguments, const ClassifiedPictures& pictures) {
  const ImageSet& images = pictures.train.images;
  ClassifierConfig config = default_classifier(static_cast<int>(images.height), static_cast<int>(images.width),
                                               static_cast<int>(images.channels), pictures.classes,
                                               static_cast<int>(arguments.integer("width")));
  if (arguments.flag("noisy")) {
    config.time_features = time_features;
    config.timesteps = static_cast<int>(arguments.integer("timesteps"));
    find_schedule(arguments.text("schedule"), &config.schedule);
  } else if (arguments.has("schedule") || arguments.has("timesteps")) {
    arguments.fail("--schedule and --timesteps are for --noisy");
  }
  const std::string misfit = classifier_misfit(config);
  if (!misfit.empty()) throw Error(ExitCode::invalid_input, pictures.train.source + ": " + misfit);
  return config;
}

std::string number_text(double value, int digits) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

class Run {
 public:
  Run(const Arguments& arguments, const ClassifiedPictures& pictures, KernelSet set, ThreadPool& pool)
      : out_(arguments.text("out")),
        force_(arguments.flag("force")),
        pictures_(pictures),
        trainer_(config_of(arguments, pictures), recipe_of(arguments), pictures.train, set, pool),
        pool_(pool),
        extractor_(trainer_.graph(), set, pool) {
    const uint64_t images = static_cast<uint64_t>(trainer_.total_steps() * trainer_.state().recipe.batch);
    if (!arguments.flag("quiet")) progress_.emplace("train-classifier", images, "images");
  }

  ExitCode run() {
    const int64_t total = trainer_.total_steps(), batch = trainer_.state().recipe.batch;
    note(std::to_string(pictures_.train.images.count) + " pictures of " + std::to_string(pictures_.classes) +
         " classes from " + pictures_.train.source + ", " + std::to_string(graph_parameters(trainer_.graph())) +
         " parameters, " + trainer_.state().kernels);
    while (trainer_.steps_done() < total) {
      const ClassifierStep step = trainer_.step();
      if (progress_) {
        progress_->update(
            static_cast<uint64_t>(step.step * batch),
            "loss " + number_text(step.smoothed_loss, 4) + "  right " + number_text(100 * step.accuracy, 2) + " %");
      }
      if (step.step == total || epoch_of(step.step) != epoch_of(step.step - 1)) end_epoch(step);
      if (interrupted() && step.step < total) return stop(step);
    }
    if (progress_) progress_->finish();
    return ExitCode::ok;
  }

  double accuracy() { return trainer_.state().accuracy; }

  // One line a noise level, of the averaged weights.
  std::string accuracy_by_level() {
    const ClassifierConfig& config = trainer_.state().config;
    constexpr int parts = 10;
    constexpr size_t most = 2000;
    ParameterStore averaged(trainer_.graph(), trainer_.store().kernel_set(), pool_, false);
    std::copy_n(trainer_.ema().data(), averaged.size(), averaged.values());
    averaged.refresh(pool_);
    std::string text;
    for (int part = 0; part <= parts; ++part) {
      const int t = (config.timesteps - 1) * part / parts;
      const double right = noisy_accuracy(trainer_.graph(), config, averaged, pictures_.held_out, t, most, pool_);
      text += "t " + std::to_string(t) + ": " + number_text(100 * right, 1) + " % right\n";
    }
    return text;
  }

 private:
  int64_t epoch_of(int64_t step) {
    return step * trainer_.state().recipe.batch / static_cast<int64_t>(pictures_.train.images.count);
  }

  void note(const std::string& line) {
    if (progress_) progress_->note(line);
  }

  void end_epoch(const ClassifierStep& step) {
    extractor_.set_values(trainer_.ema().data(), trainer_.ema().size());
    trainer_.state().accuracy = agreement(extractor_.run(pictures_.held_out.images), pictures_.held_out.labels);
    save();
    note("step " + std::to_string(step.step) + ": loss " + number_text(step.smoothed_loss, 4) + ", held out " +
         number_text(100 * accuracy(), 2) + " % right");
  }

  ExitCode stop(const ClassifierStep& step) {
    trainer_.state().accuracy = std::numeric_limits<double>::quiet_NaN();  // of these weights nobody knows it
    save();
    note("stopped at step " + std::to_string(step.step) + "; " + out_ + " has the weights so far");
    return ExitCode::interrupted;
  }

  void save() {
    save_classifier(out_, trainer_.graph(), trainer_.store(), trainer_.ema().data(), trainer_.state(), force_);
    force_ = true;  // from now on the file is this training's own
  }

  std::string out_;
  bool force_;
  const ClassifiedPictures& pictures_;
  ClassifierTrainer trainer_;
  ThreadPool& pool_;
  FeatureExtractor extractor_;
  std::optional<Progress> progress_;  // none: quiet
};

}  // namespace

int run_train_classifier(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  for (const char* option : {"data", "out"}) arguments.require(option);
  refuse_existing(arguments.text("out"), arguments.flag("force"));
  const std::string kernels = wanted_kernels(arguments.text("kernels"));
  KernelSet set;
  if (!find_kernel_set(kernels.empty() ? nullptr : kernels.c_str(), &set))
    arguments.fail("--kernels: no such kernel set");
  const ClassifiedPictures pictures = load_classified(arguments.text("data"));
  ThreadPool pool(static_cast<int>(arguments.integer("threads")));
  install_interrupt_handlers();
  Run run(arguments, pictures, set, pool);
  const ExitCode code = run.run();
  if (code != ExitCode::ok) return static_cast<int>(code);
  const size_t count = pictures.held_out.images.count;
  std::printf("accuracy %.2f %% (%.0f of %zu held-out pictures)\n", 100 * run.accuracy(),
              std::round(run.accuracy() * static_cast<double>(count)), count);
  if (arguments.flag("noisy")) std::fputs(run.accuracy_by_level().c_str(), stdout);
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
