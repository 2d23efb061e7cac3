// The trajectories that a sampler visits, for looking at what the network sees there: one for each picture, from its own
// noise, the classes taken in turn and every eighth picture without one.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "weights_tool/graph/writer.h"
#include "weights_tool/io/pool.h"
#include "weights_tool/quantize/graph_runner.h"

namespace mote::tool {

struct TrajectoryOptions {
  int pictures = 128;
  uint64_t seed = 0;
};

// A pass through the network about to be made.
struct Visit {
  int picture, step;
  float timestep;
  int class_row;
  const float* x;  // x_t
  int worker;
};

// Follows the rows of `info` (which must hold them). predict(visit, m) makes the network's output, out_elements values;
// pictures run on the pool's workers, the visits of one picture in order on one worker.
void follow_trajectories(const Graph& graph, const std::vector<format::RowRecord>& rows,
                         const TrajectoryOptions& options, ThreadPool& pool,
                         const std::function<void(const Visit&, float* m)>& predict);

}  // namespace mote::tool
