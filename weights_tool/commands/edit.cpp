// `weights_tool edit`: changes given pictures with a model: image-to-image, denoising, inpainting, pictures that agree with
// measurements. Command line and files; the work is in edit_pictures.cpp.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "diffusion/rows.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/edit_given.h"
#include "weights_tool/commands/edit_pictures.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/commands/sample_schedule.h"
#include "weights_tool/commands/sample_team.h"
#include "weights_tool/diffusers/scheduler_config.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/io/image_grid.h"
#include "weights_tool/io/npy.h"
#include "weights_tool/io/os.h"
#include "weights_tool/io/png.h"
#include "weights_tool/io/progress.h"

namespace mote::tool {
namespace {

constexpr int64_t largest_exact = int64_t{1} << 53;

const CommandSpec& spec() {
  static const CommandSpec command{
      "edit",
      "change given pictures with a model: inpaint, denoise, redraw, enlarge",
      {{"weights_tool edit fashion.mote --inpaint test.idx --mask left.png --n 6 --out filled.png",
        "draws what the mask leaves open (white: known)"},
       {"weights_tool edit fashion.mote --denoise test.idx --sigma 0.5 --add-noise --out clean.png",
        "adds noise and removes it again"},
       {"weights_tool edit fashion.mote --measure test.idx --average 4 --n 6 --out sharp.png",
        "pictures whose 4 x 4 means are those of the inputs"},
       {"weights_tool edit fashion.mote --init test.idx --strength 0.6 --class 9 --out boots.png", "image-to-image"}},
      {{"MODEL", "a .mote file"}},
      {Option::text("init", "IN", "begin from these pictures with some noise (SDEdit)"),
       Option::number("strength", 0.5, 0.0, 1.0, "with --init: the share of the steps that runs"),
       Option::text("denoise", "IN", "begin from these pictures, which have noise of their own"),
       Option::number("sigma", 0.0, 1000.0, "with --denoise: the deviation of that noise; the data's range is 2"),
       Option::flag("add-noise", "with --denoise: add that noise to IN first"),
       Option::text("inpaint", "IN", "hold the known part of these pictures, as --mask says"),
       Option::text("mask", "MASK", "with --inpaint or --measure: white is known, black is open, grey is between"),
       Option::text("measure", "IN", "only pictures that agree with these where --mask is not black, or in --average"),
       Option::integer("average", 2, 4096,
                       "with --measure: means of F x F pixels (1 x F where the height is 1); IN has "
                       "the model's size, or the size of the means"),
       Option::number("weight", 1.0, 0.0, 1.0, "with --measure: how much of the disagreement each step removes"),
       Option::integer("rounds", 1, 1, 63,
                       "take every step this many times, going back between (RePaint): what is open fits "
                       "better to what is known, for that many times the work"),
       Option::integer("n", 4, 1, 10000, "results of each input"),
       Option::integer("inputs", 8, 1, 100000, "inputs to take from IN, at most"),
       Option::integer("first-input", 0, 0, 0x7FFFFFFF, "number of the first of them in IN"),
       Option::integer("steps", 1, format::max_train_steps,
                       "steps of the whole trajectory, or with --denoise from the "
                       "level of sigma; without it those of the model"),
       Option::choice("sampler", "", sampler_names(), "the update rule; without it that of the model, or ddim"),
       Option::number("guidance", 0.0, -1024.0, 1024.0,
                      "classifier-free guidance: out = none + G (class - none); 0 and 1: the class as it is"),
       Option::integer("class", -1, -1, format::max_classes - 1, "class of all results, -1: none"),
       Option::integer("seed", 1, 0, largest_exact, "of all noise"),
       Option::integer("first", 0, 0, 0x7FFFFFFF, "number of the first result of each input"),
       Option::text("out", "FILE.png", "write a grid, a row an input: the input, what was given of it, the results"),
       Option::integer("scale", 1, 1, 64, "enlarge every pixel of the grid"),
       Option::text("npy", "FILE.npy", "write the results as (inputs · n, C, H, W) float32"),
       Option::text("idx", "FILE.idx", "write the results as IDX bytes"),
       Option::text("kernels", "NAME", "run these kernels; without it the fastest"),
       Option::integer("threads", 1, 1024, "threads; without it one for each processor"),
       Option::flag("json", "print what was done as one JSON object"),
       Option::flag("quiet", "no progress"),
       Option::flag("force", "replace existing files")},
      "IN is a PNG, an IDX file or a .npy of (N, C, H, W). --init or --denoise say where to begin (else at noise), "
      "--inpaint and --measure what to keep; they combine, and take the same number of inputs. Result j of an input "
      "has "
      "the noise of sample_index first + j. Everything is a call of mote.h, so a device does the same."};
  return command;
}

bool any_of(const Arguments& arguments, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return arguments.has(name); });
}

void check_combination(const Arguments& arguments) {
  const auto needs = [&](const char* option, const std::vector<std::string>& others, const std::string& text) {
    if (arguments.has(option) && !any_of(arguments, others)) arguments.fail(std::string("--") + option + text);
  };
  if (!any_of(arguments, {"init", "denoise", "inpaint", "measure"}))
    arguments.fail("nothing to edit: give --init, --denoise, --inpaint or --measure");
  if (arguments.has("init") && arguments.has("denoise")) arguments.fail("--init and --denoise both say where to begin");
  needs("strength", {"init"}, " is for --init");
  needs("sigma", {"denoise"}, " is for --denoise");
  needs("add-noise", {"denoise"}, " is for --denoise");
  needs("denoise", {"sigma"}, " needs --sigma");
  needs("inpaint", {"mask"}, " needs --mask");
  needs("mask", {"inpaint", "measure"}, " is for --inpaint and --measure");
  needs("average", {"measure"}, " is for --measure");
  needs("weight", {"measure"}, " is for --measure");
  if (arguments.has("measure") && !any_of(arguments, {"average", "mask"}))
    arguments.fail("--measure needs --average or --mask");
  if (arguments.has("strength") && arguments.number("strength") == 0)
    arguments.fail("--strength 0 would change nothing");
  if (arguments.has("weight") && arguments.number("weight") == 0) arguments.fail("--weight 0 would change nothing");
}

void check_outputs(const Arguments& arguments) {
  std::vector<std::string> paths;
  for (const char* option : {"out", "npy", "idx"}) {
    if (!arguments.has(option)) continue;
    const std::string path = arguments.text(option);
    if (std::find(paths.begin(), paths.end(), path) != paths.end()) arguments.fail("two outputs have the name " + path);
    paths.push_back(path);
    refuse_existing(path, arguments.flag("force"));
  }
  if (paths.empty()) arguments.fail("nothing to write: give --out, --npy or --idx");
}

mote_method method_of(const std::string& sampler) {
  if (sampler == "ddpm") return MOTE_METHOD_DDPM;
  if (sampler == "ddpm-large") return MOTE_METHOD_DDPM_LARGE;
  return sampler.empty() ? MOTE_METHOD_DEFAULT : MOTE_METHOD_DDIM;
}

// --denoise on a model that runs any steps: they begin where the noise is, evenly spaced from there.
void place_steps(const Arguments& arguments, const ModelBuffer& model, bool planned, EditRequest& request) {
  if (arguments.has("steps") && !planned) request.steps = static_cast<uint32_t>(arguments.integer("steps"));
  const mote_model_info& info = model.info();
  if (info.folded != 0) {
    if (request.steps != 0 && request.steps != info.default_steps)
      arguments.fail(arguments.positional("MODEL") + " was made for exactly " + std::to_string(info.default_steps) +
                     " steps");
    return;
  }
  if (request.steps > info.train_steps)
    arguments.fail(arguments.positional("MODEL") + " has " + std::to_string(info.train_steps) + " noise levels");
  if (request.noisy.empty() || planned) return;
  int32_t timestep = 0;
  if (mote_model_find_timestep(model.model(), request.sigma, &timestep) != MOTE_OK) return;  // explained later
  const uint32_t levels = static_cast<uint32_t>(timestep) + 1;
  const uint32_t steps = std::min(request.steps != 0 ? request.steps : info.default_steps, levels);
  for (uint32_t i = 0; i < steps; ++i) request.timesteps.push_back(trailing_timestep(levels, steps, i));
  request.steps = steps;
}

EditRequest request_of(const Arguments& arguments, const ModelBuffer& model, bool planned, Shown& shown) {
  EditRequest request;
  request.samples = static_cast<uint32_t>(arguments.integer("n"));
  request.guidance = static_cast<float>(arguments.number("guidance"));
  if (!planned) request.method = method_of(arguments.text("sampler"));
  request.rounds = static_cast<uint32_t>(arguments.integer("rounds"));
  request.seed = static_cast<uint64_t>(arguments.integer("seed"));
  request.first_index = static_cast<uint32_t>(arguments.integer("first"));
  request.class_label = static_cast<int32_t>(arguments.integer("class"));
  request.kernels = wanted_kernels(arguments.text("kernels"));
  request.threads = arguments.has("threads") ? static_cast<int>(arguments.integer("threads")) : cpu_count();
  const mote_model_info& info = model.info();
  if (request.class_label >= static_cast<int32_t>(info.num_classes))
    arguments.fail(arguments.positional("MODEL") + " has no class " + std::to_string(request.class_label));
  if (arguments.has("out") && info.channels != 1 && info.channels != 3)
    arguments.fail(arguments.positional("MODEL") + " has pictures that PNG cannot hold: use --npy or --idx");
  read_given(arguments, info, request, shown);
  place_steps(arguments, model, planned, request);
  return request;
}

std::vector<uint8_t> bytes_of(const std::vector<float>& values) {
  std::vector<uint8_t> bytes;
  for (const float v : values)
    bytes.push_back(static_cast<uint8_t>(std::lround((std::min(1.0f, std::max(-1.0f, v)) + 1.0f) * 127.5f)));
  return bytes;
}

void write_outputs(const Arguments& arguments, const EditRequest& request, const EditResult& result, const Shown& shown,
                   const mote_model_info& info) {
  const bool force = arguments.flag("force");
  const size_t elements = size_t{info.height} * info.width * info.channels;
  const size_t count = size_t{request.inputs} * request.samples;
  if (arguments.has("out")) {
    std::vector<float> tiles;
    for (size_t i = 0; i < request.inputs; ++i) {
      for (const std::vector<float>* of : {&shown.inputs, &shown.given})
        tiles.insert(tiles.end(), of->begin() + static_cast<std::ptrdiff_t>(i * elements),
                     of->begin() + static_cast<std::ptrdiff_t>((i + 1) * elements));
      const auto results = result.pictures.begin() + static_cast<std::ptrdiff_t>(i * request.samples * elements);
      tiles.insert(tiles.end(), results, results + static_cast<std::ptrdiff_t>(request.samples * elements));
    }
    GridOptions grid;
    grid.columns = request.samples + 2;
    grid.scale = static_cast<size_t>(arguments.integer("scale"));
    write_png(arguments.text("out"),
              image_grid(bytes_of(tiles).data(), tiles.size() / elements, info.height, info.width, info.channels, grid),
              force);
  }
  if (arguments.has("npy"))
    write_npy(arguments.text("npy"), {count, info.channels, info.height, info.width},
              nchw_from_nhwc(result.pictures, count, info).data(), force);
  if (arguments.has("idx"))
    write_idx_images(arguments.text("idx"),
                     ImageSet{count, info.height, info.width, info.channels, bytes_of(result.pictures)}, force);
}

// Root mean square of what the results differ by from the inputs.
double distance(const std::vector<float>& inputs, const std::vector<float>& pictures, size_t elements, size_t samples) {
  double sum = 0;
  for (size_t e = 0; e < pictures.size(); ++e) {
    const double d = static_cast<double>(pictures[e]) -
                     static_cast<double>(inputs[e / (elements * samples) * elements + e % elements]);
    sum += d * d;
  }
  return std::sqrt(sum / static_cast<double>(pictures.size()));
}

// The largest disagreement with --measure.
double residual(const EditRequest& request, const EditResult& result, const mote_model_info& info) {
  const std::vector<float> got = request.block_height != 0
                                     ? block_averages(result.pictures, info, request.block_height, request.block_width)
                                     : result.pictures;
  const size_t each = request.measured.size() / request.inputs;
  double largest = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const std::vector<uint8_t>& mask = request.measured_mask;
    const size_t at = i / (each * request.samples) * each + i % each;
    if (!mask.empty() && mask[at % mask.size()] == 0) continue;
    largest = std::max(largest, std::fabs(static_cast<double>(got[i]) - static_cast<double>(request.measured[at])));
  }
  return largest;
}

void print_summary(const Arguments& arguments, const EditRequest& request, const EditResult& result, const Shown& shown,
                   const mote_model_info& info) {
  const size_t elements = size_t{info.height} * info.width * info.channels;
  const double before = distance(shown.inputs, shown.given, elements, 1);
  const double after = distance(shown.inputs, result.pictures, elements, request.samples);
  if (arguments.flag("json")) {
    Json json = Json::object();
    json.set("inputs", request.inputs).set("n", request.samples).set("steps", result.steps);
    json.set("rounds", request.rounds)
        .set("guidance", request.guidance)
        .set("seed", static_cast<long long>(request.seed));
    json.set("given_rms", before).set("result_rms", after);
    if (!request.measured.empty()) json.set("residual", residual(request, result, info));
    json.set("seconds", result.seconds).set("kernels", result.kernels).set("threads", request.threads);
    json.set("device_working_bytes", result.device_working_bytes);
    std::printf("%s\n", write_json(json).c_str());
    return;
  }
  std::printf("%u input%s, %u result%s of each, %u steps in %.3f s (%s, %d thread%s)\n", request.inputs,
              request.inputs == 1 ? "" : "s", request.samples, request.samples == 1 ? "" : "s", result.steps,
              result.seconds, result.kernels.c_str(), request.threads, request.threads == 1 ? "" : "s");
  std::printf("difference from the inputs: %.4f of what was given, %.4f of the results (root mean square)\n", before,
              after);
  if (!request.measured.empty())
    std::printf("largest disagreement with the measurement: %.2g\n", residual(request, result, info));
}

}  // namespace

int run_edit(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  check_combination(arguments);
  check_outputs(arguments);
  const std::string path = arguments.positional("MODEL");
  SamplingWish wish;
  wish.sampler = arguments.text("sampler");
  if (arguments.has("steps")) wish.steps = static_cast<int>(arguments.integer("steps"));
  const SamplingPlan plan = plan_sampling(load_model_file(path), path, wish);
  if (!plan.host_steps.empty())
    arguments.fail("the steps of " + plan.sampler + " here are not ones that a device takes: choose another --sampler");
  const ModelBuffer model(plan.bytes, path);
  Shown shown;
  EditRequest request = request_of(arguments, model, plan.planned, shown);
  install_interrupt_handlers();
  Progress progress("edit", uint64_t{request.inputs} * request.samples * model.info().default_steps, "steps");
  if (!arguments.flag("quiet") && is_terminal(Stream::err))
    request.progress = [&](uint64_t done) { progress.update(done); };
  const EditResult result = edit_pictures(model, request);
  if (request.progress) progress.finish();
  write_outputs(arguments, request, result, shown, model.info());
  print_summary(arguments, request, result, shown, model.info());
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
