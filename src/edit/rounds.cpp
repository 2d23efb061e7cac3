// mote_sampler_set_rounds: steps taken more than once. After a round of row i that is not its last, x goes back from the
// level of row i + 1 (signal s', noise n') to that of row i (s, n) by the forward process:
//     q = s / s',  d = q * n'
//     x' = (q * x) + (sqrt((n - d) * (n + d)) * z)          z: stream noise_back, step = i, of the round that ended
// each operation rounded once.
#include "core/math.h"
#include "diffusion/noise.h"
#include "handles.h"

namespace mote {
namespace {

void go_back(const Sampler& sampler, uint32_t row, float* x) {
  const SamplerRow &to = sampler.rows()[row], &from = sampler.rows()[row + 1];
  const float q = to.signal / from.signal, d = q * from.noise;
  const float added = sqrt_f32((to.noise - d) * (to.noise + d));
  const uint32_t count = sampler.picture_elements();
  for (uint32_t e = 0; e < count; e += 4) {
    float z[4];
    gaussian_block(z, e / 4, sampler.seed(), sampler.noise_row(row), sampler.sample_index(), noise_back);
    const uint32_t here = count - e < 4 ? count - e : 4;
    for (uint32_t i = 0; i < here; ++i) x[e + i] = (q * x[e + i]) + (added * z[i]);
  }
}

// The noise falls from each row to the next, and all of them state their level.
bool can_go_back(const Sampler& sampler) {
  for (uint32_t row = 0; row < sampler.steps(); ++row) {
    const SamplerRow& r = sampler.rows()[row];
    if (r.signal == 0.0f && r.noise == 0.0f) return false;
    if (row == 0) continue;
    const SamplerRow& before = sampler.rows()[row - 1];
    if (!(r.signal > 0.0f) || !(before.noise * r.signal >= before.signal * r.noise)) return false;
    const float d = before.signal / r.signal * r.noise;
    if (!(before.noise >= d)) return false;
  }
  return true;
}

}  // namespace
}  // namespace mote

extern "C" mote_status mote_sampler_set_rounds(mote_sampler* handle, uint32_t rounds) {
  mote::Sampler* sampler = mote::behind(handle);
  if (sampler == nullptr || rounds > mote::max_rounds) return MOTE_E_ARGUMENT;
  if (sampler->in_step()) return MOTE_E_STATE;
  sampler->back = nullptr;
  sampler->rounds = 1;
  if (rounds <= 1) return MOTE_OK;
  if (sampler->history_count() != 0 || !mote::can_go_back(*sampler)) return MOTE_E_UNSUPPORTED;
  sampler->back = mote::go_back;
  sampler->rounds = static_cast<uint8_t>(rounds);
  return MOTE_OK;
}
