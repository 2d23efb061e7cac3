// `signal --task window`: one noisy window of the held-out stretch as C source, for examples/firmware/signal.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "weights_tool/commands/signal_tasks.h"
#include "weights_tool/evaluate/signal_noise.h"

namespace mote::tool {
namespace {

constexpr double kSnr = 5;  // dB

std::string float_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%#.9gf", static_cast<double>(static_cast<float>(value)));
  return text;
}

// As the converter would have written them.
std::string samples_text(const char* name, const std::vector<double>& values, const SignalJob& job) {
  constexpr size_t kPerLine = 16;
  std::string out = std::string("static const short ") + name + "[] = {";
  for (size_t i = 0; i < values.size(); ++i) {
    const long sample = std::lround(values[i] * job.unit + job.offset);
    out += (i % kPerLine == 0 ? "\n  " : " ") + std::to_string(std::clamp(sample, -32768L, 32767L)) + ",";
  }
  return out + "\n};\n";
}

}  // namespace

std::string window_source(const SignalJob& job) {
  const size_t width = job.model->width(), begin = job.test.size() / 2;
  const auto first = job.test.begin() + static_cast<std::ptrdiff_t>(begin);
  const std::vector<double> clean(first, first + static_cast<std::ptrdiff_t>(width));
  const double sigma = root_mean_square(clean) * std::pow(10, -kSnr / 20);
  std::vector<double> noisy = white_noise(width, sigma, job.seed);
  for (size_t i = 0; i < width; ++i) noisy[i] += clean[i];
  const size_t level = job.model->level_of(sigma);
  std::string out =
      "/* A window of an ECG with noise 5 dB below it, and without. Made by weights_tool signal --task window;\n";
  out +=
      " * the recording is MIT-BIH Arrhythmia Database, record 208 (see examples/models/README.md). */\n/* "
      "clang-format off */\n";
  out += "#define WINDOW_OFFSET " + float_text(job.offset) + "\n";
  out += "#define WINDOW_SCALE " + float_text(1 / job.unit) + "\n";
  out += "#define WINDOW_TIMESTEP " + float_text(job.model->timestep(level)) + "\n";
  out += "#define WINDOW_SIGNAL " + float_text(job.model->levels()[level].signal) + "\n";
  out += "#define WINDOW_NOISE " + float_text(job.model->levels()[level].noise) + "\n";
  return out + samples_text("window_noisy", noisy, job) + samples_text("window_clean", clean, job);
}

}  // namespace mote::tool
