// Which steps `sample` takes: --sampler, --steps and --eta for a model, be it mote's own or imported, and whether a device
// could take them. Imported models follow the scheduler configuration they came with (weights_tool/diffusers).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/diffusion/host_step.h"

namespace mote::tool {

struct SamplingWish {
  std::string sampler;  // a name of sampler_names(); "": the model's own
  int steps = 0;        // 0: the model's
  double eta = 0;
  bool eta_given = false;
  bool timesteps_given = false;  // the levels are named one by one
  bool host = false;             // the steps are taken here whatever they are: the noise is given
};

struct SamplingPlan {
  std::vector<uint8_t> bytes;  // the model file, with the rows of the wish where it had others
  // The wish is in the rows of `bytes`, or in host_steps: sampler, steps and eta say nothing more to the C API.
  bool planned = false;
  std::vector<HostStep> host_steps;  // not empty: take these, with the network's outputs only from the C API
  std::string sampler;               // name of what is done
  double init_scale = 1;             // mote's x_T is this times unit noise (weights_tool/diffusers/scheduler_rows.h)
};

// bytes: of a model file, checked. Throws Error(usage) for what the model or the sampler does not have.
SamplingPlan plan_sampling(std::vector<uint8_t> bytes, const std::string& path, const SamplingWish& wish);

}  // namespace mote::tool
