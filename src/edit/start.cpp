// Where a trajectory begins other than at x_T: a clean picture (mote_sampler_start_image) or a noisy one
// (mote_sampler_start_noisy), lifted to the level of a row with
//     x = (s * given) + (n * z)        z: the noise of x_T (stream noise_initial, step 0)
// each operation rounded once; s is the row's signal. For a clean picture n is the row's noise; for one that has noise of
// deviation sigma, what is missing of it: n = sqrt((noise - s sigma) * (noise + s sigma)).
#include "core/math.h"
#include "diffusion/given.h"
#include "diffusion/noise.h"
#include "handles.h"

namespace mote {
namespace {

bool states_level(const SamplerRow& row) { return row.signal != 0.0f || row.noise != 0.0f; }

// x_t before row `row` from a picture of finite values.
Status begin(Sampler* sampler, uint32_t row, const float* given, float noise) {
  const uint32_t count = sampler->picture_elements();
  MOTE_TRY(check_finite(given, count));
  const float signal = sampler->rows()[row].signal;
  float* x = sampler->start_at(row);
  for (uint32_t e = 0; e < count; e += 4) {
    float z[4];
    gaussian_block(z, e / 4, sampler->seed(), 0, sampler->sample_index(), noise_initial);
    const uint32_t here = count - e < 4 ? count - e : 4;
    for (uint32_t i = 0; i < here; ++i) x[e + i] = (signal * without_tiny(given[e + i])) + (noise * z[i]);
  }
  return MOTE_OK;
}

Status start_image(Sampler* sampler, const float* x0, float strength) {
  if (!(strength > 0.0f && strength <= 1.0f)) return MOTE_E_ARGUMENT;
  const uint32_t steps = sampler->steps();
  const auto wanted = static_cast<uint32_t>(round_to_i32(strength * static_cast<float>(steps)));
  const uint32_t row = steps - (wanted > 1 ? wanted : 1);
  const SamplerRow& first = sampler->rows()[row];
  return states_level(first) ? begin(sampler, row, x0, first.noise) : MOTE_E_UNSUPPORTED;
}

Status start_noisy(Sampler* sampler, const float* noisy, float sigma) {
  if (!(sigma >= 0.0f) || !is_finite_f32(sigma)) return MOTE_E_ARGUMENT;
  bool stated = false;
  for (uint32_t row = sampler->steps(); row-- > 0;) {
    const SamplerRow& first = sampler->rows()[row];
    if (!states_level(first)) continue;
    stated = true;
    const float already = first.signal * sigma;
    if (first.noise < already) continue;
    return begin(sampler, row, noisy, sqrt_f32((first.noise - already) * (first.noise + already)));
  }
  return stated ? MOTE_E_ARGUMENT : MOTE_E_UNSUPPORTED;
}

// The handle, if it can take a picture of `count` elements.
Sampler* taker(mote_sampler* handle, const float* picture, size_t count) {
  Sampler* sampler = behind(handle);
  return sampler == nullptr || picture == nullptr || count != sampler->picture_elements() ? nullptr : sampler;
}

}  // namespace
}  // namespace mote

extern "C" {

mote_status mote_sampler_start_image(mote_sampler* sampler, const float* x0, size_t count, float strength) {
  mote::Sampler* taker = mote::taker(sampler, x0, count);
  return taker == nullptr ? MOTE_E_ARGUMENT : mote::start_image(taker, x0, strength);
}

mote_status mote_sampler_start_noisy(mote_sampler* sampler, const float* noisy, size_t count, float sigma) {
  mote::Sampler* taker = mote::taker(sampler, noisy, count);
  return taker == nullptr ? MOTE_E_ARGUMENT : mote::start_noisy(taker, noisy, sigma);
}

}  // extern "C"
