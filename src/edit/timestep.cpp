// mote_model_find_timestep. The levels of a schedule do not fall with t (SPEC.md), so the first that is noisy enough is the
// least: noise >= sigma * signal, in float32 as in a row.
#include "core/math.h"
#include "diffusion/rows.h"
#include "handles.h"

namespace mote {
namespace {

Status find_timestep(const format::View& view, float sigma, int32_t* timestep) {
  if (view.folded() || view.alpha_bar.empty()) return MOTE_E_STEPS;
  for (uint32_t t = 0; t < view.alpha_bar.count; ++t) {
    const NoiseLevel level = noise_level_from_table(view.alpha_bar[t]);
    if (sqrt_f32(level.one_minus_alpha_bar) < sqrt_f32(level.alpha_bar) * sigma) continue;
    *timestep = static_cast<int32_t>(t);
    return MOTE_OK;
  }
  return MOTE_E_ARGUMENT;
}

}  // namespace
}  // namespace mote

extern "C" mote_status mote_model_find_timestep(const mote_model* model, float sigma, int32_t* timestep) {
  const mote::Model* opened = mote::open_model(model);
  if (opened == nullptr || timestep == nullptr || !(sigma >= 0.0f) || !mote::is_finite_f32(sigma)) {
    return MOTE_E_ARGUMENT;
  }
  return mote::find_timestep(opened->view, sigma, timestep);
}
