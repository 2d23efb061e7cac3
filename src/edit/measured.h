// What the two kinds of measurement share. A row that states its level makes p, the predicted x0, from x and the
// network's output m. A correction replaces p by p' and goes on as if the network had said so:
//     p  = clip((a * x) + (b * m))              as without a measurement (diffusion/rows.h)
//     p' = p + (weight * r)                     r: element of A^+ (y - A p), 0 where nothing was measured
//     m* = (p' - (a * x)) / b
// in float32, each operation rounded once, for every element. The row is then taken with m* in place of m, and without
// its clip, so that p' stays; where C is not 0 the noise epsilon is that which belongs to p'. Rows that state no level,
// or whose b is 0, are taken as they are.
#pragma once
#include "diffusion/sampler.h"

namespace mote {

// p of one element.
inline float predicted_x0(const SamplerRow& row, float x, float m) {
  const float p = (row.a * x) + (row.b * m);
  return p < row.clip_lo ? row.clip_lo : (p > row.clip_hi ? row.clip_hi : p);
}

// m*.
inline float output_for(const SamplerRow& row, float x, float p) { return (p - (row.a * x)) / row.b; }

// Whether a row can be corrected.
inline bool corrects(const SamplerRow& row) { return (row.signal != 0.0f || row.noise != 0.0f) && row.b != 0.0f; }

// MOTE_OK: `measurement` may be set. MOTE_E_STATE, MOTE_E_NOT_FINITE, MOTE_E_UNSUPPORTED, MOTE_E_ARGUMENT (the weight).
Status set_measurement(Sampler* sampler, const Measurement& measurement, size_t y_count);

}  // namespace mote
