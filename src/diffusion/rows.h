// The sampler: one step is one row of a table, and this file says what a row means and how rows are made on the device.
// Not here: the network, the loop over steps (api), and the double tables of the host (weights_tool/diffusion).
//
// One step, normative. x is x_t, m the network's output, z Gaussian noise (diffusion/noise.h: stream noise_step, step =
// index of the row), history_k the p of k + 1 steps before. All float32, each operation rounded once, in this order:
//     m' = (a * x) + (b * m)                      the predicted x0
//     p  = m' < clip_lo ? clip_lo : (m' > clip_hi ? clip_hi : m')
//     x' = (A * p) + (B * x)
//     x' = x' + (C * m)                           left out if C is 0
//     x' = x' + (H[k] * history_k)  k = 0, 1, 2   each left out if H[k] is 0 or the model keeps no history_k
//     x' = x' + (D * z)                           left out if D is 0: then no noise is drawn
// then the history moves up by one place and p becomes history_0.
//
// Noise levels. alpha_bar_t is the share of the picture's variance left in x_t = sqrt(alpha_bar_t) x0 +
// sqrt(1 - alpha_bar_t) epsilon (Ho et al. 2020, arXiv 2006.11239, eq. 4); "previous" is the next level visited, which
// is less noisy; after the last step it is the picture itself, alpha_bar = 1.
#pragma once
#include <mote/mote.h>

#include <cstdint>

#include "core/status.h"
#include "format/format.h"

namespace mote {

using SamplerRow = format::RowRecord;  // rows stored in a model are used where they lie
using Prediction = format::Prediction;

// What the network is told at a row: a level of training, or a place between two.
inline float row_timestep(const SamplerRow& row) { return static_cast<float>(row.timestep) + row.fraction; }

// ---- noise levels -----------------------------------------------------------------------------------------------

// Both numbers are kept because 1 - alpha_bar computed from a float near 1 has few digits left.
struct NoiseLevel {
  float alpha_bar;            // [0, 1]
  float one_minus_alpha_bar;  // [0, 1]
};
constexpr NoiseLevel clean_level{1.0f, 0.0f};

// The level of one entry of a schedule table (float32): alpha_bar if not negative. A negative entry is
// -(1 - alpha_bar), which keeps the digits of 1 - alpha_bar for levels near 1 (weights_tool/diffusion/schedules.h
// writes either). The subtraction is rounded once.
inline NoiseLevel noise_level_from_table(float entry) {
  return entry >= 0.0f ? NoiseLevel{entry, 1.0f - entry} : NoiseLevel{1.0f + entry, -entry};
}

// ---- which levels to visit --------------------------------------------------------------------------------------
// Timesteps number the levels of training, 0 (least noise) to train_steps - 1. 1 <= steps <= train_steps.

// mote's default, "trailing": t_i = round(train_steps * (steps - i) / steps) - 1, ties to even, i = 0 .. steps - 1. It
// starts at the last level, where training ended and x_T is drawn; spacings that start below it feed the network pure
// noise labelled as something milder, and pictures come out of medium brightness (Lin et al. 2024, arXiv 2305.08891).
int32_t trailing_timestep(uint32_t train_steps, uint32_t steps, uint32_t index);

// "leading", the default of diffusers: t_i = (steps - 1 - i) * floor(train_steps / steps) + offset, at most
// train_steps - 1.
int32_t leading_timestep(uint32_t train_steps, uint32_t steps, uint32_t index, uint32_t offset);

// ---- making rows ------------------------------------------------------------------------------------------------

enum class SamplerKind : uint8_t {
  ddim = MOTE_METHOD_DDIM,              // Song et al. 2021, arXiv 2010.02502, eq. 12 and 16
  ddpm = MOTE_METHOD_DDPM,              // Ho et al. 2020, eq. 7: posterior mean, variance beta-tilde
  ddpm_large = MOTE_METHOD_DDPM_LARGE,  // the same with variance beta
};

struct RowOptions {
  Prediction prediction = Prediction::epsilon;
  SamplerKind kind = SamplerKind::ddim;
  float eta = 0.0f;  // DDIM only: sigma = eta * the sigma of `ddpm`
  // DDIM only. false: epsilon as the network's output says (diffusers' default). true: epsilon computed again from the
  // clipped x0 (diffusers' use_clipped_model_output); C is 0 then.
  bool rederive_epsilon = false;
  float clip_lo = -1.0f, clip_hi = 1.0f;  // -FLT_MAX, FLT_MAX: no clipping
};

// The row for a step from `level` at `timestep` to `previous`, from + - * / and square roots in float32. Over a subset
// of the levels, DDPM takes beta = 1 - alpha_bar / alpha_bar_previous, the variance added between the two. A step to
// clean_level adds no noise (Ho et al. 2020, algorithm 2, line 3).
// MOTE_E_ARGUMENT: a level out of [0, 1], no noise in `level`, more noise in `previous` than in `level`, epsilon
// prediction at alpha_bar = 0 (x0 cannot be found from it), eta negative or too large for these levels, clip_lo >
// clip_hi.
Status make_row(const RowOptions& options, int32_t timestep, NoiseLevel level, NoiseLevel previous, SamplerRow* row);

// The row of step `index` of the falling list `timesteps` over a schedule table (noise_level_from_table) of train_steps
// entries: make_row between table[timesteps[index]] and the next one or, at the end, clean_level.
// MOTE_E_ARGUMENT also if a timestep is outside the table.
Status make_row_of_schedule(const RowOptions& options, const float* table, uint32_t train_steps,
                            const int32_t* timesteps, uint32_t steps, uint32_t index, SamplerRow* row);

// ---- taking a step ----------------------------------------------------------------------------------------------

// The noise of a step: numbers of the caller, aligned with x, or null for the numbers of these coordinates.
struct StepNoise {
  const float* given;
  uint64_t seed;
  uint32_t step, sample;
};

// Does one step on elements [first, first + count) of a picture, in place. x, m and the planes of `history` point at
// element `first`. history: history_count planes (<= format::max_history), plane k at history + k * history_stride;
// zeroed by the caller before the first step; null if history_count is 0. Slices may be done in any order; the bytes do
// not depend on them. Whole blocks of four elements (first and count multiples of 4) are fastest.
void sampler_update(const SamplerRow& row, float* x, const float* m, float* history, uint32_t history_count,
                    size_t history_stride, uint32_t first, uint32_t count, const StepNoise& noise);

}  // namespace mote
