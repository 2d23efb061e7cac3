#include "weights_tool/train/trainer_run.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>

#include "diffusion/noise.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/image_grid.h"
#include "weights_tool/io/os.h"
#include "weights_tool/io/png.h"
#include "weights_tool/io/progress.h"
#include "weights_tool/train/distill_trainer.h"
#include "weights_tool/train/gan_trainer.h"
#include "weights_tool/train/trainer.h"
#include "weights_tool/train/trainer_eval.h"
#include "weights_tool/train/trainer_log.h"

namespace mote::tool {
namespace {

constexpr int kGridSide = 8;

KernelSet kernel_set_of(const std::string& name) {
  KernelSet set;
  if (find_kernel_set(name.empty() ? nullptr : name.c_str(), &set)) return set;
  throw Error(ExitCode::usage, "--kernels: this program or processor has no kernel set '" + name + "'");
}

DatasetNeeds needs_of(const TrainJob& job) {
  const UNetConfig& model = job.config.model;
  DatasetNeeds needs;
  needs.background = job.config.background;
  needs.class_list = job.class_list;
  needs.signal = job.config.signal;
  needs.height = model.height;
  needs.width = model.width;
  needs.channels = model.channels;
  needs.classes = model.classes;
  return needs;
}

bool has_prefix(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

std::string short_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

// The folder of results.
class RunFolder {
 public:
  explicit RunFolder(const std::string& path) : path_(path) {}

  std::string checkpoint() const { return join_path(path_, "checkpoint.safetensors"); }
  std::string milestone(const std::string& name) const { return join_path(path_, name + ".safetensors"); }
  // Path of the kept teacher, or "".
  std::string teacher() const {
    for (const char* name : {"teacher.mote", "teacher.safetensors"}) {
      if (path_exists(join_path(path_, name))) return join_path(path_, name);
    }
    return "";
  }
  void keep_teacher(const std::string& from) const {
    const MappedFile file(from);
    const bool model = file.size() >= 4 && load_u32_le(file.data()) == format::magic;
    write_file(join_path(path_, model ? "teacher.mote" : "teacher.safetensors"), file.bytes(), true);
  }
  std::string config() const { return join_path(path_, "config.json"); }
  std::string csv() const { return join_path(path_, "loss.csv"); }
  std::string plot() const { return join_path(path_, "loss.png"); }
  std::string samples() const { return join_path(path_, "samples.png"); }
  std::string samples(int64_t step) const {
    char name[40];
    std::snprintf(name, sizeof name, "samples-%07lld.png", static_cast<long long>(step));
    return join_path(path_, name);
  }

  // Before any work: may this job use the folder?
  void check(const TrainJob& job) const {
    const bool holds_run = path_exists(config()) || path_exists(checkpoint());
    if (job.resume && !holds_run) {
      throw Error(ExitCode::io, path_ + ": no training to go on with here; leave out --resume to start one");
    }
    if (!job.resume && !job.force && holds_run) {
      throw Error(ExitCode::io,
                  path_ + " holds a training already; use --resume to go on with it or --force to start over");
    }
  }

  // Removes the temporaries of killed programs and, to start over, the results of the training before.
  void prepare(bool start_over) const {
    create_directories(path_);
    for (const std::string& name : list_directory(path_)) {
      const bool temporary = name.find(".tmp-") != std::string::npos;
      const bool result = name == "loss.csv" || name == "loss.png" || name == "config.json" ||
                          has_prefix(name, "checkpoint.safetensors") || has_prefix(name, "teacher.") ||
                          has_prefix(name, "stage-") ||
                          (has_prefix(name, "samples") && name.size() > 4 && name.substr(name.size() - 4) == ".png");
      const bool ours =
          result || has_prefix(name, "config.json") || has_prefix(name, "loss.") || has_prefix(name, "samples");
      if ((temporary && ours) || (start_over && result)) remove_file(join_path(path_, name));
    }
  }

 private:
  std::string path_;
};

class Run {
 public:
  Run(const TrainJob& job, const RunFolder& folder)
      : config_(job.config),
        folder_(folder),
        pool_(job.threads),
        resuming_(job.resume && path_exists(folder.checkpoint())),
        set_(choose_kernels(job)),
        data_(load_dataset(job.data, needs_of(job))),
        teacher_path_(job.teacher.empty() && job.resume ? folder.teacher() : job.teacher),
        trainer_pointer_(make_trainer(job.init)),
        trainer_(*trainer_pointer_),
        evaluator_(trainer_.graph(), trainer_.loss(), set_, pool_) {
    has_validation_ = config_.validation_pictures > 0 && !config_.distillation.wanted() && !config_.gan.wanted() &&
                      load_validation(job.data, needs_of(job), &validation_);
  }

  ExitCode run() {
    if (resuming_) trainer_.resume(folder_.checkpoint());
    folder_.prepare(!resuming_);
    if (!resuming_ && !teacher_path_.empty()) folder_.keep_teacher(teacher_path_);
    write_json_file(folder_.config(), train_config_to_json(config_), true);
    TrainLog log(folder_.csv(), trainer_.steps_done());
    const uint64_t total = static_cast<uint64_t>(trainer_.total_steps()) * static_cast<uint64_t>(config_.batch);
    Progress progress("train", total, "images", static_cast<uint64_t>(trainer_.state().images));
    progress.note(summary());
    install_interrupt_handlers();
    while (trainer_.steps_done() < trainer_.total_steps()) {
      const StepResult step = trainer_.step();
      const bool last = step.step == trainer_.total_steps();
      const bool look = last || step.step % config_.sample_every == 0;
      log.add(step, look ? validation_loss() : std::numeric_limits<double>::quiet_NaN());
      progress.update(static_cast<uint64_t>(step.images), status(step));
      if (look) draw(step.step, log, &progress);
      const bool stop = interrupted();
      const std::string milestone = trainer_.milestone();
      if (!milestone.empty()) {
        trainer_.save(folder_.milestone(milestone));
        progress.note("step " + std::to_string(step.step) + ": " + folder_.milestone(milestone));
      }
      if (last || stop || step.step % config_.checkpoint_every == 0) {
        log.flush();
        trainer_.save(folder_.checkpoint());
      }
      if (stop && !last) {
        progress.note("stopped at step " + std::to_string(step.step) + "; --resume goes on from here");
        return ExitCode::interrupted;
      }
    }
    progress.finish("loss " + short_text(trainer_.state().smoothed_loss));
    return ExitCode::ok;
  }

 private:
  KernelSet choose_kernels(const TrainJob& job) const {
    if (!resuming_) return kernel_set_of(job.kernels);
    const std::string before = read_checkpoint_state(folder_.checkpoint()).kernels;
    KernelSet set;
    if (job.kernels.empty() && find_kernel_set(before.c_str(), &set)) return set;
    set = kernel_set_of(job.kernels);
    if (before != kernel_set_name(set)) {
      std::fprintf(stderr,
                   "weights_tool: note: so far trained with kernel set %s, from here on with %s: the bytes will "
                   "not be those of an uninterrupted training\n",
                   before.c_str(), kernel_set_name(set));
    }
    return set;
  }

  // --init gives the first weights of a training that begins.
  std::unique_ptr<Trainer> make_trainer(const std::string& init) {
    std::unique_ptr<Trainer> trainer = make_kind();
    if (init.empty() || resuming_) return trainer;
    if (config_.distillation.wanted())
      throw Error(ExitCode::usage, "--init: a distillation begins with its teacher, --distill");
    trainer->start_from(load_teacher(init).graph);
    return trainer;
  }

  std::unique_ptr<Trainer> make_kind() {
    if (!config_.distillation.wanted()) {
      if (!teacher_path_.empty() && !resuming_)
        throw Error(ExitCode::invalid_input, "--distill: the configuration has no \"distillation\"");
      if (config_.gan.wanted()) return std::make_unique<GanTrainer>(config_, data_, set_, pool_);
      return std::make_unique<Trainer>(config_, data_, set_, pool_);
    }
    if (teacher_path_.empty())
      throw Error(ExitCode::usage, "the configuration has a \"distillation\": name its teacher with --distill");
    return std::make_unique<DistillTrainer>(config_, load_teacher(teacher_path_), data_, set_, pool_);
  }

  std::string summary() const {
    const int64_t done = trainer_.steps_done();
    return std::to_string(data_.images.count) + " pictures from " + data_.source + ", " +
           std::to_string(graph_parameters(trainer_.graph())) + " parameters, " +
           std::to_string(trainer_.total_steps()) + " steps" +
           (done > 0 ? " from step " + std::to_string(done) : std::string()) + ", " + std::to_string(pool_.workers()) +
           " threads, " + kernel_set_name(set_);
  }

  std::string status(const StepResult& step) const {
    std::string text = "loss " + short_text(step.smoothed_loss) + "  lr " + short_text(step.learning_rate);
    if (std::isfinite(trainer_.state().validation_loss)) {
      text += "  held out " + short_text(trainer_.state().validation_loss);
    }
    return text;
  }

  // Also what draw() draws with: the averaged weights of now.
  double validation_loss() {
    evaluator_.set_values(trainer_.ema().data(), trainer_.ema().size());
    if (!has_validation_) return std::numeric_limits<double>::quiet_NaN();
    const double loss = evaluator_.loss(validation_, config_.validation_pictures, config_.seed);
    trainer_.set_validation_loss(loss);
    return loss;
  }

  void draw(int64_t step, const TrainLog& log, Progress* progress) {
    const ImageSet pictures =
        evaluator_.sample(kGridSide * kGridSide, trainer_.sample_steps(), config_.seed, trainer_.sample_kind());
    if (pictures.channels == 1 || pictures.channels == 3) {
      GridOptions options;
      options.columns = kGridSide;
      const Image grid = image_grid(pictures, options);
      write_png(folder_.samples(step), grid, true);
      write_png(folder_.samples(), grid, true);
    }
    write_png(folder_.plot(), log.plot(), true);
    std::string line = "step " + std::to_string(step) + ": loss " + short_text(trainer_.state().smoothed_loss);
    if (has_validation_) line += ", held out " + short_text(trainer_.state().validation_loss);
    progress->note(line);
  }

  TrainConfig config_;
  RunFolder folder_;
  ThreadPool pool_;
  bool resuming_;
  KernelSet set_;
  Dataset data_, validation_;
  bool has_validation_ = false;
  std::string teacher_path_;
  std::unique_ptr<Trainer> trainer_pointer_;
  Trainer& trainer_;
  Evaluator evaluator_;
};

// Noise for pictures: training takes the same time on it.
Dataset made_up_pictures(const UNetConfig& model, size_t count) {
  Dataset data;
  data.source = "made-up pictures";
  data.images.count = count;
  data.images.height = static_cast<size_t>(model.height);
  data.images.width = static_cast<size_t>(model.width);
  data.images.channels = static_cast<size_t>(model.channels);
  data.images.pixels.resize(count * data.images.image_bytes());
  for (size_t i = 0; i < data.images.pixels.size(); ++i) {
    data.images.pixels[i] = static_cast<uint8_t>(uniform_u32(static_cast<uint32_t>(i), 1, 0, 0, noise_shuffle) >> 24);
  }
  for (size_t i = 0; i < count && model.classes > 0; ++i) data.labels.push_back(static_cast<int>(i) % model.classes);
  return data;
}

}  // namespace

ExitCode run_training(const TrainJob& job) {
  const RunFolder folder(job.out);
  folder.check(job);
  return Run(job, folder).run();
}

TrainBench bench_training(const TrainJob& job, int steps) {
  constexpr int kWarmUp = 2;
  ThreadPool pool(job.threads);
  const Dataset data = made_up_pictures(job.config.model, 512);
  const KernelSet set = kernel_set_of(job.kernels);
  Trainer trainer(job.config, data, set, pool);
  for (int i = 0; i < kWarmUp; ++i) trainer.step();
  const double began = monotonic_seconds();
  for (int i = 0; i < steps; ++i) trainer.step();
  TrainBench bench;
  bench.seconds = monotonic_seconds() - began;
  bench.images_per_second = static_cast<double>(steps) * job.config.batch / bench.seconds;
  bench.planned_bytes = trainer.planned_bytes();
  bench.kernels = kernel_set_name(set);
  bench.threads = pool.workers();
  return bench;
}

}  // namespace mote::tool
