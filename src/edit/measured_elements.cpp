// mote_sampler_set_measured_elements: A takes single elements, so A^+ (y - A p) is y - p there (measured.h).
#include <cfloat>

#include "diffusion/given.h"
#include "edit/measured.h"
#include "handles.h"

namespace mote {
namespace {

void correct_elements(const Sampler& sampler, SamplerRow* row, float* m) {
  if (!corrects(*row)) return;
  const Measurement& measured = sampler.measurement;
  const float* x = sampler.x();
  for (uint32_t e = 0; e < sampler.picture_elements(); ++e) {
    float p = predicted_x0(*row, x[e], m[e]);
    if (measured.mask[e] != 0) p = p + (measured.weight * (without_tiny(measured.y[e]) - p));
    m[e] = output_for(*row, x[e], p);
  }
  row->clip_lo = -FLT_MAX;
  row->clip_hi = FLT_MAX;
}

}  // namespace
}  // namespace mote

extern "C" mote_status mote_sampler_set_measured_elements(mote_sampler* handle, const float* y, const uint8_t* mask,
                                                          size_t count, float weight) {
  mote::Sampler* sampler = mote::behind(handle);
  if (sampler == nullptr) return MOTE_E_ARGUMENT;
  if (sampler->in_step()) return MOTE_E_STATE;
  mote::Measurement measurement;
  if (y == nullptr && mask == nullptr && count == 0) {
    sampler->measurement = measurement;
    return MOTE_OK;
  }
  if (y == nullptr || mask == nullptr || count != sampler->picture_elements()) return MOTE_E_ARGUMENT;
  measurement.correct = mote::correct_elements;
  measurement.y = y;
  measurement.mask = mask;
  measurement.weight = weight;
  return mote::set_measurement(sampler, measurement, count);
}
