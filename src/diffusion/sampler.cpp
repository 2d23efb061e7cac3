#include "diffusion/sampler.h"

#include <cstring>
#include <new>  // placement only

#include "core/crc32.h"
#include "core/math.h"
#include "diffusion/given.h"
#include "diffusion/noise.h"

namespace mote {
namespace {

// Fields of SPEC.md, "Saved state". x_t and the history planes, newest first, follow as floats.
struct SavedHeader {
  uint32_t magic;
  uint16_t version;
  uint16_t header_bytes;
  uint32_t total_bytes;
  uint32_t crc32;  // of everything behind this field
  uint32_t model_crc32, model_bytes;
  uint32_t steps, rows_crc32;
  uint64_t seed;
  uint32_t sample_index;
  int32_t class_label;  // MOTE_NO_CLASS if the model has no classes
  uint32_t step;        // steps finished
  uint8_t history_count;
  uint8_t constraints;  // bits: saved_known, saved_measured; from bit 2 on: rounds of the step finished
  uint16_t first_step;  // where the trajectory began
  uint32_t elements;
  float guidance;  // 0: none
};
static_assert(format::max_train_steps <= UINT16_MAX);
constexpr uint8_t saved_known = 1, saved_measured = 2, saved_round = 4;
static_assert(max_rounds * saved_round + saved_known + saved_measured <= UINT8_MAX);
static_assert(format::max_train_steps < 1 << 16);  // noise_row

static_assert(sizeof(SavedHeader) == 64 && offsetof(SavedHeader, model_crc32) == 16);
constexpr uint32_t saved_magic = format::fourcc('M', 'O', 'T', 'S');
constexpr uint16_t saved_version = 1;
constexpr float max_guidance = 1024.0f;
constexpr size_t saved_unsummed = offsetof(SavedHeader, model_crc32);

// The same room for the handle wherever pointers have 4 or 8 bytes, so that a size computed on a desktop is exact on
// the device.
constexpr size_t sampler_object_bytes = 384;
static_assert(sizeof(Sampler) <= sampler_object_bytes);

// The pieces of a sampler's buffer.
struct Pieces {
  void* sampler;
  float *x, *history;
  SamplerRow* rows;   // null: the model's own
  float* with_class;  // null: no guidance
  uint8_t *arena, *worker_scratch, *packed_scratch;
};

uint32_t history_planes(const Model& model, const SamplerPlan& plan) {
  return plan.stored_rows ? model.view.model->history : 0;
}

// Floats from one history plane to the next: whole multiples of 16 bytes.
uint32_t plane_stride(const Model& model) { return (model.view.picture_elements() + 3) & ~uint32_t{3}; }

// Room to move a piece that begins at a multiple of 16 to one of packed_alignment.
constexpr uint64_t packed_slack = packed_alignment - MOTE_ALIGNMENT;
uint8_t* align_packed(void* pointer) {
  auto* bytes = static_cast<uint8_t*>(pointer);
  return bytes + (-reinterpret_cast<uintptr_t>(bytes) & (packed_alignment - 1));
}

Pieces cut(Arena* arena, const Model& model, const SamplerPlan& plan) {
  Pieces pieces = {};
  const format::ModelRecord& record = *model.view.model;
  pieces.sampler = arena->take(sampler_object_bytes);
  pieces.x = arena->take_array<float>(model.view.picture_elements());
  pieces.history = arena->take_array<float>(uint64_t{history_planes(model, plan)} * plane_stride(model));
  pieces.rows = arena->take_array<SamplerRow>(plan.stored_rows ? 0 : plan.steps);
  pieces.with_class = arena->take_array<float>(plan.guidance != 0.0f ? model.view.picture_elements() : 0);
  pieces.arena = static_cast<uint8_t*>(arena->take(record.arena_bytes));
  pieces.worker_scratch = static_cast<uint8_t*>(arena->take(uint64_t{plan.workers - 1} * record.worker_scratch_bytes));
  uint64_t packed_scratch = 0;
  if (plan.config.packed != nullptr && plan.packed.worker_scratch != 0 &&
      (!checked_mul(plan.packed.worker_scratch, plan.workers, &packed_scratch) ||
       !checked_add(packed_scratch, packed_slack, &packed_scratch))) {
    packed_scratch = UINT64_MAX;
  }
  pieces.packed_scratch = static_cast<uint8_t*>(arena->take(packed_scratch));
  return pieces;
}

// The row of a class embedding: the class, or one past the last for "no class".
Status embedding_row(const format::ModelRecord& model, int32_t class_label, uint32_t* row) {
  *row = 0;
  if (model.num_classes == 0) return MOTE_OK;
  if (class_label == MOTE_NO_CLASS) {
    *row = model.num_classes;
    return MOTE_OK;
  }
  if (class_label < 0 || static_cast<uint32_t>(class_label) >= model.num_classes) return MOTE_E_CLASS;
  *row = static_cast<uint32_t>(class_label);
  return MOTE_OK;
}

// The predictions from before the trajectory began do not exist; this one stands in for them, which makes a method of
// several steps one of fewer: its weights are those of differences, which are 0 then.
void without_missing_history(SamplerRow* row, uint32_t known) {
  for (uint32_t k = known; k < format::max_history; ++k) {
    row->A = row->A + row->H[k];
    row->H[k] = 0.0f;
  }
}

}  // namespace

Status plan_sampler(const Model& model, const mote_config& config, SamplerPlan* plan) {
  const format::ModelRecord& record = *model.view.model;
  if (config.reserved != 0 || config.reserved2 != 0 || config.packed_ready > 1 ||
      config.method > MOTE_METHOD_DDPM_LARGE || config.steps > record.train_steps ||
      !(config.eta >= 0.0f && config.eta <= 1.0f) || (config.timesteps != nullptr && config.steps == 0)) {
    return MOTE_E_ARGUMENT;
  }
  if (config.reserved3 != 0 || !(abs_f32(config.guidance_scale) <= max_guidance)) return MOTE_E_ARGUMENT;
  plan->config = config;
  plan->guidance = config.guidance_scale == 1.0f ? 0.0f : config.guidance_scale;
  if (plan->guidance != 0.0f && record.num_classes == 0) return MOTE_E_CLASS;
  plan->steps = config.steps != 0 ? config.steps : record.default_steps;
  plan->workers = config.parallel_for == nullptr || config.workers == 0 ? 1 : config.workers;
  uint32_t row = 0;
  MOTE_TRY(embedding_row(record, config.class_label, &row));
  const bool own_steps = config.timesteps != nullptr || config.method != MOTE_METHOD_DEFAULT || config.eta != 0.0f ||
                         plan->steps != record.default_steps;
  plan->stored_rows = !own_steps && !model.view.rows.empty();
  if (!plan->stored_rows && (model.view.folded() || model.view.alpha_bar.empty())) return MOTE_E_STEPS;
  if (!find_kernel_set(config.kernels, &plan->kernels)) return MOTE_E_UNSUPPORTED;
  plan->packed = measure_packed(model, plan->kernels);
  return MOTE_OK;
}

Status sampler_bytes(const Model& model, const SamplerPlan& plan, size_t* bytes) {
  Arena measure(nullptr, 0);
  cut(&measure, model, plan);
  return checked_cast(measure.used(), bytes) ? MOTE_OK : MOTE_E_LIMIT;
}

Status sampler_packed_bytes(const SamplerPlan& plan, size_t* bytes) {
  const uint64_t needed = plan.packed.weights == 0 ? 0 : plan.packed.weights + packed_slack;
  return checked_cast(needed, bytes) ? MOTE_OK : MOTE_E_LIMIT;
}

Status Sampler::create(const Model& model, const SamplerPlan& plan, void* buffer, size_t size, Sampler** sampler) {
  const mote_config& config = plan.config;
  size_t needed = 0;
  MOTE_TRY(sampler_bytes(model, plan, &needed));
  if (size < needed) return MOTE_E_BUFFER_TOO_SMALL;
  uint8_t* packed = nullptr;
  if (config.packed != nullptr) {
    MOTE_TRY(sampler_packed_bytes(plan, &needed));
    if (config.packed_bytes < needed) return MOTE_E_BUFFER_TOO_SMALL;
    if (needed != 0) packed = align_packed(config.packed);
  }
  Arena arena(buffer, size);
  const Pieces pieces = cut(&arena, model, plan);

  Sampler& s = *new (pieces.sampler) Sampler();
  s.model_ = &model;
  s.kernels_ = plan.kernels;
  s.x_ = pieces.x;
  s.history_count_ = static_cast<uint8_t>(history_planes(model, plan));
  s.history_ = s.history_count_ == 0 ? nullptr : pieces.history;
  s.history_stride_ = plane_stride(model);
  s.steps_ = plan.steps;
  s.rows_ = plan.stored_rows ? model.view.rows.data : pieces.rows;
  if (!plan.stored_rows) MOTE_TRY(s.make_rows(config, pieces.rows));
  s.pass_work_ = measure_work(model).total;
  s.with_class_ = pieces.with_class;
  s.guidance_ = plan.guidance;

  RunContext context;
  context.model = &model.view;
  context.kernels = plan.kernels;
  context.arena = pieces.arena;
  context.input = pieces.x;
  context.worker_scratch = pieces.worker_scratch;
  if (packed != nullptr && plan.packed.worker_scratch != 0) {
    context.packed_scratch = align_packed(pieces.packed_scratch);
    context.packed_scratch_bytes = static_cast<size_t>(plan.packed.worker_scratch);
  }
  if (packed != nullptr && config.packed_ready == 0) pack_weights(model, plan.kernels, packed);
  s.runner_.set_up(&model, context, {config.parallel_for, config.parallel_context, plan.workers}, packed);
  MOTE_TRY(s.restart(config.seed, config.sample_index, config.class_label));
  *sampler = &s;
  return MOTE_OK;
}

Status Sampler::make_rows(const mote_config& config, SamplerRow* rows) const {
  const format::View& view = model_->view;
  const format::ModelRecord& record = *view.model;
  RowOptions options;
  options.prediction = static_cast<Prediction>(record.prediction);
  options.kind = config.method == MOTE_METHOD_DEFAULT ? SamplerKind::ddim : static_cast<SamplerKind>(config.method);
  options.eta = config.eta;
  options.rederive_epsilon = (record.flags & format::model_rederive_epsilon) != 0;
  options.clip_hi = (record.flags & format::model_clip) != 0 ? record.clip : FLT_MAX;
  options.clip_lo = -options.clip_hi;
  const auto timestep = [&](uint32_t i) {
    return config.timesteps != nullptr ? config.timesteps[i] : trailing_timestep(record.train_steps, steps_, i);
  };
  for (uint32_t i = 0; i < steps_; ++i) {
    const uint32_t levels = i + 1 < steps_ ? 2 : 1;  // this one and the next, if there is one
    const int32_t pair[2] = {timestep(i), levels == 2 ? timestep(i + 1) : 0};
    MOTE_TRY(make_row_of_schedule(options, view.alpha_bar.data, record.train_steps, pair, levels, 0, &rows[i]));
  }
  return MOTE_OK;
}

Status Sampler::restart(uint64_t seed, uint32_t sample_index, int32_t class_label) {
  uint32_t row = 0;
  MOTE_TRY(embedding_row(*model_->view.model, class_label, &row));
  seed_ = seed;
  sample_index_ = sample_index;
  class_label_ = model_->view.model->num_classes == 0 ? MOTE_NO_CLASS : class_label;
  class_row_ = row;
  fill_gaussian(start_at(0), 0, picture_elements(), seed_, 0, sample_index_, noise_initial);
  return MOTE_OK;
}

float* Sampler::start_at(uint32_t row) {
  step_ = row;
  first_step_ = row;
  round_ = 0;
  in_step_ = false;
  second_pass_ = false;
  if (history_count_ != 0) memset(history_, 0, size_t{history_count_} * history_stride_ * sizeof(float));
  return x_;
}

Status Sampler::set_x(const float* x) {
  if (in_step_) return MOTE_E_STATE;
  MOTE_TRY(check_finite(x, picture_elements()));
  for (uint32_t i = 0; i < picture_elements(); ++i) x_[i] = without_tiny(x[i]);
  return MOTE_OK;
}

// Goes on with the pass in progress. True when it is complete, false when the budget is used up before.
bool Sampler::run_network(uint64_t* budget) { return runner_.complete() || (runner_.run(budget) && *budget != 0); }

// Works on the step in progress, beginning one if there is none. True when it is finished, false when the budget is
// used up before. Only called while there are steps to do.
bool Sampler::advance(uint64_t* budget) {
  const float timestep = row_timestep(rows_[step_]);
  if (!in_step_) {
    runner_.begin(timestep, step_, class_row_);
    in_step_ = true;
    second_pass_ = false;
  }
  if (!run_network(budget)) return false;
  if (two_passes() && !second_pass_) {
    close_gaps(runner_.output());
    memcpy(with_class_, runner_.output(), picture_elements() * sizeof(float));
    runner_.begin(timestep, step_, model_->view.model->num_classes);
    second_pass_ = true;
    if (!run_network(budget)) return false;
  }
  take_step();
  *budget = *budget > picture_elements() ? *budget - picture_elements() : 0;
  return true;
}

Status Sampler::run(uint64_t budget) {
  while (step_ < steps_ && advance(&budget) && budget != 0) {
  }
  return step_ < steps_ ? MOTE_PENDING : MOTE_OK;
}

Status Sampler::step() {
  uint64_t unlimited = UINT64_MAX;
  if (step_ < steps_) advance(&unlimited);
  return step_ < steps_ ? MOTE_PENDING : MOTE_OK;
}

// Of an output with a learned variance, which rows do not use, leaves the first half, dense.
void Sampler::close_gaps(float* m) const {
  const uint32_t channels = model_->view.model->channels, out_channels = model_->view.model->out_channels;
  if (out_channels == channels) return;
  for (uint32_t e = 0; e < picture_elements(); ++e) m[e] = m[size_t{e / channels} * out_channels + e % channels];
}

void Sampler::take_step() {
  float* m = runner_.output();
  close_gaps(m);
  if (second_pass_) {
    for (uint32_t e = 0; e < picture_elements(); ++e) m[e] = m[e] + (guidance_ * (with_class_[e] - m[e]));
  }
  SamplerRow row = rows_[step_];
  if (first_step_ != 0) without_missing_history(&row, step_ - first_step_);
  if (measurement.correct != nullptr) measurement.correct(*this, &row, m);
  const StepNoise noise = {nullptr, seed_, noise_row(step_), sample_index_};
  sampler_update(row, x_, m, history_, history_count_, history_stride_, 0, picture_elements(), noise);
  ++step_;
  in_step_ = false;
  second_pass_ = false;
  if (known.put != nullptr) known.put(*this, x_);
  if (back == nullptr || step_ == steps_ || round_ + 1u >= rounds) {
    round_ = 0;
    return;
  }
  back(*this, --step_, x_);
  ++round_;
}

Status Sampler::predict(const float* x, float timestep, int32_t class_label, float* out) {
  if (in_step_) return MOTE_E_STATE;
  const format::View& view = model_->view;
  uint32_t row = 0, step = 0;
  MOTE_TRY(embedding_row(*view.model, class_label, &row));
  if (!(timestep >= 0.0f && timestep <= static_cast<float>(view.model->train_steps - 1))) return MOTE_E_ARGUMENT;
  if (view.folded()) {
    while (step < view.rows.count && row_timestep(view.rows[step]) != timestep) ++step;
    if (step == view.rows.count) return MOTE_E_STEPS;
  }
  const uint32_t count = picture_elements();
  MOTE_TRY(check_finite(x, count));
  // The network reads its input where x_t lies; x_t waits in `out`, which has room for it and may be x.
  for (uint32_t i = 0; i < count; ++i) {
    const float given = x[i];
    out[i] = x_[i];
    x_[i] = without_tiny(given);
  }
  runner_.begin(timestep, step, row);
  uint64_t unlimited = UINT64_MAX;
  runner_.run(&unlimited);
  memcpy(x_, out, count * sizeof(float));
  memcpy(out, runner_.output(), output_elements() * sizeof(float));
  return MOTE_OK;
}

uint64_t Sampler::work_done() const {
  return (rounds_before(step_) + round_) * step_work() + (second_pass_ ? pass_work_ : 0) +
         (in_step_ ? runner_.work_done() : 0);
}

uint8_t Sampler::constraints() const {
  return static_cast<uint8_t>((known.put != nullptr ? saved_known : 0) |
                              (measurement.correct != nullptr ? saved_measured : 0));
}

size_t Sampler::saved_bytes() const {
  return sizeof(SavedHeader) + (size_t{1} + history_count_) * picture_elements() * sizeof(float);
}

void Sampler::save(void* block) const {
  const format::Header& model = *model_->view.header;
  SavedHeader header = {};
  header.magic = saved_magic;
  header.version = saved_version;
  header.header_bytes = sizeof header;
  header.total_bytes = static_cast<uint32_t>(saved_bytes());
  header.model_crc32 = model.crc32;
  header.model_bytes = model.file_bytes;
  header.steps = steps_;
  header.rows_crc32 = crc32(0, rows_, steps_ * sizeof(SamplerRow));
  header.seed = seed_;
  header.sample_index = sample_index_;
  header.class_label = class_label_;
  header.step = step_;
  header.history_count = history_count_;
  header.constraints = static_cast<uint8_t>(constraints() | (round_ * saved_round));
  header.first_step = static_cast<uint16_t>(first_step_);
  header.guidance = guidance_;
  header.elements = picture_elements();
  auto* to = static_cast<uint8_t*>(block);
  const size_t plane = picture_elements() * sizeof(float);
  memcpy(to + sizeof header, x_, plane);
  for (uint32_t k = 0; k < history_count_; ++k) {
    memcpy(to + sizeof header + (k + 1) * plane, history_ + size_t{k} * history_stride_, plane);
  }
  memcpy(to, &header, sizeof header);
  header.crc32 = crc32(0, to + saved_unsummed, header.total_bytes - saved_unsummed);
  memcpy(to, &header, sizeof header);
}

Status Sampler::restore(const void* block, size_t size) {
  const auto* from = static_cast<const uint8_t*>(block);
  SavedHeader header;
  if (size < sizeof header) return MOTE_E_TRUNCATED;
  memcpy(&header, from, sizeof header);
  if (header.magic != saved_magic) return MOTE_E_CORRUPT;
  if (header.version != saved_version || header.header_bytes != sizeof header) return MOTE_E_VERSION;
  if (header.total_bytes < sizeof header) return MOTE_E_CORRUPT;
  if (header.total_bytes > size) return MOTE_E_TRUNCATED;
  if (crc32(0, from + saved_unsummed, header.total_bytes - saved_unsummed) != header.crc32) return MOTE_E_CHECKSUM;
  if (header.model_crc32 != model_->view.header->crc32 || header.model_bytes != model_->view.header->file_bytes ||
      header.steps != steps_ || header.rows_crc32 != crc32(0, rows_, steps_ * sizeof(SamplerRow)) ||
      header.history_count != history_count_ || header.constraints % saved_round != constraints() ||
      header.constraints / saved_round >= rounds || header.guidance != guidance_ ||
      header.elements != picture_elements() || header.total_bytes != saved_bytes()) {
    return MOTE_E_STATE;
  }
  uint32_t row = 0;
  if (header.step > steps_ || header.first_step > header.step ||
      embedding_row(*model_->view.model, header.class_label, &row) != MOTE_OK) {
    return MOTE_E_CORRUPT;
  }
  seed_ = header.seed;
  sample_index_ = header.sample_index;
  class_label_ = model_->view.model->num_classes == 0 ? MOTE_NO_CLASS : header.class_label;
  class_row_ = row;
  step_ = header.step;
  first_step_ = header.first_step;
  round_ = header.constraints / saved_round;
  in_step_ = false;
  second_pass_ = false;
  const size_t plane = picture_elements() * sizeof(float);
  memcpy(x_, from + sizeof header, plane);
  for (uint32_t k = 0; k < history_count_; ++k) {
    memcpy(history_ + size_t{k} * history_stride_, from + sizeof header + (k + 1) * plane, plane);
  }
  return MOTE_OK;
}

}  // namespace mote
