// `weights_tool signal`: what a network of signals does for a recording, measured on a stretch it has not seen.
#include <cmath>
#include <cstdio>

#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/signal_tasks.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/os.h"
#include "weights_tool/io/png.h"

namespace mote::tool {
namespace {

const CommandSpec& spec() {
  static const CommandSpec command{
      "signal",
      "measure a network of signals: denoising, gaps, anomalies",
      {{"weights_tool signal ecg.mote --data /usr/lib/python3/dist-packages/scipy/misc/ecg.dat",
        "noise and wander removed, against classical filters"},
       {"weights_tool signal ecg.mote --data ecg.dat --task gaps --out gaps.png", "gaps filled, with a plot"},
       {"weights_tool signal ecg.mote --data ecg.dat --task anomalies --out roc.png", "planted anomalies found"}},
      {{"MODEL", "a .mote file or a checkpoint, trained on a recording"}},
      {Option::text("data", "FILE", "the recording: .npy of one channel, or a zip that holds one"),
       Option::choice("task", "denoise", {"denoise", "gaps", "anomalies", "window"},
                      "what to measure; window: a noisy window as C source into --out"),
       Option::number("begin", 0, 1,
                      "where the stretch to measure on begins, as a share of the recording; without it 0.01 behind the "
                      "end of the training stretch"),
       Option::number("end", 1, 0, 1, "where it ends"),
       Option::integer("hop", 128, 1, 1 << 20, "samples between the windows that are averaged; the width: one each"),
       Option::integer("draws", 8, 1, 1000, "of the noise: for fillings and scores that are averaged"),
       Option::integer("seed", 1, 0, int64_t{1} << 53, "of all noise"), Option::text("out", "FILE", "draw it as PNG"),
       Option::flag("json", "print JSON"), Option::text("kernels", "NAME", "run these kernels; without it the fastest"),
       Option::integer("threads", 1, 1024, "threads; without it one for each processor"),
       Option::flag("force", "replace an existing file")},
      "The recording is prepared as the training did (train/signal.h), either stretch by itself. Parameters of every\n"
      "method, the model's too, are tuned on the training stretch."};
  return command;
}

SignalJob job_of(const Arguments& arguments, const SignalNetwork& model) {
  const SignalConfig& config = model.signal();
  const std::string path = arguments.text("data");
  const std::vector<double> recording = read_signal(path);
  const double begin = arguments.has("begin") ? arguments.number("begin") : config.end + 0.01;
  const double end = arguments.number("end");
  if (begin >= end) arguments.fail("the stretch to measure on is empty: give --begin and --end");
  const Stretch train = stretch_of(config.begin, config.end, recording.size());
  const Stretch test = stretch_of(begin, end, recording.size());
  if (test.begin < train.end && train.begin < test.end)
    std::fprintf(stderr, "weights_tool: note: the model was trained on a part of this stretch\n");
  const size_t least = 8 * model.width();
  if (test.end - test.begin < least || train.end - train.begin < least)
    throw Error(ExitCode::invalid_input, path + ": too short; " + std::to_string(least) + " samples are the least");
  SignalJob job;
  job.model = &model;
  job.train = prepare_signal(recording, train, config);
  job.test = prepare_signal(recording, test, config);
  job.rate = config.rate;
  job.unit = 1 / config.scale;
  job.offset = config.offset;
  job.hop = static_cast<size_t>(arguments.integer("hop"));
  if (job.hop > model.width()) arguments.fail("--hop: at most the width of a window, " + std::to_string(model.width()));
  job.draws = static_cast<int>(arguments.integer("draws"));
  job.seed = static_cast<uint64_t>(arguments.integer("seed"));
  job.quiet = arguments.flag("json");
  return job;
}

}  // namespace

int run_signal(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  arguments.require("data");
  const std::string out = arguments.text("out"), task = arguments.text("task");
  if (!out.empty()) refuse_existing(out, arguments.flag("force"));
  const int threads = arguments.has("threads") ? static_cast<int>(arguments.integer("threads")) : cpu_count();
  const SignalNetwork model(arguments.positional("MODEL"), wanted_kernels(arguments.text("kernels")), threads);
  const SignalJob job = job_of(arguments, model);
  if (task == "window") {
    arguments.require("out");
    write_file(out, ByteView(std::string_view(window_source(job))), arguments.flag("force"));
    return static_cast<int>(ExitCode::ok);
  }
  SignalResult result = task == "denoise" ? measure_denoising(job)
                        : task == "gaps"  ? measure_gaps(job)
                                          : measure_anomalies(job);
  if (job.quiet) {
    Json json = Json::object();
    json.set("model", arguments.positional("MODEL")).set("task", task);
    for (const Json::Member& member : result.json.members()) json.set(member.first, member.second);
    std::printf("%s\n", write_json(json).c_str());
  }
  if (!out.empty()) write_png(out, render_plot(result.plot, result.series), arguments.flag("force"));
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
