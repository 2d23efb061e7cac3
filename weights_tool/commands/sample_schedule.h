// Which steps `sample` takes: --sampler, --steps and --eta for a model, be it mote's own or imported, and whether a device
// could take them. Imported models follow the scheduler configuration they came with (weights_tool/diffusers).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "weights_tool/commands/sample_solver.h"
#include "weights_tool/diffusion/host_step.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/train/classifier_guide.h"

namespace mote::tool {

struct SamplingWish {
  std::string sampler;  // a name of sampler_names() or solver_names(); "": the model's own
  int steps = 0;        // 0: the model's
  double eta = 0;
  bool eta_given = false;
  bool timesteps_given = false;  // the levels are named one by one
  SolverOptions solver;          // of solver_names(); guide_scale: of `classifier`, for any sampler
  std::shared_ptr<const ClassifierGuide> classifier;  // null: not guided
  bool host = false;                                  // the steps are taken here whatever they are: the noise is given
};

struct SamplingPlan {
  std::vector<uint8_t> bytes;  // the model file, with the rows of the wish where it had others
  // The wish is in the rows of `bytes`, or in host_steps: sampler, steps and eta say nothing more to the C API.
  bool planned = false;
  std::vector<HostStep> host_steps;  // not empty: take these, with the network's outputs only from the C API
  HostSolver solver;                 // given: take this
  HostGuide guide;                   // of host_steps
  std::string sampler;               // name of what is done
  double init_scale = 1;             // mote's x_T is this times unit noise (weights_tool/diffusers/scheduler_rows.h)
};

// bytes: of a model file, checked. Throws Error(usage) for what the model or the sampler does not have.
SamplingPlan plan_sampling(std::vector<uint8_t> bytes, const std::string& path, const SamplingWish& wish);
// What `sample` and `eval` say alike: --sampler, --steps, --eta, --atol, --rtol, --corrector-snr, --classifier-scale and
// the noisy classifier in the file `classifier`, "" for none. kernels: as wanted_kernels says.
std::vector<std::string> all_sampler_names();
SamplingWish wish_of_arguments(const Arguments& arguments, const std::string& classifier, const std::string& kernels);
// The method of the C API for a model whose plan is not `planned`.
mote_method method_of_arguments(const Arguments& arguments);
// What a plan says, into a request.
void follow_plan(const SamplingPlan& plan, SampleRequest& request);

}  // namespace mote::tool
