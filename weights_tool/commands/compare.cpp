// `weights_tool compare`: the same pictures drawn by two models, one above the other, and what differs.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/commands/sample_pictures.h"
#include "weights_tool/commands/sample_team.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/image_grid.h"
#include "weights_tool/io/os.h"
#include "weights_tool/io/png.h"

namespace mote::tool {
namespace {

const CommandSpec& spec() {
  static const CommandSpec command{
      "compare",
      "draw the same pictures with two models and show what differs",
      {{"weights_tool compare fashion.mote fashion-int8.mote --out compare.png",
        "float above, int8 below it, then the difference"}},
      {{"MODEL", "a .mote file"}, {"OTHER", "a .mote file for the same pictures"}},
      {Option::text("out", "FILE.png", "the pictures: rows of MODEL, OTHER and their difference"),
       Option::integer("n", 10, 1, 10000, "pictures, the classes in turn"),
       Option::integer("columns", 10, 1, 100, "pictures side by side"),
       Option::integer("steps", 1, format::max_train_steps, "sampler steps; without it those a model was made for"),
       Option::integer("seed", 1, 0, int64_t{1} << 53, "of the noise, the same for both"),
       Option::integer("gain", 4, 1, 255, "the difference is drawn this much stronger"),
       Option::integer("scale", 2, 1, 64, "enlarge every pixel"),
       Option::integer("threads", 1, 1024, "threads; without it one for each processor"),
       Option::flag("force", "replace an existing file")},
      "The difference is gray where the pictures agree, brighter where OTHER is."};
  return command;
}

struct Pictures {
  size_t count, height, width, channels;
  size_t elements() const { return height * width * channels; }
};

// Blocks of three rows: of one model, of the other, and gray + gain * (other - model).
std::vector<uint8_t> arrange(const Pictures& p, const std::vector<uint8_t>& model, const std::vector<uint8_t>& other,
                             size_t columns, int gain) {
  const size_t blocks = (p.count + columns - 1) / columns;
  std::vector<uint8_t> out(blocks * 3 * columns * p.elements(), 255);
  for (size_t i = 0; i < p.count; ++i) {
    uint8_t* tile = out.data() + (i / columns * 3 * columns + i % columns) * p.elements();
    const size_t row = columns * p.elements(), from = i * p.elements();
    for (size_t e = 0; e < p.elements(); ++e) {
      tile[e] = model[from + e];
      tile[row + e] = other[from + e];
      const int difference = int{other[from + e]} - int{model[from + e]};
      tile[2 * row + e] = static_cast<uint8_t>(std::clamp(128 + gain * difference, 0, 255));
    }
  }
  return out;
}

void print_difference(const std::vector<uint8_t>& model, const std::vector<uint8_t>& other, size_t count) {
  double absolute = 0, squares = 0;
  int largest = 0;
  for (size_t i = 0; i < model.size(); ++i) {
    const int difference = std::abs(int{other[i]} - int{model[i]});
    absolute += difference;
    squares += difference * difference;
    largest = std::max(largest, difference);
  }
  const double n = static_cast<double>(model.size());
  std::printf("%zu pictures: mean difference %.2f of 255, largest %d", count, absolute / n, largest);
  if (squares > 0) std::printf(", PSNR %.1f dB", 10.0 * std::log10(255.0 * 255.0 * n / squares));
  std::printf("\n");
}

// A model that can take any steps, with those asked for as its own: an imported one visits what its scheduler says.
std::unique_ptr<ModelBuffer> load_for_steps(const std::string& path, uint32_t steps) {
  auto model = std::make_unique<ModelBuffer>(load_model_file(path), path);
  if (steps == 0 || model->info().folded != 0 || steps == model->info().default_steps) return model;
  SourceOptions options;
  options.steps = static_cast<int>(steps);
  return std::make_unique<ModelBuffer>(load_model_source(path, options).bytes, path);
}

}  // namespace

int run_compare(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  arguments.require("out");
  const std::string out = arguments.text("out");
  const std::string paths[2] = {arguments.positional("MODEL"), arguments.positional("OTHER")};
  refuse_existing(out, arguments.flag("force"));
  const ModelBuffer first(load_model_file(paths[0]), paths[0]), second(load_model_file(paths[1]), paths[1]);
  const mote_model_info &a = first.info(), &b = second.info();
  if (a.height != b.height || a.width != b.width || a.channels != b.channels || a.num_classes != b.num_classes)
    throw Error(ExitCode::invalid_input, paths[1] + ": draws other pictures than " + paths[0] + " (size or classes)");
  if (a.channels != 1 && a.channels != 3)
    throw Error(ExitCode::invalid_input, paths[0] + ": PNG cannot hold its channels");

  SampleRequest request;
  request.count = static_cast<uint32_t>(arguments.integer("n"));
  request.seed = static_cast<uint64_t>(arguments.integer("seed"));
  request.threads = arguments.has("threads") ? static_cast<int>(arguments.integer("threads")) : cpu_count();
  if (arguments.has("steps")) {
    request.steps = static_cast<uint32_t>(arguments.integer("steps"));
  } else {
    request.steps = a.folded != 0 ? a.default_steps : b.default_steps;
  }
  std::vector<uint8_t> pixels[2];
  for (int i = 0; i < 2; ++i) {
    const mote_model_info& info = (i == 0 ? first : second).info();
    if (info.folded != 0 && request.steps != info.default_steps)
      arguments.fail(paths[i] + " was made for exactly " + std::to_string(info.default_steps) + " steps");
    SampleRequest own = request;
    own.steps = 0;
    const SampleResult result = sample_pictures(*load_for_steps(paths[i], request.steps), own);
    pixels[i] = result.pixels;
    std::printf("%s: %.2f ms a picture on one thread, %zu bytes of working memory on a device\n", paths[i].c_str(),
                result.seconds_a_picture * 1e3, result.device_working_bytes);
  }
  const Pictures shape{request.count, a.height, a.width, a.channels};
  const size_t columns = std::min<size_t>(request.count, static_cast<size_t>(arguments.integer("columns")));
  const std::vector<uint8_t> tiles =
      arrange(shape, pixels[0], pixels[1], columns, static_cast<int>(arguments.integer("gain")));
  GridOptions grid;
  grid.columns = columns;
  grid.scale = static_cast<size_t>(arguments.integer("scale"));
  write_png(out,
            image_grid(tiles.data(), tiles.size() / shape.elements(), shape.height, shape.width, shape.channels, grid),
            arguments.flag("force"));
  print_difference(pixels[0], pixels[1], request.count);
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
