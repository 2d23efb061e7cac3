// mote_sampler_set_measured_averages: A takes means of blocks, and A^+ gives each element of a block the value of its
// block. The element of A^+ (y - A p) (measured.h) is, for each block and channel,
//     y - (sum * (1 / n))       sum: of p from 0 on, row by row; n = block_height * block_width
// each operation rounded once.
#include <cfloat>

#include "diffusion/given.h"
#include "edit/measured.h"
#include "handles.h"

namespace mote {
namespace {

// One channel of one block, whose first element is `first`.
void correct_block(const Sampler& sampler, const SamplerRow& row, float* m, uint32_t first, float y) {
  const Measurement& measured = sampler.measurement;
  const format::ModelRecord& model = *sampler.model().view.model;
  const float* x = sampler.x();
  const auto element = [&](uint32_t by, uint32_t bx) { return first + (by * model.width + bx) * model.channels; };
  float sum = 0.0f;
  for (uint32_t by = 0; by < measured.block_height; ++by) {
    for (uint32_t bx = 0; bx < measured.block_width; ++bx) {
      const uint32_t e = element(by, bx);
      sum = sum + predicted_x0(row, x[e], m[e]);
    }
  }
  const float inverse = 1.0f / static_cast<float>(measured.block_height * measured.block_width);
  const float change = measured.weight * (without_tiny(y) - (sum * inverse));
  for (uint32_t by = 0; by < measured.block_height; ++by) {
    for (uint32_t bx = 0; bx < measured.block_width; ++bx) {
      const uint32_t e = element(by, bx);
      m[e] = output_for(row, x[e], predicted_x0(row, x[e], m[e]) + change);
    }
  }
}

void correct_averages(const Sampler& sampler, SamplerRow* row, float* m) {
  if (!corrects(*row)) return;
  const Measurement& measured = sampler.measurement;
  const format::ModelRecord& model = *sampler.model().view.model;
  const float* y = measured.y;
  for (uint32_t top = 0; top < model.height; top += measured.block_height) {
    for (uint32_t left = 0; left < model.width; left += measured.block_width) {
      for (uint32_t c = 0; c < model.channels; ++c) {
        correct_block(sampler, *row, m, (top * model.width + left) * model.channels + c, *y++);
      }
    }
  }
  row->clip_lo = -FLT_MAX;
  row->clip_hi = FLT_MAX;
}

}  // namespace
}  // namespace mote

extern "C" mote_status mote_sampler_set_measured_averages(mote_sampler* handle, const float* y, size_t count,
                                                          uint32_t block_height, uint32_t block_width, float weight) {
  mote::Sampler* sampler = mote::behind(handle);
  if (sampler == nullptr) return MOTE_E_ARGUMENT;
  if (sampler->in_step()) return MOTE_E_STATE;
  mote::Measurement measurement;
  if (y == nullptr && count == 0) {
    sampler->measurement = measurement;
    return MOTE_OK;
  }
  const mote::format::ModelRecord& model = *sampler->model().view.model;
  if (y == nullptr || block_height == 0 || block_width == 0 || model.height % block_height != 0 ||
      model.width % block_width != 0 ||
      count != size_t{model.height / block_height} * (model.width / block_width) * model.channels) {
    return MOTE_E_ARGUMENT;
  }
  measurement.correct = mote::correct_averages;
  measurement.y = y;
  measurement.block_height = static_cast<uint16_t>(block_height);
  measurement.block_width = static_cast<uint16_t>(block_width);
  measurement.weight = weight;
  return mote::set_measurement(sampler, measurement, count);
}
