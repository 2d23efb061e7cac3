// One pass of a model as a device does it, replayed without doing it: which band of rows runs in which bounded run, and
// which class of costs (target_costs.h) it belongs to. No numbers about processors here.
#pragma once
#include <cstdint>
#include <vector>

#include "format/view.h"
#include "graph/operators.h"

namespace mote::tool {

struct PassBand {
  uint32_t run;        // of which bounded run, from 0
  uint32_t op, phase;  // index of the operator and of its phase
  uint64_t work;       // multiply-accumulates, or elements where there are none to count
  double outputs;      // elements of the operator's outputs that these rows are
  double weights;      // of a convolution: weights read, as often as its workspace makes it read them again; else 0
};

// The bands of one pass from its beginning, with bounded runs of `budget` units of work (mote_sampler_run). What the last
// run has left for the next step is not used.
std::vector<PassBand> replay_pass(const format::View& view, uint64_t budget);

// What the work of a phase is like: "conv3x3", "norm", ...; null for operators without counts (float). Of convolutions it
// says what their workspace allows, by the measures of the kernel set dsp: 3x3 ones without stride that cannot use the
// Winograd form end in "_direct", all without workspace to speak of in "_plain".
const char* cost_class(const format::View& view, const OperatorRecord& op, uint32_t phase);

}  // namespace mote::tool
