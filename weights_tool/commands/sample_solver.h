// The samplers of `sample` that are no rows: the reversed SDE and the probability-flow ODE (weights_tool/diffusion/vp_sde.h)
// on a model's network. Host only.
#pragma once
#include <string>
#include <vector>

#include "weights_tool/commands/sample_pictures.h"
#include "weights_tool/diffusion/parameterisation.h"
#include "weights_tool/diffusion/vp_sde.h"
#include "weights_tool/graph/writer.h"

namespace mote::tool {

struct SolverOptions {
  int steps = 500;  // of sde-em and sde-pc
  double atol = 1e-3, rtol = 1e-3;
  double corrector_snr = 0.16;
  int corrector_steps = 1;
  HostGuide guide;  // classifier guidance; none: not guided
  double guide_scale = 0;
};

// sde-em, sde-pc, ode-rk45.
const std::vector<std::string>& solver_names();
bool is_solver(const std::string& sampler);

// Error(invalid_input) for a model without its noise levels.
HostSolver make_solver(const std::string& sampler, const SolverOptions& options, const DiffusionInfo& diffusion,
                       Prediction prediction);

// The network as a model of epsilon; `options` for its guide. What it refers to must outlive it.
EpsilonModel epsilon_of(const HostPicture& picture, const VpSde& sde, Prediction prediction,
                        const SolverOptions& options);

}  // namespace mote::tool
