// AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101, algorithm 2), the norm of the gradient, the learning rate's course
// and the average of the weights, over flat buffers laid out as a ParameterStore. The same bytes for any number of
// threads: every element is computed alone, and sums are taken over fixed blocks in a fixed order.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "weights_tool/graph/graph.h"
#include "weights_tool/io/pool.h"
#include "weights_tool/train/parameters.h"

namespace mote::tool {

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;  // multiplied by the learning rate, as is common; the paper's lambda is this product's
};

// Elements [first, first + count) of the buffers that decay or do not.
struct DecayRange {
  size_t first, count;
  bool decays;
};
// One range a trained tensor, padding included: matrices and convolutions (rank 2 and more) decay; biases, vectors and
// normalisations do not.
std::vector<DecayRange> decay_ranges(const Graph& graph, const ParameterStore& store);

// What one update changes and reads. All of `size` floats.
struct OptimizerBuffers {
  float* values;   // the parameters
  float* m;        // first moment
  float* v;        // second moment
  float* average;  // moving average of the values; null: none
  const float* gradient;
  size_t size;
};

class AdamW {
 public:
  // The ranges must lie in rising order and not overlap; elements outside of them are left alone.
  AdamW(const AdamWOptions& options, std::vector<DecayRange> ranges);

  // Update number `step`, from 1: gradients are multiplied by `gradient_scale` first;
  // average += (1 - average_decay) * (new value - average).
  void update(const OptimizerBuffers& buffers, int64_t step, double learning_rate, double gradient_scale,
              double average_decay, ThreadPool& pool) const;

 private:
  AdamWOptions options_;
  std::vector<DecayRange> pieces_;  // of the ranges, small enough to share among threads
};

// sqrt of the sum of squares, in double. NaN or infinity if an element is.
double gradient_norm(const float* gradient, size_t size, ThreadPool& pool);
// The factor that brings the norm down to the limit, 1 if it is below; limit 0: 1.
double clip_factor(double norm, double limit);

// Learning rate of update `step`, from 1 to total: rises linearly to `peak` over `warmup` steps, then falls to `last`
// along half a cosine, which it reaches at step `total`.
double learning_rate_at(int64_t step, int64_t total, int64_t warmup, double peak, double last);

// min(limit, (1 + n) / (10 + n)) for the n-th update, from 1: a young average forgets its random beginning.
double ema_decay_at(int64_t step, double limit);

}  // namespace mote::tool
