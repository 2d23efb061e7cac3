#include "weights_tool/train/trainer_log.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/os.h"
#include "weights_tool/io/plot.h"

namespace mote::tool {
namespace {

constexpr const char* kHeader = "step,images,loss,smoothed_loss,learning_rate,gradient_norm,val_loss\n";
constexpr size_t kColumns = 7;
constexpr size_t kPlotPoints = 800;  // more than the picture has columns for

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells(1);
  for (const char c : line) {
    if (c == ',') {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

}  // namespace

TrainLog::TrainLog(const std::string& path, int64_t keep) : path_(path), flushed_(monotonic_seconds()) {
  std::string kept = kHeader;
  if (keep > 0 && path_exists(path)) {
    const std::string text = read_text_file(path, uint64_t{1} << 34);
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      keep_row(text.substr(at, end - at), keep, &kept);
      at = end + 1;
    }
  }
  write_file(path, ByteView(std::string_view(kept)), true);
  file_.open(path, std::ios::app | std::ios::binary);
  check();
}

// The header, rows past `keep` and a row that a killed program left half written do not parse or are dropped.
void TrainLog::keep_row(const std::string& line, int64_t keep, std::string* kept) {
  const std::vector<std::string> cells = split(line);
  int64_t step = 0;
  Row row{0, 0, 0, std::numeric_limits<double>::quiet_NaN()};
  if (cells.size() != kColumns || !parse_integer(cells[0], &step) || step > keep) return;
  if (!parse_number(cells[2], &row.loss) || !parse_number(cells[3], &row.smoothed)) return;
  if (!cells[6].empty() && !parse_number(cells[6], &row.validation)) return;
  row.step = static_cast<double>(step);
  rows_.push_back(row);
  *kept += line + "\n";
}

void TrainLog::check() const {
  if (!file_) throw Error(ExitCode::io, path_ + ": cannot write; is the disk full?");
}

void TrainLog::add(const StepResult& step, double validation_loss) {
  char line[256], validation[32] = "";
  if (std::isfinite(validation_loss)) std::snprintf(validation, sizeof validation, "%.9g", validation_loss);
  std::snprintf(line, sizeof line, "%lld,%lld,%.9g,%.9g,%.9g,%.9g,%s\n", static_cast<long long>(step.step),
                static_cast<long long>(step.images), step.loss, step.smoothed_loss, step.learning_rate,
                step.gradient_norm, validation);
  file_ << line;
  rows_.push_back({static_cast<double>(step.step), step.loss, step.smoothed_loss, validation_loss});
  if (monotonic_seconds() - flushed_ >= 1) flush();
}

void TrainLog::flush() {
  file_.flush();
  check();
  flushed_ = monotonic_seconds();
}

Image TrainLog::plot() const {
  PlotSeries raw{"loss", {}, {}, true}, smoothed{"smoothed", {}, {}, false}, held_out{"held out (EMA)", {}, {}, false};
  const size_t bucket = std::max<size_t>(1, rows_.size() / kPlotPoints);
  for (size_t i = 0; i < rows_.size(); i += bucket) {
    const size_t end = std::min(i + bucket, rows_.size());
    double sum = 0;
    for (size_t k = i; k < end; ++k) sum += rows_[k].loss;
    raw.x.push_back(rows_[end - 1].step);
    raw.y.push_back(sum / static_cast<double>(end - i));
    smoothed.x.push_back(rows_[end - 1].step);
    smoothed.y.push_back(rows_[end - 1].smoothed);
  }
  for (const Row& row : rows_) {
    if (std::isnan(row.validation)) continue;
    held_out.x.push_back(row.step);
    held_out.y.push_back(row.validation);
  }
  PlotOptions options;
  options.title = "training";
  options.x_label = "step";
  options.y_label = "loss";
  options.log_y = true;
  std::vector<PlotSeries> series = {raw, smoothed};
  if (!held_out.x.empty()) series.push_back(held_out);
  return render_plot(options, series);
}

}  // namespace mote::tool
