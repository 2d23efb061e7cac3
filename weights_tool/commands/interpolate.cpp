// `weights_tool interpolate`: pictures along the arc between two x_T, as strips.
#include <algorithm>
#include <cstdio>

#include "diffusion/noise.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/inverter.h"
#include "weights_tool/commands/sample_team.h"
#include "weights_tool/diffusion/inversion.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/image_grid.h"
#include "weights_tool/io/os.h"
#include "weights_tool/io/png.h"

namespace mote::tool {
namespace {

constexpr int64_t largest_exact = int64_t{1} << 53;

const CommandSpec& spec() {
  static const CommandSpec command{
      "interpolate",
      "draw pictures between two noises or two pictures",
      {{"weights_tool interpolate fashion.mote --from-seed 1 --to-seed 2 --class 1,7,8 --out strip.png",
        "three strips of 9 pictures, one a class"},
       {"weights_tool interpolate fashion.mote --from a.png --to b.png --class 7 --steps 50 --out strip.png",
        "between two pictures, each inverted first"}},
      {{"MODEL", "a .mote file"}},
      {Option::integer("from-seed", 1, 0, largest_exact, "x_T on the left: picture 0 of this seed"),
       Option::integer("to-seed", 2, 0, largest_exact, "and on the right"),
       Option::text("from", "FILE", "instead of a seed: a picture (PNG, IDX, .npy), inverted"),
       Option::text("to", "FILE", "instead of a seed: a picture, inverted"),
       Option::text("out", "FILE.png", "the strips"), Option::integer("n", 9, 2, 1000, "pictures in a strip"),
       Option::integers("class", -1, format::max_classes - 1, "a strip for each; without it no class"),
       Option::integer("steps", 20, 1, format::max_train_steps, "steps of DDIM"),
       Option::integer("iterations", 5, 1, 100, "evaluations of a step of inversion (see invert)"),
       Option::integer("scale", 1, 1, 64, "enlarge every pixel"),
       Option::text("kernels", "NAME", "run these kernels; without it the fastest"),
       Option::integer("threads", 0, 0, 1024, "0: all processors"), Option::flag("force", "replace an existing file")},
      "The way is the great arc (slerp): noise keeps its length there, as a sampler expects."};
  return command;
}

// x_T at one end of a strip.
std::vector<float> end_of(const Arguments& arguments, const InvertibleModel& source, const SampleRequest& request,
                          const char* file, const char* seed) {
  const size_t elements = source.model.picture_elements();
  if (arguments.has(file)) {
    if (arguments.has(seed)) arguments.fail(std::string("give --") + file + " or --" + seed + ", not both");
    const std::vector<float> picture = read_pictures(arguments.text(file), source.model.info(), 1);
    return invert_pictures(source, request, picture, static_cast<int>(arguments.integer("iterations")), nullptr);
  }
  std::vector<float> x(elements);
  fill_gaussian(x.data(), 0, static_cast<uint32_t>(elements), static_cast<uint64_t>(arguments.integer(seed)), 0, 0,
                noise_initial);
  return x;
}

}  // namespace

int run_interpolate(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  arguments.require("out");
  refuse_existing(arguments.text("out"), arguments.flag("force"));
  const InvertibleModel source = load_invertible(arguments.positional("MODEL"));
  const mote_model_info& info = source.model.info();
  if (info.channels != 1 && info.channels != 3)
    arguments.fail("PNG cannot hold pictures of " + std::to_string(info.channels) + " channels");
  std::vector<int64_t> classes{-1};
  if (arguments.has("class")) classes = arguments.integers("class");
  SampleRequest request;
  request.steps = static_cast<uint32_t>(arguments.integer("steps"));
  request.method = MOTE_METHOD_DDIM;
  request.cycle_classes = false;
  request.kernels = wanted_kernels(arguments.text("kernels"));
  request.threads = arguments.integer("threads") > 0 ? static_cast<int>(arguments.integer("threads")) : cpu_count();
  install_interrupt_handlers();
  const int n = static_cast<int>(arguments.integer("n"));
  std::vector<uint8_t> pixels;
  for (const int64_t label : classes) {
    request.class_label = static_cast<int32_t>(label);
    const std::vector<float> left = end_of(arguments, source, request, "from", "from-seed");
    const std::vector<float> right = end_of(arguments, source, request, "to", "to-seed");
    SampleRequest strip = request;
    strip.count = static_cast<uint32_t>(n);
    for (int i = 0; i < n; ++i) {
      const std::vector<float> between = slerp(left, right, static_cast<double>(i) / (n - 1));
      strip.init.insert(strip.init.end(), between.begin(), between.end());
    }
    const SampleResult drawn = sample_pictures(source.model, strip);
    pixels.insert(pixels.end(), drawn.pixels.begin(), drawn.pixels.end());
  }
  GridOptions grid;
  grid.columns = static_cast<size_t>(n);
  grid.scale = static_cast<size_t>(arguments.integer("scale"));
  write_png(
      arguments.text("out"),
      image_grid(pixels.data(), classes.size() * static_cast<size_t>(n), info.height, info.width, info.channels, grid),
      arguments.flag("force"));
  std::printf("%zu strip%s of %d pictures\n", classes.size(), classes.size() == 1 ? "" : "s", n);
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
