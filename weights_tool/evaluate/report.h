// What `weights_tool eval` found, as text for people and as JSON for programs.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/evaluate/judge.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

// One model or file of pictures.
struct Candidate {
  std::string path;
  bool drawn = false;            // by a model, one run a seed; otherwise the pictures of a file, one run
  uint32_t steps = 0;            // of the sampler
  std::vector<uint64_t> seeds;   // of each run; empty: none
  std::vector<size_t> pictures;  // of each run
  std::vector<Quality> runs;
};

struct EvalReport {
  std::string classifier, data;
  double classifier_accuracy = 0;  // NaN: unknown
  size_t features = 0, real_pictures = 0, manifold_pictures = 0, floor_pictures = 0;
  Quality floor;
  std::vector<Candidate> candidates;  // one, or two to be compared
};

// The mean distance of the first candidate divided by that of the second.
double distance_ratio(const EvalReport& report);

std::string report_text(const EvalReport& report);
Json report_json(const EvalReport& report);

}  // namespace mote::tool
