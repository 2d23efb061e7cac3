// How good a set of pictures is: compared with real ones in the features of a classifier. Holds the real side, computed
// once. Where pictures come from and how results are printed is the command's.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "weights_tool/evaluate/features.h"
#include "weights_tool/evaluate/frechet.h"
#include "weights_tool/evaluate/precision_recall.h"
#include "weights_tool/train/classifier_data.h"

namespace mote::tool {

// NaN: not known.
struct Quality {
  double frechet = 0, precision = 0, recall = 0;
  double agreement = 0;   // share of pictures that the classifier takes for the class they should be of
  double confidence = 0;  // mean probability of the class it takes each for
};

// The columns of Quality in order, with the names they have in reports.
struct QualityColumn {
  const char* name;
  double Quality::*value;
};
const std::vector<QualityColumn>& quality_columns();

// Over several runs; NaN where a run has NaN. deviation: of a single run, divided by runs - 1; 0 for one run.
struct Spread {
  Quality mean, deviation, low, high;
};
Spread spread_of(const std::vector<Quality>& runs);

class Judge {
 public:
  // Distances are to all training pictures; precision and recall are against `count` of them, taken at even distances
  // (fewer if there are fewer). Extractor and pool must outlive this. progress: as in FeatureExtractor::run.
  Judge(FeatureExtractor& extractor, const ClassifiedPictures& real, size_t count, KernelSet set, ThreadPool& pool,
        const std::function<void(uint64_t)>& progress = {});

  // labels: the class each picture should be of, or empty. More than manifold_neighbours pictures.
  Quality judge(const ImageSet& pictures, const std::vector<int>& labels,
                const std::function<void(uint64_t)>& progress = {}) const;
  // Real against real: at most `count` held-out pictures, taken at even distances. What a perfect model would get.
  Quality floor() const;
  size_t floor_pictures() const;

 private:
  FeatureExtractor* extractor_;
  const ClassifiedPictures* real_;
  size_t count_;
  KernelSet set_;
  ThreadPool* pool_;
  GaussianFit fit_;
  std::optional<Manifold> manifold_;
};

}  // namespace mote::tool
