#include "weights_tool/evaluate/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace mote::tool {
namespace {

constexpr size_t kColumn = 11;  // characters

std::string number_text(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string padded(std::string text, size_t width, bool right) {
  if (text.size() < width) text.insert(right ? 0 : text.size(), width - text.size(), ' ');
  return text;
}

// Rows of a label and the columns of Quality.
class Table {
 public:
  explicit Table(size_t label_width) : label_width_(label_width) {
    text_ = std::string(label_width, ' ');
    for (const QualityColumn& column : quality_columns()) text_ += padded(column.name, kColumn, true);
    text_ += "\n";
  }
  void row(const std::string& label, const Quality& quality) {
    text_ += padded(label, label_width_, false);
    for (const QualityColumn& column : quality_columns())
      text_ += padded(number_text(quality.*column.value, 4), kColumn, true);
    text_ += "\n";
  }
  const std::string& text() const { return text_; }

 private:
  size_t label_width_;
  std::string text_;
};

std::string run_label(const Candidate& candidate, size_t run) {
  return "  " + (candidate.drawn ? "seed " + std::to_string(candidate.seeds[run]) : std::string("its")) + ", " +
         std::to_string(candidate.pictures[run]) + " pictures";
}

std::string title(const Candidate& candidate) {
  return candidate.path + (candidate.drawn ? " (" + std::to_string(candidate.steps) + " steps)" : "");
}

Json quality_json(const Quality& quality) {
  Json json = Json::object();
  for (const QualityColumn& column : quality_columns()) json.set(column.name, quality.*column.value);  // NaN: null
  return json;
}

Json candidate_json(const Candidate& candidate) {
  Json json = Json::object(), runs = Json::array();
  json.set("path", candidate.path);
  if (candidate.drawn) json.set("steps", candidate.steps);
  for (size_t i = 0; i < candidate.runs.size(); ++i) {
    Json run = Json::object();
    if (candidate.drawn) run.set("seed", static_cast<unsigned long long>(candidate.seeds[i]));
    run.set("pictures", static_cast<unsigned long long>(candidate.pictures[i]));
    for (const QualityColumn& column : quality_columns()) run.set(column.name, candidate.runs[i].*column.value);
    runs.push(std::move(run));
  }
  const Spread spread = spread_of(candidate.runs);
  json.set("runs", std::move(runs)).set("mean", quality_json(spread.mean));
  json.set("deviation", quality_json(spread.deviation));
  json.set("low", quality_json(spread.low)).set("high", quality_json(spread.high));
  return json;
}

}  // namespace

double distance_ratio(const EvalReport& report) {
  return spread_of(report.candidates[0].runs).mean.frechet / spread_of(report.candidates[1].runs).mean.frechet;
}

std::string report_text(const EvalReport& report) {
  std::string text = "classifier  " + report.classifier + ": " + std::to_string(report.features) + " features, " +
                     (std::isfinite(report.classifier_accuracy)
                          ? number_text(100 * report.classifier_accuracy, 2) + " % of held-out pictures right\n"
                          : "accuracy unknown\n");
  text += "real        " + report.data + ": distance to " + std::to_string(report.real_pictures) +
          " pictures; precision and recall against " + std::to_string(report.manifold_pictures) +
          ", k = " + std::to_string(manifold_neighbours) + "\n\n";
  const std::string floor = "floor: " + std::to_string(report.floor_pictures) + " held-out pictures";
  size_t width = floor.size();
  for (const Candidate& candidate : report.candidates) {
    width = std::max(width, title(candidate).size());
    for (size_t i = 0; i < candidate.runs.size(); ++i) width = std::max(width, run_label(candidate, i).size());
  }
  Table table(width);
  table.row(floor, report.floor);
  text += table.text();
  for (const Candidate& candidate : report.candidates) {
    Table rows(width);
    for (size_t i = 0; i < candidate.runs.size(); ++i) rows.row(run_label(candidate, i), candidate.runs[i]);
    const Spread spread = spread_of(candidate.runs);
    if (candidate.runs.size() > 1) {
      rows.row("  mean", spread.mean);
      rows.row("  standard deviation", spread.deviation);
      rows.row("  lowest", spread.low);
      rows.row("  highest", spread.high);
    }
    const std::string lines = rows.text();
    text += title(candidate) + lines.substr(lines.find('\n'));
  }
  if (report.candidates.size() == 2) {
    text += "\ndistance of " + report.candidates[0].path + " / " + report.candidates[1].path + ": " +
            number_text(distance_ratio(report), 4) + "\n";
  }
  return text;
}

Json report_json(const EvalReport& report) {
  Json json = Json::object();
  json.set("classifier", report.classifier).set("classifier_accuracy", report.classifier_accuracy);
  json.set("features", static_cast<unsigned long long>(report.features)).set("data", report.data);
  json.set("real_pictures", static_cast<unsigned long long>(report.real_pictures));
  json.set("manifold_pictures", static_cast<unsigned long long>(report.manifold_pictures));
  json.set("neighbours", manifold_neighbours);
  Json floor = quality_json(report.floor);
  floor.set("pictures", static_cast<unsigned long long>(report.floor_pictures));
  json.set("floor", std::move(floor));
  Json candidates = Json::array();
  for (const Candidate& candidate : report.candidates) candidates.push(candidate_json(candidate));
  json.set("candidates", std::move(candidates));
  if (report.candidates.size() == 2) json.set("distance_ratio", distance_ratio(report));
  return json;
}

}  // namespace mote::tool
