// `weights_tool invert`: from pictures to the noise that DDIM draws them from, and how well it does.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/inverter.h"
#include "weights_tool/commands/sample_team.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/image_grid.h"
#include "weights_tool/io/npy.h"
#include "weights_tool/io/os.h"
#include "weights_tool/io/png.h"
#include "weights_tool/train/dataset.h"

namespace mote::tool {
namespace {

const CommandSpec& spec() {
  static const CommandSpec command{
      "invert",
      "find the noise that a picture is drawn from",
      {{"weights_tool invert fashion.mote --in shoe.png --class 7 --steps 100 --out x_T.npy --png shown.png",
        "x_T; the picture, x_T and the picture drawn again side by side"},
       {"weights_tool invert fashion.mote --in pictures.idx --n 16 --steps 50 --out x_T.npy", "of 16 pictures"}},
      {{"MODEL", "a .mote file"}},
      {Option::text("in", "FILE", "PNG, IDX (bytes) or .npy (N, C, H, W) of the model's size"),
       Option::text("out", "X_T.npy", "(N, C, H, W) float32: what sample takes as --init"),
       Option::text("png", "FILE.png", "a row a picture: the picture, x_T, the picture drawn from x_T"),
       Option::integer("n", 8, 1, 100000, "pictures of the file at most"),
       Option::integer("steps", 50, 1, format::max_train_steps, "steps of DDIM, there and back"),
       Option::integer("iterations", 5, 1, 100,
                       "evaluations of a step: more than 1 look for the step's exact inverse (a fixed point)"),
       Option::integer("class", -1, -1, format::max_classes - 1, "class of all pictures, -1: none"),
       Option::text("kernels", "NAME", "run these kernels; without it the fastest"),
       Option::integer("threads", 0, 0, 1024, "0: all processors"), Option::flag("force", "replace existing files")},
      "The error is that of `sample --init X_T.npy` with the same class and --steps, on values of [-1, 1].\n"
      "A model that clips loses what lies outside."};
  return command;
}

void print_error(const std::vector<float>& pictures, const std::vector<float>& drawn, int evaluations) {
  double largest = 0, squares = 0;
  for (size_t e = 0; e < pictures.size(); ++e) {
    const double difference = std::fabs(static_cast<double>(pictures[e]) - static_cast<double>(drawn[e]));
    largest = std::max(largest, difference);
    squares += difference * difference;
  }
  const double rms = std::sqrt(squares / static_cast<double>(pictures.size()));
  std::printf("error of the picture drawn again: largest %.4f, root mean square %.4f, PSNR %.1f dB\n", largest, rms,
              20 * std::log10(2 / std::max(rms, 1e-9)));
  std::printf("%d evaluations of the network a picture\n", evaluations);
}

// Noise is shown from -3 to 3.
std::vector<uint8_t> shown(const std::vector<float>& values, size_t elements, size_t picture, float scale) {
  std::vector<float> part(values.begin() + static_cast<ptrdiff_t>(picture * elements),
                          values.begin() + static_cast<ptrdiff_t>((picture + 1) * elements));
  for (float& value : part) value *= scale;
  std::vector<uint8_t> bytes(elements);
  floats_to_picture(part.data(), elements, bytes.data());
  return bytes;
}

}  // namespace

int run_invert(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  for (const char* option : {"in", "out"}) arguments.require(option);
  for (const char* option : {"out", "png"}) {
    if (arguments.has(option)) refuse_existing(arguments.text(option), arguments.flag("force"));
  }
  const InvertibleModel source = load_invertible(arguments.positional("MODEL"));
  const mote_model_info& info = source.model.info();
  const std::vector<float> pictures =
      read_pictures(arguments.text("in"), info, static_cast<size_t>(arguments.integer("n")));
  SampleRequest request;
  request.steps = static_cast<uint32_t>(arguments.integer("steps"));
  request.method = MOTE_METHOD_DDIM;
  request.cycle_classes = false;
  request.class_label = static_cast<int32_t>(arguments.integer("class"));
  request.kernels = wanted_kernels(arguments.text("kernels"));
  request.threads = arguments.integer("threads") > 0 ? static_cast<int>(arguments.integer("threads")) : cpu_count();
  install_interrupt_handlers();
  int evaluations = 0;
  request.init =
      invert_pictures(source, request, pictures, static_cast<int>(arguments.integer("iterations")), &evaluations);
  const size_t elements = source.model.picture_elements(), count = pictures.size() / elements;
  request.count = static_cast<uint32_t>(count);
  const SampleResult drawn = sample_pictures(source.model, request);
  write_npy(arguments.text("out"), {count, info.channels, info.height, info.width},
            nchw_from_nhwc(request.init, count, info).data(), arguments.flag("force"));
  if (arguments.has("png")) {
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i < count; ++i) {
      for (const auto& part : {shown(pictures, elements, i, 1), shown(request.init, elements, i, 1.0f / 3),
                               shown(drawn.pictures, elements, i, 1)})
        bytes.insert(bytes.end(), part.begin(), part.end());
    }
    GridOptions grid;
    grid.columns = 3;
    write_png(arguments.text("png"), image_grid(bytes.data(), 3 * count, info.height, info.width, info.channels, grid),
              arguments.flag("force"));
  }
  print_error(pictures, drawn.pictures, evaluations);
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
