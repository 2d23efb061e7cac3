#include "weights_tool/train/signal.h"

#include <algorithm>
#include <cmath>

#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/npy.h"
#include "weights_tool/io/zip.h"
#include "weights_tool/train/signal_filter.h"

namespace mote::tool {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 30;

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

NpyArray array_in_zip(ByteView bytes, const std::string& path) {
  std::vector<ZipMember> arrays;
  for (const ZipMember& member : list_zip(bytes, path)) {
    if (ends_with(member.name, ".npy")) arrays.push_back(member);
  }
  if (arrays.size() != 1) {
    throw Error(ExitCode::invalid_input, path + ": holds " + std::to_string(arrays.size()) +
                                             " .npy files where one is expected; unpack it and name one");
  }
  return parse_npy(read_zip_member(bytes, arrays[0], path, kMaxBytes), path + ": " + arrays[0].name);
}

}  // namespace

SignalConfig signal_config_from_json(const JsonView& view) {
  view.refuse_unknown({"rate", "offset", "scale", "high_pass", "begin", "end"});
  SignalConfig config;
  config.rate = view.number_or("rate", config.rate, 1e-6, 1e9);
  config.offset = view.number_or("offset", config.offset, -1e12, 1e12);
  config.scale = view.number_or("scale", config.scale, -1e12, 1e12);
  config.high_pass = view.number_or("high_pass", config.high_pass, 0, 1e9);
  config.begin = view.number_or("begin", config.begin, 0, 1);
  config.end = view.number_or("end", config.end, 0, 1);
  if (config.scale == 0) view.at("scale").fail("expected a number that is not 0");
  if (config.high_pass >= config.rate / 2) view.at("high_pass").fail("expected less than half of rate");
  if (config.begin >= config.end) view.fail("begin must be less than end");
  return config;
}

Json signal_config_to_json(const SignalConfig& config) {
  Json json = Json::object();
  json.set("rate", config.rate).set("offset", config.offset).set("scale", config.scale);
  return json.set("high_pass", config.high_pass).set("begin", config.begin).set("end", config.end);
}

std::vector<double> read_signal(const std::string& path) {
  const MappedFile file(path);
  const NpyArray array = is_zip(file.bytes()) ? array_in_zip(file.bytes(), path) : parse_npy(file.bytes(), path);
  size_t longest = 1;
  for (const size_t size : array.shape) longest = std::max(longest, size);
  if (longest != array.values.size() || longest < 2) {
    throw Error(ExitCode::invalid_input,
                path + ": shape " + shape_text(array.shape) + " where one channel, (N,), is expected");
  }
  for (const float value : array.values) {
    if (!std::isfinite(value)) throw Error(ExitCode::invalid_input, path + ": holds NaN or infinity");
  }
  return std::vector<double>(array.values.begin(), array.values.end());
}

Stretch stretch_of(double begin, double end, size_t count) {
  const double n = static_cast<double>(count);
  return {static_cast<size_t>(std::lround(begin * n)), static_cast<size_t>(std::lround(end * n))};
}

std::vector<double> prepare_signal(const std::vector<double>& recording, const Stretch& stretch,
                                   const SignalConfig& config) {
  std::vector<double> out(recording.begin() + static_cast<std::ptrdiff_t>(stretch.begin),
                          recording.begin() + static_cast<std::ptrdiff_t>(stretch.end));
  for (double& value : out) value = (value - config.offset) * config.scale;
  if (config.high_pass == 0) return out;
  return filter_both_ways(butterworth(FilterKind::high_pass, 2, config.high_pass, config.rate), out,
                          filter_padding(config.high_pass, config.rate));
}

}  // namespace mote::tool
