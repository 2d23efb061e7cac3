#include "weights_tool/commands/sample_solver.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "diffusion/noise.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

// Pure noise is x_t at this share of the picture. A cosine schedule ends in levels with less, where beta is too steep for
// steps of an SDE; the network knows nothing there either.
constexpr double start_alpha_bar = 1e-5;

NoiseSource noise_of(const HostPicture& picture) {
  return [&picture, z32 = std::vector<float>(picture.elements)](uint32_t index, std::vector<double>& z) mutable {
    fill_gaussian(z32.data(), 0, static_cast<uint32_t>(picture.elements), picture.seed, index, picture.sample_index,
                  noise_step);
    z.assign(z32.begin(), z32.end());
  };
}

}  // namespace

const std::vector<std::string>& solver_names() {
  static const std::vector<std::string> names{"sde-em", "sde-pc", "ode-rk45"};
  return names;
}

bool is_solver(const std::string& sampler) {
  return std::find(solver_names().begin(), solver_names().end(), sampler) != solver_names().end();
}

EpsilonModel epsilon_of(const HostPicture& picture, const VpSde& sde, Prediction prediction,
                        const SolverOptions& options) {
  const bool guided = options.guide && options.guide_scale != 0 && picture.class_label >= 0;
  std::vector<float> x32(picture.elements), m(picture.elements), gradient(guided ? picture.elements : 0);
  return [=, &picture, &sde, &options](const std::vector<double>& x, double t, std::vector<double>& epsilon) mutable {
    for (size_t e = 0; e < x.size(); ++e) x32[e] = static_cast<float>(x[e]);
    const float timestep = static_cast<float>(t);
    picture.predict(x32.data(), timestep, m.data());
    const Mix mix = epsilon_mix(prediction, sde.alpha_bar(t));
    for (size_t e = 0; e < x.size(); ++e) epsilon[e] = mix.first * x[e] + mix.second * static_cast<double>(m[e]);
    if (!guided) return;
    options.guide(x32.data(), timestep, picture.class_label, gradient.data());
    const double weight = options.guide_scale * std::sqrt(sde.noise_variance(t));
    for (size_t e = 0; e < x.size(); ++e) epsilon[e] -= weight * static_cast<double>(gradient[e]);
  };
}

HostSolver make_solver(const std::string& sampler, const SolverOptions& options, const DiffusionInfo& diffusion,
                       Prediction prediction) {
  if (diffusion.schedule.empty())
    throw Error(ExitCode::invalid_input, "--sampler " + sampler + ": the model has no noise levels beside its steps");
  const auto sde = std::make_shared<const VpSde>(VpSde::of_table(diffusion.schedule));
  return [=](const HostPicture& picture, std::vector<float>& x32) {
    std::vector<double> x(x32.begin(), x32.end());
    const EpsilonModel model = epsilon_of(picture, *sde, prediction, options);
    const double start = sde->time_of_alpha_bar(start_alpha_bar);
    int evaluations = 0;
    if (sampler == "ode-rk45") {
      OdeOptions ode;
      ode.atol = options.atol;
      ode.rtol = options.rtol;
      evaluations = integrate_ode(*sde, model, start, 0, ode, x).evaluations + 1;
      denoise(*sde, model, 0, x);
    } else {
      SdeOptions sampling;
      sampling.steps = options.steps;
      sampling.start = start;
      sampling.corrector_snr = options.corrector_snr;
      sampling.corrector_steps = sampler == "sde-pc" ? options.corrector_steps : 0;
      const auto run = sampler == "sde-pc" ? predictor_corrector : euler_maruyama;
      evaluations = run(*sde, model, noise_of(picture), sampling, x);
    }
    for (size_t e = 0; e < x.size(); ++e) x32[e] = static_cast<float>(x[e]);
    return evaluations;
  };
}

}  // namespace mote::tool
