#include "weights_tool/evaluate/judge.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mote::tool {
namespace {

// Row of the i-th of `count` out of `all`, at even distances.
size_t spread_index(size_t i, size_t count, size_t all) { return i * all / count; }

std::vector<float> spread_rows(const PictureFeatures& from, size_t count) {
  std::vector<float> rows;
  rows.reserve(count * from.features);
  for (size_t i = 0; i < count; ++i) {
    const auto row = from.values.begin() + static_cast<ptrdiff_t>(spread_index(i, count, from.count) * from.features);
    rows.insert(rows.end(), row, row + static_cast<ptrdiff_t>(from.features));
  }
  return rows;
}

}  // namespace

const std::vector<QualityColumn>& quality_columns() {
  static const std::vector<QualityColumn> columns = {{"frechet", &Quality::frechet},
                                                     {"precision", &Quality::precision},
                                                     {"recall", &Quality::recall},
                                                     {"agreement", &Quality::agreement},
                                                     {"confidence", &Quality::confidence}};
  return columns;
}

Spread spread_of(const std::vector<Quality>& runs) {
  Spread spread;
  const double count = static_cast<double>(runs.size());
  for (const QualityColumn& column : quality_columns()) {
    double sum = 0, squares = 0, low = std::numeric_limits<double>::infinity(), high = -low;
    for (const Quality& run : runs) {
      sum += run.*column.value;
      low = std::min(low, run.*column.value);
      high = std::max(high, run.*column.value);
    }
    const double mean = sum / count;
    for (const Quality& run : runs) squares += (run.*column.value - mean) * (run.*column.value - mean);
    const bool known = std::isfinite(mean);
    spread.mean.*column.value = mean;
    spread.deviation.*column.value = !known ? mean : runs.size() < 2 ? 0 : std::sqrt(squares / (count - 1));
    spread.low.*column.value = known ? low : mean;
    spread.high.*column.value = known ? high : mean;
  }
  return spread;
}

Judge::Judge(FeatureExtractor& extractor, const ClassifiedPictures& real, size_t count, KernelSet set, ThreadPool& pool,
             const std::function<void(uint64_t)>& progress)
    : extractor_(&extractor), real_(&real), count_(count), set_(set), pool_(&pool) {
  const PictureFeatures features = extractor.run(real.train.images, progress);
  fit_ = fit_gaussian(features.values.data(), features.count, features.features);
  const size_t points = std::min(count, features.count);
  manifold_.emplace(spread_rows(features, points).data(), points, features.features, fit_.mean, manifold_neighbours,
                    set, pool);
}

Quality Judge::judge(const ImageSet& pictures, const std::vector<int>& labels,
                     const std::function<void(uint64_t)>& progress) const {
  const PictureFeatures features = extractor_->run(pictures, progress);
  const Manifold manifold(features.values.data(), features.count, features.features, fit_.mean, manifold_neighbours,
                          set_, *pool_);
  Quality quality;
  quality.frechet = frechet_distance(fit_gaussian(features.values.data(), features.count, features.features), fit_);
  quality.precision = manifold_->share_inside(manifold);
  quality.recall = manifold.share_inside(*manifold_);
  quality.agreement = labels.empty() ? std::numeric_limits<double>::quiet_NaN() : agreement(features, labels);
  quality.confidence = mean_confidence(features);
  return quality;
}

size_t Judge::floor_pictures() const { return std::min(count_, real_->held_out.images.count); }

Quality Judge::floor() const {
  const ImageSet& from = real_->held_out.images;
  ImageSet chosen;
  chosen.height = from.height;
  chosen.width = from.width;
  chosen.channels = from.channels;
  chosen.count = floor_pictures();
  std::vector<int> labels;
  for (size_t i = 0; i < chosen.count; ++i) {
    const size_t index = spread_index(i, chosen.count, from.count);
    chosen.pixels.insert(chosen.pixels.end(), from.image(index), from.image(index) + from.image_bytes());
    labels.push_back(real_->held_out.labels[index]);
  }
  return judge(chosen, labels);
}

}  // namespace mote::tool
