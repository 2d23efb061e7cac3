#include "edit/measured.h"

#include <cfloat>

#include "core/math.h"

namespace mote {

Status set_measurement(Sampler* sampler, const Measurement& measurement, size_t y_count) {
  if (!(measurement.weight > 0.0f && measurement.weight <= 1.0f)) return MOTE_E_ARGUMENT;
  for (size_t i = 0; i < y_count; ++i) {
    if ((measurement.mask == nullptr || measurement.mask[i] != 0) && !is_finite_f32(measurement.y[i])) {
      return MOTE_E_NOT_FINITE;
    }
  }
  bool any = false;
  for (uint32_t row = 0; row < sampler->steps(); ++row) any = any || corrects(sampler->rows()[row]);
  if (!any) return MOTE_E_UNSUPPORTED;
  sampler->measurement = measurement;
  return MOTE_OK;
}

}  // namespace mote
