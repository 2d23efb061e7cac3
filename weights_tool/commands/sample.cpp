// `weights_tool sample`: draws pictures from a model file. Command line and files; the work is in sample_pictures.cpp.
#include <cstdio>

#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/commands/sample_pictures.h"
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

constexpr int64_t most_pictures = 1000000;
constexpr int64_t largest_exact = int64_t{1} << 53;

const CommandSpec& spec() {
  static const CommandSpec command{
      "sample",
      "draw pictures from a model",
      {{"weights_tool sample fashion.mote --n 64 --steps 10 --out grid.png", "64 pictures, the classes in turn"},
       {"weights_tool sample fashion.mote --n 8 --class 7 --seed 3 --out sneakers.png --scale 4",
        "one class, enlarged"},
       {"weights_tool sample fashion.mote --n 1000 --sampler ddpm --steps 1000 --idx pictures.idx",
        "for another program"}},
      {{"MODEL", "a .mote file"}},
      {Option::integer("n", 64, 1, most_pictures, "pictures to draw"),
       Option::integer("steps", 1, format::max_train_steps, "sampler steps; without it those the model was made for"),
       Option::choice(
           "sampler", "", all_sampler_names(),
           "the update rule; -large: variance beta, -learned: the network's; without it that of the model's scheduler, "
           "or ddim"),
       Option::number("atol", 1e-3, 1e-12, 1.0, "of ode-rk45: allowed error of a step"),
       Option::number("rtol", 1e-3, 1e-12, 1.0, "of ode-rk45: the same as a share of x"),
       Option::number("corrector-snr", 0.16, 0.0, 10.0, "of sde-pc: r of the Langevin corrector"),
       Option::text("classifier", "FILE.safetensors", "steer by this classifier of train-classifier --noisy"),
       Option::number("classifier-scale", 1.0, 0.0, 1000.0, "how much"),
       Option::number("eta", 0.0, 0.0, 1.0, "noise of DDIM"),
       Option::integers("timesteps", 0, format::max_train_steps - 1, "noise levels to visit, falling: 999,899,..."),
       Option::integer("seed", 1, 0, largest_exact,
                       "of all noise; with the number of the picture it decides the picture"),
       Option::integer("first", 0, 0, 0x7FFFFFFF, "number of the first picture"),
       Option::integer("class", -1, format::max_classes - 1,
                       "class of all pictures, -1: none; without it 0, 1, 2, ... in turn"),
       Option::number("guidance", 0.0, -1024.0, 1024.0,
                      "classifier-free guidance: out = none + G (class - none); 0 and 1: the class as it is"),
       Option::text("init", "X.npy", "x_T of every picture instead of noise: (N, C, H, W) float32"),
       Option::text("noise", "Z.npy",
                    "noise of every step: (steps, N, C, H, W) float32, or (steps, C, H, W) for all pictures"),
       Option::text("out", "FILE.png", "write the pictures as one grid"),
       Option::integer("scale", 1, 1, 64, "enlarge every pixel of the grid"),
       Option::text("idx", "FILE.idx", "write the pictures as IDX bytes"),
       Option::text("npy", "FILE.npy", "write the pictures as (N, C, H, W) float32"),
       Option::text("trajectory", "FILE.npy", "write x_T and x after each step: (steps + 1, N, C, H, W) float32"),
       Option::text("kernels", "NAME",
                    "run these kernels: ref, avx2, avx512, neon, neon_dotprod, neon_i8mm; without it the fastest"),
       Option::integer("threads", 1, 1024, "threads; without it one for each processor"),
       Option::flag("json", "print times and sizes as one JSON object"),
       Option::flag("quiet", "no progress"),
       Option::flag("force", "replace existing files")},
      "Picture number i of a seed does not depend on n, on the threads or on the other pictures. The environment's "
      "MOTE_FORCE_KERNELS stands in for --kernels.\n"
      "An imported model follows its scheduler configuration: spacing, prediction type, clipping, last level; "
      "--sampler reads that configuration as another class would. heun evaluates the network twice a step. Of euler, "
      "euler-ancestral and heun, --trajectory holds what the network sees: their x over sqrt(sigma^2 + 1).\n"
      "sde-em, sde-pc and ode-rk45 run the noise levels as a continuous process (Song et al. 2021), on the host only."};
  return command;
}

const char* const output_options[] = {"out", "idx", "npy", "trajectory"};

void check_outputs(const Arguments& arguments) {
  std::vector<std::string> paths;
  for (const char* option : output_options) {
    if (!arguments.has(option)) continue;
    const std::string path = arguments.text(option);
    for (const std::string& other : paths)
      if (path == other) arguments.fail("two outputs have the name " + path);
    paths.push_back(path);
    refuse_existing(path, arguments.flag("force"));
  }
  if (paths.empty()) arguments.fail("nothing to write: give --out, --idx, --npy or --trajectory");
}

void check_request(const Arguments& arguments, const SampleRequest& request, const mote_model_info& info) {
  const auto refuse = [&](const std::string& what) { arguments.fail(arguments.positional("MODEL") + " " + what); };
  if (request.steps > info.train_steps)
    refuse("has " + std::to_string(info.train_steps) + " noise levels, fewer than --steps " +
           std::to_string(request.steps));
  if (info.folded != 0 && request.steps != 0 && request.steps != info.default_steps)
    refuse("was made for exactly " + std::to_string(info.default_steps) + " steps");
  if (!request.cycle_classes && request.class_label >= static_cast<int32_t>(info.num_classes))
    refuse(info.num_classes == 0 ? "has no classes"
                                 : "has the classes 0 to " + std::to_string(info.num_classes - 1) + ", not " +
                                       std::to_string(request.class_label));
  if (request.guidance != 0 && request.guidance != 1 && info.num_classes == 0) refuse("has no classes to guide to");
  for (size_t i = 0; i < request.timesteps.size(); ++i) {
    const uint32_t t = static_cast<uint32_t>(request.timesteps[i]);
    if (t >= info.train_steps) refuse("has the noise levels 0 to " + std::to_string(info.train_steps - 1));
    if (i > 0 && request.timesteps[i] >= request.timesteps[i - 1]) arguments.fail("--timesteps must fall");
  }
  if (arguments.has("out") && info.channels != 1 && info.channels != 3)
    refuse("draws pictures of " + std::to_string(info.channels) +
           " channels, which PNG cannot hold: use --npy or --idx");
}

void take_timesteps(const Arguments& arguments, SampleRequest& request) {
  if (!arguments.has("timesteps")) return;
  for (int64_t t : arguments.integers("timesteps")) request.timesteps.push_back(static_cast<int32_t>(t));
  if (request.steps != 0 && request.steps != request.timesteps.size())
    arguments.fail("--steps and the number of --timesteps differ");
  request.steps = static_cast<uint32_t>(request.timesteps.size());
  if (request.method == MOTE_METHOD_DEFAULT) request.method = MOTE_METHOD_DDIM;
}

void take_init(const Arguments& arguments, const mote_model_info& info, double scale, SampleRequest& request) {
  if (!arguments.has("init")) return;
  const std::string path = arguments.text("init");
  const size_t count = arguments.has("n") ? request.count : 0;
  const NpyArray init = read_npy(path, {count, info.channels, info.height, info.width});
  if (init.shape[0] == 0 || init.shape[0] > static_cast<size_t>(most_pictures))
    throw Error(ExitCode::invalid_input, path + ": holds " + std::to_string(init.shape[0]) + " pictures, not 1 to " +
                                             std::to_string(most_pictures));
  request.count = static_cast<uint32_t>(init.shape[0]);
  request.init = nhwc_from_nchw(init.values, request.count, info);
  if (scale != 1)
    for (float& value : request.init) value *= static_cast<float>(scale);
}

// The noise of every step, where the caller has it.
void take_noise(const Arguments& arguments, const mote_model_info& info, SampleRequest& request) {
  if (!arguments.has("noise")) return;
  const std::string path = arguments.text("noise");
  const NpyArray noise = read_npy(path);
  const size_t steps = request.host_steps.size();
  const std::vector<size_t> shared{steps, info.channels, info.height, info.width};
  const std::vector<size_t> each{steps, request.count, info.channels, info.height, info.width};
  if (noise.shape != shared && noise.shape != each)
    throw Error(ExitCode::invalid_input, path + ": has the shape " + shape_text(noise.shape) + ", not " +
                                             shape_text(each) + " or " + shape_text(shared));
  request.noise = nhwc_from_nchw(noise.values, noise.shape == shared ? steps : steps * request.count, info);
}

SampleRequest request_of(const Arguments& arguments, const mote_model_info& info, const SamplingPlan& plan) {
  SampleRequest request;
  request.count = static_cast<uint32_t>(arguments.integer("n"));
  request.first_index = static_cast<uint32_t>(arguments.integer("first"));
  if (!plan.planned) {
    if (arguments.has("steps")) request.steps = static_cast<uint32_t>(arguments.integer("steps"));
    request.method = method_of_arguments(arguments);
    request.eta = static_cast<float>(arguments.number("eta"));
  }
  follow_plan(plan, request);
  request.seed = static_cast<uint64_t>(arguments.integer("seed"));
  request.cycle_classes = !arguments.has("class");
  if (arguments.has("class")) request.class_label = static_cast<int32_t>(arguments.integer("class"));
  request.kernels = wanted_kernels(arguments.text("kernels"));
  request.threads = arguments.has("threads") ? static_cast<int>(arguments.integer("threads")) : cpu_count();
  request.trajectory = arguments.has("trajectory");
  request.guidance = static_cast<float>(arguments.number("guidance"));
  take_timesteps(arguments, request);
  take_init(arguments, info, plan.init_scale, request);
  take_noise(arguments, info, request);
  check_request(arguments, request, info);
  return request;
}

void write_outputs(const Arguments& arguments, const SampleResult& result, const mote_model_info& info) {
  const bool force = arguments.flag("force");
  const size_t count = result.classes.size();
  if (arguments.has("out")) {
    GridOptions grid;
    grid.scale = static_cast<size_t>(arguments.integer("scale"));
    write_png(arguments.text("out"),
              image_grid(result.pixels.data(), count, info.height, info.width, info.channels, grid), force);
  }
  if (arguments.has("idx"))
    write_idx_images(arguments.text("idx"), ImageSet{count, info.height, info.width, info.channels, result.pixels},
                     force);
  if (arguments.has("npy"))
    write_npy(arguments.text("npy"), {count, info.channels, info.height, info.width},
              nchw_from_nhwc(result.pictures, count, info).data(), force);
  if (arguments.has("trajectory")) {
    const size_t states = size_t{result.steps} + 1;
    write_npy(arguments.text("trajectory"), {states, count, info.channels, info.height, info.width},
              nchw_from_nhwc(result.trajectory, states * count, info).data(), force);
  }
}

void print_summary(const Arguments& arguments, const SamplingPlan& plan, const SampleRequest& request,
                   const SampleResult& result, const mote_model_info& info) {
  if (arguments.flag("json")) {
    Json json = Json::object();
    json.set("n", request.count).set("steps", result.steps).set("sampler", plan.sampler);
    json.set("evaluations_a_picture", static_cast<double>(result.evaluations) / request.count);
    json.set("guidance", request.guidance);
    json.set("eta", static_cast<float>(arguments.number("eta"))).set("seed", static_cast<long long>(request.seed));
    json.set("classes", Json::array(std::vector<int>(result.classes.begin(), result.classes.end())));
    json.set("kernels", result.kernels).set("threads", request.threads).set("seconds", result.seconds);
    json.set("seconds_a_picture", result.seconds_a_picture);
    json.set("pictures_per_second", result.seconds > 0 ? request.count / result.seconds : 0.0);
    json.set("working_bytes", result.working_bytes).set("packed_bytes", result.packed_bytes);
    json.set("device_working_bytes", result.device_working_bytes);
    json.set("model_bytes", info.model_bytes);
    std::printf("%s\n", write_json(json).c_str());
    return;
  }
  std::printf("%u picture%s of %u steps in %.3f s: %.1f ms a picture, %.1f pictures/s (%s, %d thread%s)\n",
              request.count, request.count == 1 ? "" : "s", result.steps, result.seconds,
              1e3 * result.seconds_a_picture, result.seconds > 0 ? request.count / result.seconds : 0.0,
              result.kernels.c_str(), request.threads, request.threads == 1 ? "" : "s");
  if (request.solver)
    std::printf("%s: %.1f evaluations of the network a picture\n", plan.sampler.c_str(),
                static_cast<double>(result.evaluations) / request.count);
  std::printf("working memory %zu bytes (%zu as run here, and %zu of rearranged weights), model %u bytes\n",
              result.device_working_bytes, result.working_bytes, result.packed_bytes, info.model_bytes);
}

uint32_t steps_of(const SampleRequest& request, const mote_model_info& info) {
  if (request.solver) return 1;
  return request.steps != 0 ? request.steps : info.default_steps;
}

// Where lines stay, short work is done before there is anything to say.
void show_progress(SampleRequest& request, Progress& progress) {
  constexpr double quiet_seconds = 5;
  const double begin = monotonic_seconds(), quiet = is_terminal(Stream::err) ? 0 : quiet_seconds;
  request.progress = [&progress, begin, quiet](uint64_t done) {
    if (monotonic_seconds() - begin >= quiet) progress.update(done);
  };
}

}  // namespace

int run_sample(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  check_outputs(arguments);
  const std::string path = arguments.positional("MODEL");
  SamplingWish wish = wish_of_arguments(arguments, arguments.has("classifier") ? arguments.text("classifier") : "",
                                        wanted_kernels(arguments.text("kernels")));
  wish.timesteps_given = arguments.has("timesteps");
  wish.host = arguments.has("noise");
  if (is_solver(wish.sampler) && arguments.has("trajectory"))
    arguments.fail("--trajectory is not for --sampler " + wish.sampler);
  const SamplingPlan plan = plan_sampling(load_model_file(path), path, wish);
  const ModelBuffer model(plan.bytes, path);
  SampleRequest request = request_of(arguments, model.info(), plan);
  install_interrupt_handlers();
  Progress progress("sample", uint64_t{steps_of(request, model.info())} * request.count, "steps");
  if (!arguments.flag("quiet")) show_progress(request, progress);
  const SampleResult result = sample_pictures(model, request);
  if (!arguments.flag("quiet") && is_terminal(Stream::err)) progress.finish();
  write_outputs(arguments, result, model.info());
  print_summary(arguments, plan, request, result, model.info());
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
