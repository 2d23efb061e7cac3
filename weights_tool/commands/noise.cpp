// weights_tool noise: draws the forward process, how a picture turns into noise, and the curves of its schedules.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "weights_tool/commands/commands.h"
#include "weights_tool/diffusion/forward_process.h"
#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/canvas.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/plot.h"
#include "weights_tool/io/png.h"
#include "weights_tool/train/dataset.h"

namespace mote::tool {
namespace {

CommandSpec make_spec() {
  CommandSpec spec;
  spec.name = "noise";
  spec.summary = "draw the forward process and its schedules";
  spec.examples = {
      {"weights_tool noise --data /usr/share/datasets/fashion-mnist --out noise", "the first picture, four schedules"},
      {"weights_tool noise --image cat.png --out noise --columns 6", "a picture of one's own"},
  };
  spec.options = {
      Option::text("data", "PATH", "IDX file, folder with train-images-idx3-ubyte[.gz], or folder of PNGs"),
      Option::integer("index", 0, 0, UINT32_MAX, "which of its pictures"),
      Option::text("image", "FILE", "a PNG instead, grey or RGB"),
      Option::text("out", "DIR", "folder for the figures"),
      Option::integer("timesteps", 1000, 2, 16384, "levels of the schedules"),
      Option::integer("columns", 11, 2, 64, "pictures in a strip"),
      Option::integer("seed", 1, 0, INT64_MAX, "of the noise"),
      Option::flag("force", "replace existing figures"),
  };
  spec.notes =
      "forward.png   x_t drawn from x_0 at once, q(x_t | x_0), a strip a schedule\n"
      "one-step.png  the same levels reached one step at a time, q(x_t | x_{t-1})\n"
      "alpha_bar.png, snr.png  what is left of the picture, and the signal-to-noise ratio, over t";
  return spec;
}

struct NoiseJob {
  Image picture;
  std::string out;
  int timesteps, columns;
  uint64_t seed;
  bool force;
};

Image picture_of(const Arguments& args) {
  if (args.has("data") == args.has("image")) args.fail("give either --data or --image");
  if (args.has("image")) {
    Image picture = read_png(args.text("image"));
    if (picture.channels != 1 && picture.channels != 3) {
      throw Error(ExitCode::invalid_input, args.text("image") + ": has an alpha channel; needed is grey or RGB");
    }
    return picture;
  }
  const ImageSet set = load_dataset(args.text("data"), DatasetNeeds{}).images;
  const size_t index = static_cast<size_t>(args.integer("index"));
  if (index >= set.count) args.fail("--index: there are " + std::to_string(set.count) + " pictures");
  if (set.channels != 1 && set.channels != 3) {
    throw Error(ExitCode::invalid_input,
                args.text("data") + ": " + std::to_string(set.channels) + " channels; needed is grey or RGB");
  }
  Image picture(set.height, set.width, set.channels);
  std::copy_n(set.image(index), set.image_bytes(), picture.pixels.begin());
  return picture;
}

Schedule schedule_of(ScheduleKind kind, int timesteps) {
  ScheduleOptions options;
  options.kind = kind;
  options.train_steps = timesteps;
  return make_schedule(options);
}

// The levels shown: evenly spaced, the first and the last among them.
std::vector<int> shown_levels(const NoiseJob& job) {
  std::vector<int> levels;
  for (int i = 0; i < job.columns; ++i) levels.push_back(i * (job.timesteps - 1) / (job.columns - 1));
  return levels;
}

using Strip = std::vector<Image>;

Image to_picture(const Image& like, const std::vector<float>& x) {
  Image out(like.height, like.width, like.channels);
  floats_to_picture(x.data(), x.size(), out.pixels.data());
  return out;
}

std::vector<float> to_floats(const Image& picture) {
  std::vector<float> x(picture.pixels.size());
  picture_to_floats(picture.pixels.data(), picture.height, picture.width, picture.channels, false, x.data());
  return x;
}

Strip direct_strip(const NoiseJob& job, const Schedule& schedule) {
  const std::vector<float> x0 = to_floats(job.picture);
  std::vector<float> x(x0.size());
  Strip strip;
  for (const int t : shown_levels(job)) {
    diffuse(schedule, t, x0.data(), x0.size(), job.seed, 0, x.data());
    strip.push_back(to_picture(job.picture, x));
  }
  return strip;
}

Strip one_step_strip(const NoiseJob& job, const Schedule& schedule) {
  std::vector<float> x = to_floats(job.picture);
  Strip strip;
  int t = 0;
  for (const int level : shown_levels(job)) {
    for (; t <= level; ++t) diffuse_one_step(schedule, t, x.data(), x.size(), job.seed, 0, x.data());
    strip.push_back(to_picture(job.picture, x));
  }
  return strip;
}

// Strips one below the other, each with its name in front, t above.
Image figure(const NoiseJob& job, const std::vector<Strip>& strips, const std::string& title) {
  constexpr int kGap = 4, kTop = 40, kTileGoal = 84, kTextScale = 2;
  const int name_width = Canvas::text_width("quadratic", kTextScale) + 3 * kGap;
  const int width = static_cast<int>(job.picture.width), height = static_cast<int>(job.picture.height);
  const int scale = std::max(1, kTileGoal / std::max(width, height));
  const int column = std::max(width * scale, Canvas::text_width("16383")) + kGap, row = height * scale + kGap;
  Canvas canvas(name_width + column * job.columns + kGap, kTop + row * static_cast<int>(strips.size()) + kGap);
  canvas.text(kGap, kGap, title, kBlack, kTextScale);
  const std::vector<int> levels = shown_levels(job);
  for (int i = 0; i < job.columns; ++i) {
    const std::string text = (i == 0 ? "t = " : "") + std::to_string(levels[static_cast<size_t>(i)]);
    canvas.text(name_width + i * column, kTop - kGlyphHeight - kGap, text, kBlack);
  }
  for (size_t s = 0; s < strips.size(); ++s) {
    const int y = kTop + row * static_cast<int>(s);
    canvas.text(kGap, y + row / 2 - kGlyphHeight, schedule_name(all_schedules[s]), kBlack, kTextScale);
    for (int i = 0; i < job.columns; ++i) {
      canvas.blit(strips[s][static_cast<size_t>(i)], name_width + i * column, y, scale);
    }
  }
  return canvas.image();
}

Image curves(const NoiseJob& job, bool snr) {
  PlotOptions options;
  options.title = snr ? "signal-to-noise ratio" : "alpha_bar: what is left of the picture's variance";
  options.x_label = "t";
  options.y_label = snr ? "alpha_bar / (1 - alpha_bar)" : "alpha_bar";
  options.log_y = snr;
  std::vector<PlotSeries> series;
  for (const ScheduleKind kind : all_schedules) {
    const Schedule schedule = schedule_of(kind, job.timesteps);
    PlotSeries line;
    line.name = schedule_name(kind);
    for (int t = 0; t < job.timesteps; ++t) line.x.push_back(t);
    line.y = snr ? schedule.snr : schedule.alpha_bar;
    series.push_back(std::move(line));
  }
  return render_plot(options, series);
}

void draw(const NoiseJob& job) {
  static const char* const names[] = {"forward.png", "one-step.png", "alpha_bar.png", "snr.png"};
  create_directories(job.out);
  for (const char* name : names) refuse_existing(join_path(job.out, name), job.force);
  std::vector<Strip> direct, one_step;
  for (const ScheduleKind kind : all_schedules) {
    const Schedule schedule = schedule_of(kind, job.timesteps);
    direct.push_back(direct_strip(job, schedule));
    one_step.push_back(one_step_strip(job, schedule));
  }
  const Image figures[] = {figure(job, direct, "q(x_t | x_0)"), figure(job, one_step, "q(x_t | x_{t-1})"),
                           curves(job, false), curves(job, true)};
  for (size_t i = 0; i < std::size(names); ++i) write_png(join_path(job.out, names[i]), figures[i], job.force);
}

}  // namespace

int run_noise(int argc, char** argv) {
  static const CommandSpec spec = make_spec();
  const Arguments args(spec, command_words(argc, argv));
  if (args.help_wanted()) {
    std::fputs(help_text(spec).c_str(), stdout);
    return 0;
  }
  args.require("out");
  NoiseJob job;
  job.out = args.text("out");
  job.timesteps = static_cast<int>(args.integer("timesteps"));
  job.columns = static_cast<int>(std::min(args.integer("columns"), args.integer("timesteps")));
  job.seed = static_cast<uint64_t>(args.integer("seed"));
  job.force = args.flag("force");
  job.picture = picture_of(args);
  draw(job);
  return 0;
}

}  // namespace mote::tool
