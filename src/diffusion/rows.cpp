// Rows of the sampler's table and the step they describe; the formulas are in rows.h and beside the code.
#include "diffusion/rows.h"

#include "core/math.h"
#include "diffusion/noise.h"

namespace mote {

// ---- which levels to visit --------------------------------------------------------------------------------------

int32_t trailing_timestep(uint32_t train_steps, uint32_t steps, uint32_t index) {
  static_assert(uint64_t{format::max_train_steps} * format::max_train_steps <= UINT32_MAX);
  const uint32_t product = train_steps * (steps - index);
  const uint32_t quotient = product / steps, twice_rest = 2 * (product % steps);
  const bool up = twice_rest > steps || (twice_rest == steps && (quotient & 1) != 0);
  return static_cast<int32_t>(quotient + (up ? 1 : 0)) - 1;
}

int32_t leading_timestep(uint32_t train_steps, uint32_t steps, uint32_t index, uint32_t offset) {
  const uint64_t t = static_cast<uint64_t>(steps - 1 - index) * (train_steps / steps) + offset;
  return static_cast<int32_t>(t < train_steps ? t : train_steps - 1);
}

// ---- making rows ------------------------------------------------------------------------------------------------

namespace {

bool in_unit_range(float x) { return x >= 0.0f && x <= 1.0f; }

// alpha_bar_previous - alpha_bar, from whichever of the two forms holds more digits.
float alpha_bar_gap(const NoiseLevel& level, const NoiseLevel& previous) {
  return previous.alpha_bar > 0.5f ? level.one_minus_alpha_bar - previous.one_minus_alpha_bar
                                   : previous.alpha_bar - level.alpha_bar;
}

bool valid(const RowOptions& options, const NoiseLevel& level, const NoiseLevel& previous) {
  const bool known_prediction = options.prediction == Prediction::epsilon || options.prediction == Prediction::x0 ||
                                options.prediction == Prediction::v;
  const bool known_kind =
      options.kind == SamplerKind::ddim || options.kind == SamplerKind::ddpm || options.kind == SamplerKind::ddpm_large;
  // Written so that NaN fails each of them.
  return known_prediction && known_kind && in_unit_range(level.alpha_bar) && in_unit_range(previous.alpha_bar) &&
         in_unit_range(level.one_minus_alpha_bar) && in_unit_range(previous.one_minus_alpha_bar) &&
         level.alpha_bar <= previous.alpha_bar && level.one_minus_alpha_bar >= previous.one_minus_alpha_bar &&
         alpha_bar_gap(level, previous) >= 0.0f && level.one_minus_alpha_bar > 0.0f &&
         (level.alpha_bar > 0.0f || options.prediction != Prediction::epsilon) && options.eta >= 0.0f &&
         is_finite_f32(options.eta) && options.clip_lo <= options.clip_hi;
}

// x0 from x and m (weights_tool/diffusion/parameterisation.h has the same in double).
void set_prediction(Prediction prediction, float signal, float noise, SamplerRow* row) {
  switch (prediction) {
    case Prediction::epsilon:  // (x - noise * m) / signal
      row->a = 1.0f / signal;
      row->b = -(noise / signal);
      break;
    case Prediction::x0:
      row->a = 0.0f;
      row->b = 1.0f;
      break;
    case Prediction::v:  // Salimans & Ho 2022, appendix D
      row->a = signal;
      row->b = -noise;
      break;
  }
}

// Ho et al. 2020, eq. 7 with beta between the two levels:
// x' = sqrt(alpha_bar') beta / (1 - alpha_bar) x0 + sqrt(alpha) (1 - alpha_bar') / (1 - alpha_bar) x + sigma z.
void set_ddpm(SamplerKind kind, const NoiseLevel& level, const NoiseLevel& previous, SamplerRow* row) {
  const float beta = alpha_bar_gap(level, previous) / previous.alpha_bar;
  const float kept = previous.one_minus_alpha_bar / level.one_minus_alpha_bar;
  row->A = sqrt_f32(previous.alpha_bar) * (beta / level.one_minus_alpha_bar);
  row->B = sqrt_f32(level.alpha_bar / previous.alpha_bar) * kept;
  row->C = 0.0f;
  row->D = sqrt_f32(kind == SamplerKind::ddpm_large ? beta : beta * kept);
  if (previous.one_minus_alpha_bar == 0.0f) row->D = 0.0f;
}

// Song et al. 2021, eq. 12 and 16: x' = sqrt(alpha_bar') x0 + sqrt(1 - alpha_bar' - sigma^2) epsilon + sigma z with
// sigma^2 = eta^2 (1 - alpha_bar') / (1 - alpha_bar) beta. The sums below are these, rearranged so that for eta <= 1
// nothing cancels: 1 - alpha_bar' - sigma^2
//   = (1 - alpha_bar') ((1 - eta^2) beta + alpha (1 - alpha_bar')) / (1 - alpha_bar),  alpha = 1 - beta.
bool set_ddim(const RowOptions& options, const NoiseLevel& level, const NoiseLevel& previous, SamplerRow* row) {
  const float signal = sqrt_f32(level.alpha_bar), noise = sqrt_f32(level.one_minus_alpha_bar);
  const float gap = alpha_bar_gap(level, previous);
  const float beta = gap / previous.alpha_bar, alpha = level.alpha_bar / previous.alpha_bar;
  const float kept = previous.one_minus_alpha_bar / level.one_minus_alpha_bar;
  const float eta2 = options.eta * options.eta;
  const float variance = eta2 * (kept * beta);
  const float direction2 = kept * ((1.0f - eta2) * beta + alpha * previous.one_minus_alpha_bar);
  if (!(direction2 >= 0.0f) || !is_finite_f32(direction2)) return false;
  const float direction = sqrt_f32(direction2);
  row->D = sqrt_f32(variance);
  row->C = 0.0f;
  if (options.rederive_epsilon) {
    // epsilon = (x - signal p) / noise; A = sqrt(alpha_bar') - q, q = signal direction / noise, is the quotient of
    // alpha_bar' - q^2 = (gap + alpha_bar sigma^2) / (1 - alpha_bar) and sqrt(alpha_bar') + q.
    row->B = direction / noise;
    row->A = (gap + level.alpha_bar * variance) /
             (level.one_minus_alpha_bar * (sqrt_f32(previous.alpha_bar) + signal * row->B));
    return true;
  }
  row->A = sqrt_f32(previous.alpha_bar);
  switch (options.prediction) {
    case Prediction::epsilon:
      row->B = 0.0f;
      row->C = direction;
      break;
    case Prediction::x0:  // epsilon = (x - signal m) / noise
      row->B = direction / noise;
      row->C = -(signal * row->B);
      break;
    case Prediction::v:  // epsilon = signal m + noise x
      row->B = direction * noise;
      row->C = direction * signal;
      break;
  }
  return true;
}

}  // namespace

Status make_row(const RowOptions& options, int32_t timestep, NoiseLevel level, NoiseLevel previous, SamplerRow* row) {
  if (!valid(options, level, previous)) return MOTE_E_ARGUMENT;
  SamplerRow made{};
  made.timestep = timestep;
  made.clip_lo = options.clip_lo;
  made.clip_hi = options.clip_hi;
  made.signal = sqrt_f32(level.alpha_bar);
  made.noise = sqrt_f32(level.one_minus_alpha_bar);
  set_prediction(options.prediction, made.signal, made.noise, &made);
  if (options.kind != SamplerKind::ddim) {
    set_ddpm(options.kind, level, previous, &made);
  } else if (!set_ddim(options, level, previous, &made)) {
    return MOTE_E_ARGUMENT;
  }
  *row = made;
  return MOTE_OK;
}

Status make_row_of_schedule(const RowOptions& options, const float* table, uint32_t train_steps,
                            const int32_t* timesteps, uint32_t steps, uint32_t index, SamplerRow* row) {
  if (index >= steps) return MOTE_E_ARGUMENT;
  const int32_t at = timesteps[index];
  if (at < 0 || static_cast<uint32_t>(at) >= train_steps) return MOTE_E_ARGUMENT;
  NoiseLevel previous = clean_level;
  if (index + 1 < steps) {
    const int32_t next = timesteps[index + 1];
    if (next < 0 || next >= at) return MOTE_E_ARGUMENT;
    previous = noise_level_from_table(table[next]);
  }
  return make_row(options, at, noise_level_from_table(table[at]), previous, row);
}

// ---- taking a step ----------------------------------------------------------------------------------------------

namespace {

float clip(float value, float low, float high) { return value < low ? low : (value > high ? high : value); }

// One element; z is not looked at if D is 0. history points at this element of plane 0.
inline float update_element(const SamplerRow& row, float x, float m, float* history, uint32_t history_count,
                            size_t history_stride, float z) {
  const float p = clip((row.a * x) + (row.b * m), row.clip_lo, row.clip_hi);
  float next = (row.A * p) + (row.B * x);
  if (row.C != 0.0f) next = next + (row.C * m);
  for (uint32_t k = 0; k < history_count; ++k) {
    if (row.H[k] != 0.0f) next = next + (row.H[k] * history[k * history_stride]);
  }
  if (row.D != 0.0f) next = next + (row.D * z);
  for (uint32_t k = history_count; k > 1; --k) history[(k - 1) * history_stride] = history[(k - 2) * history_stride];
  if (history_count > 0) history[0] = p;
  return next;
}

}  // namespace

void sampler_update(const SamplerRow& row, float* x, const float* m, float* history, uint32_t history_count,
                    size_t history_stride, uint32_t first, uint32_t count, const StepNoise& noise) {
  if (history_count > format::max_history) history_count = format::max_history;
  const bool draw = row.D != 0.0f && noise.given == nullptr;
  uint32_t done = 0;
  while (done < count) {
    // Up to the end of the noise block that element first + done belongs to.
    const uint32_t skip = (first + done) % 4;
    const uint32_t take = count - done < 4 - skip ? count - done : 4 - skip;
    float block[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    if (draw) gaussian_block(block, (first + done) / 4, noise.seed, noise.step, noise.sample, noise_step);
    const float* z = noise.given != nullptr ? noise.given + done : block + skip;
    for (uint32_t i = 0; i < take; ++i) {
      const uint32_t e = done + i;
      x[e] = update_element(row, x[e], m[e], history == nullptr ? nullptr : history + e, history_count, history_stride,
                            z[i]);
    }
    done += take;
  }
}

}  // namespace mote
