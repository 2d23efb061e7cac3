// mote_sampler_set_known: the part of a picture that is known. After each step, with the signal and noise of the row to
// come (1 and 0 after the last; a row that states no level is left out), for elements whose mask is not 0:
//     k = (signal * known) + (noise * z)          z: stream noise_known, step = index of the row to come
//     x' = k where mask is 255, else x + ((mask * (1 / 255)) * (k - x))
// in float32, each operation rounded once; after the last step k is `known` itself.
#include "core/math.h"
#include "diffusion/given.h"
#include "diffusion/noise.h"
#include "handles.h"

namespace mote {
namespace {

void put_known(const Sampler& sampler, float* x) {
  const KnownPart& part = sampler.known;
  const uint32_t step = sampler.steps_done(), count = sampler.picture_elements();
  const bool last = step == sampler.steps();
  const float signal = last ? 1.0f : sampler.rows()[step].signal, noise = last ? 0.0f : sampler.rows()[step].noise;
  if (signal == 0.0f && noise == 0.0f) return;
  float z[4];
  uint32_t drawn = UINT32_MAX;  // the block in z
  for (uint32_t e = 0; e < count; ++e) {
    if (part.mask[e] == 0) continue;
    float k = part.x0[e];
    if (!last) {
      if (drawn != e / 4)
        gaussian_block(z, drawn = e / 4, sampler.seed(), sampler.noise_row(step), sampler.sample_index(), noise_known);
      k = (signal * without_tiny(k)) + (noise * z[e % 4]);
    }
    const float share = static_cast<float>(part.mask[e]) * (1.0f / 255.0f);
    x[e] = part.mask[e] == 255 ? k : x[e] + (share * (k - x[e]));
  }
}

bool all_known_finite(const float* known, const uint8_t* mask, size_t count) {
  for (size_t e = 0; e < count; ++e) {
    if (mask[e] != 0 && !is_finite_f32(known[e])) return false;
  }
  return true;
}

bool states_level(const Sampler& sampler) {
  for (uint32_t row = 0; row < sampler.steps(); ++row) {
    if (sampler.rows()[row].signal != 0.0f || sampler.rows()[row].noise != 0.0f) return true;
  }
  return false;
}

}  // namespace
}  // namespace mote

extern "C" mote_status mote_sampler_set_known(mote_sampler* handle, const float* known, const uint8_t* mask,
                                              size_t count) {
  mote::Sampler* sampler = mote::behind(handle);
  if (sampler == nullptr) return MOTE_E_ARGUMENT;
  if (sampler->in_step()) return MOTE_E_STATE;
  if (known == nullptr && mask == nullptr && count == 0) {
    sampler->known = mote::KnownPart();
    return MOTE_OK;
  }
  if (known == nullptr || mask == nullptr || count != sampler->picture_elements()) return MOTE_E_ARGUMENT;
  if (!mote::all_known_finite(known, mask, count)) return MOTE_E_NOT_FINITE;
  if (!mote::states_level(*sampler)) return MOTE_E_UNSUPPORTED;
  sampler->known = {mote::put_known, known, mask};
  return MOTE_OK;
}
