// The C API of include/mote/mote.h: checks arguments, copies configuration structs of any age to today's, and calls the
// classes behind the handles. Nothing is computed here.
#include <mote/mote.h>

#include <cstring>
#include <new>  // placement only

#include "core/math.h"
#include "format/verify.h"
#include "handles.h"

namespace mote {
namespace {

bool is_aligned(const void* pointer) { return (reinterpret_cast<uintptr_t>(pointer) & (MOTE_ALIGNMENT - 1)) == 0; }

// A struct of the caller begins with its size. A shorter one than today's is of an older header: what it lacks is 0.
uint32_t struct_size_of(const void* given) {
  uint32_t size;
  memcpy(&size, given, sizeof size);
  return size;
}

Status plan(const mote_model* handle, const mote_config* given, const Model** model, SamplerPlan* out) {
  *model = open_model(handle);
  if (*model == nullptr) return MOTE_E_ARGUMENT;
  mote_config config = {};
  if (given != nullptr) {
    const uint32_t size = struct_size_of(given);
    if (size < sizeof size || size > sizeof config) return MOTE_E_ARGUMENT;
    memcpy(&config, given, size);
  }
  return plan_sampler(**model, config, out);
}

// Copies what the caller's struct has room for.
template <class T>
Status hand_out(T full, T* out) {
  const uint32_t size = struct_size_of(out);
  if (size < sizeof size || size > sizeof full) return MOTE_E_ARGUMENT;
  full.struct_size = size;
  memcpy(out, &full, size);
  return MOTE_OK;
}

}  // namespace
}  // namespace mote

using mote::Model;
using mote::Sampler;
using mote::SamplerPlan;

extern "C" {

const char* mote_status_text(mote_status status) {
  switch (status) {
    case MOTE_OK: return "success";
    case MOTE_PENDING: return "there is more work to do";
    case MOTE_E_ARGUMENT: return "an argument is null or out of range";
    case MOTE_E_ALIGNMENT: return "a buffer or the model is not aligned to 16 bytes";
    case MOTE_E_BUFFER_TOO_SMALL: return "a buffer is too small";
    case MOTE_E_NOT_A_MODEL: return "the bytes are not a mote model";
    case MOTE_E_VERSION: return "made for a newer version of this library";
    case MOTE_E_TRUNCATED: return "the bytes end too early";
    case MOTE_E_CORRUPT: return "a number in the data is out of its range";
    case MOTE_E_CHECKSUM: return "the checksum does not match";
    case MOTE_E_LIMIT: return "larger than this library supports";
    case MOTE_E_UNSUPPORTED: return "not supported by this build or processor";
    case MOTE_E_MISSING_OPERATOR: return "the operator table lacks an operator of the model";
    case MOTE_E_STEPS: return "the model was compiled for other steps";
    case MOTE_E_CLASS: return "the model has no such class";
    case MOTE_E_STATE: return "a saved state of another model or configuration, or a call out of order";
    case MOTE_E_NOT_FINITE: return "a given picture holds NaN or infinity";
    case MOTE_E_SELF_TEST: return "a kernel gives other results than it must";
  }
  return "unknown status";
}

uint32_t mote_version(void) { return MOTE_VERSION; }
const char* mote_version_string(void) { return MOTE_VERSION_STRING; }

// ---- model ------------------------------------------------------------------------------------------------------

mote_status mote_open(mote_model* model, const void* bytes, size_t size, const mote_operator* const* operators) {
  if (model == nullptr || bytes == nullptr || operators == nullptr) return MOTE_E_ARGUMENT;
  Model opened;
  opened.operators = operators;
  MOTE_TRY(mote::format::verify(bytes, size, &opened.view, nullptr));
  MOTE_TRY(mote::check_operator_table(opened));
  new (model) mote::ModelHandle{mote::model_tag, opened};
  return MOTE_OK;
}

mote_status mote_check(const mote_model* model) {
  const Model* opened = mote::open_model(model);
  return opened == nullptr ? MOTE_E_ARGUMENT : mote::format::check(opened->view, nullptr);
}

mote_status mote_model_get_info(const mote_model* model, mote_model_info* info) {
  const Model* opened = mote::open_model(model);
  if (opened == nullptr || info == nullptr) return MOTE_E_ARGUMENT;
  const mote::format::View& view = opened->view;
  const mote::format::ModelRecord& record = *view.model;
  mote_model_info full = {};
  full.height = record.height;
  full.width = record.width;
  full.channels = record.channels;
  full.out_channels = record.out_channels;
  full.num_classes = record.num_classes;
  full.train_steps = record.train_steps;
  full.default_steps = record.default_steps;
  full.folded = view.folded() ? 1 : 0;
  full.parameters = view.parameters;
  full.model_bytes = view.header->file_bytes;
  full.arena_bytes = record.arena_bytes;
  full.macs = view.macs;
  return mote::hand_out(full, info);
}

mote_status mote_model_get_timesteps(const mote_model* model, int32_t* timesteps, size_t count) {
  const Model* opened = mote::open_model(model);
  if (opened == nullptr || timesteps == nullptr) return MOTE_E_ARGUMENT;
  const mote::format::View& view = opened->view;
  const uint32_t steps = view.model->default_steps;
  if (count < steps) return MOTE_E_BUFFER_TOO_SMALL;
  for (uint32_t i = 0; i < steps; ++i) {
    timesteps[i] =
        view.rows.empty() ? mote::trailing_timestep(view.model->train_steps, steps, i) : view.rows[i].timestep;
  }
  return MOTE_OK;
}

// ---- sampler ----------------------------------------------------------------------------------------------------

mote_status mote_working_size(const mote_model* model, const mote_config* config, size_t* bytes) {
  if (bytes == nullptr) return MOTE_E_ARGUMENT;
  const Model* opened;
  SamplerPlan plan;
  MOTE_TRY(mote::plan(model, config, &opened, &plan));
  return mote::sampler_bytes(*opened, plan, bytes);
}

mote_status mote_packed_size(const mote_model* model, const mote_config* config, size_t* bytes) {
  if (bytes == nullptr) return MOTE_E_ARGUMENT;
  const Model* opened;
  SamplerPlan plan;
  MOTE_TRY(mote::plan(model, config, &opened, &plan));
  return mote::sampler_packed_bytes(plan, bytes);
}

mote_status mote_sampler_create(mote_sampler** sampler, const mote_model* model, const mote_config* config,
                                void* buffer, size_t size) {
  if (sampler == nullptr || buffer == nullptr) return MOTE_E_ARGUMENT;
  const Model* opened;
  SamplerPlan plan;
  MOTE_TRY(mote::plan(model, config, &opened, &plan));
  if (!mote::is_aligned(buffer) || !mote::is_aligned(plan.config.packed)) return MOTE_E_ALIGNMENT;
  Sampler* made;
  MOTE_TRY(Sampler::create(*opened, plan, buffer, size, &made));
  *sampler = reinterpret_cast<mote_sampler*>(made);
  return MOTE_OK;
}

mote_status mote_sampler_restart(mote_sampler* sampler, uint64_t seed, uint32_t sample_index, int32_t class_label) {
  if (sampler == nullptr) return MOTE_E_ARGUMENT;
  return mote::behind(sampler)->restart(seed, sample_index, class_label);
}

mote_status mote_sampler_set_x(mote_sampler* sampler, const float* x, size_t count) {
  if (sampler == nullptr || x == nullptr || count != mote::behind(sampler)->picture_elements()) return MOTE_E_ARGUMENT;
  return mote::behind(sampler)->set_x(x);
}

mote_status mote_sampler_step(mote_sampler* sampler) {
  return sampler == nullptr ? MOTE_E_ARGUMENT : mote::behind(sampler)->step();
}

mote_status mote_sampler_run(mote_sampler* sampler, uint64_t work) {
  return sampler == nullptr ? MOTE_E_ARGUMENT : mote::behind(sampler)->run(work);
}

mote_status mote_sampler_get_progress(const mote_sampler* sampler, mote_progress* progress) {
  if (sampler == nullptr || progress == nullptr) return MOTE_E_ARGUMENT;
  const Sampler& s = *mote::behind(sampler);
  mote_progress full = {};
  full.step = s.steps_done();
  full.steps = s.steps();
  full.timestep = s.timestep();
  full.work = s.work_done();
  full.work_total = s.work_total();
  return mote::hand_out(full, progress);
}

mote_status mote_sampler_read_f32(const mote_sampler* sampler, float* pixels, size_t count) {
  if (sampler == nullptr || pixels == nullptr) return MOTE_E_ARGUMENT;
  const Sampler& s = *mote::behind(sampler);
  if (count < s.picture_elements()) return MOTE_E_BUFFER_TOO_SMALL;
  memcpy(pixels, s.x(), s.picture_elements() * sizeof(float));
  return MOTE_OK;
}

mote_status mote_sampler_read_u8(const mote_sampler* sampler, uint8_t* pixels, size_t size) {
  if (sampler == nullptr || pixels == nullptr) return MOTE_E_ARGUMENT;
  const Sampler& s = *mote::behind(sampler);
  if (size < s.picture_elements()) return MOTE_E_BUFFER_TOO_SMALL;
  for (uint32_t i = 0; i < s.picture_elements(); ++i) {
    const float x = s.x()[i];
    const float clamped = x > -1.0f ? (x < 1.0f ? x : 1.0f) : -1.0f;  // NaN becomes -1
    pixels[i] = static_cast<uint8_t>(mote::round_to_i32((clamped + 1.0f) * 127.5f));
  }
  return MOTE_OK;
}

mote_status mote_sampler_saved_size(const mote_sampler* sampler, size_t* bytes) {
  if (sampler == nullptr || bytes == nullptr) return MOTE_E_ARGUMENT;
  *bytes = mote::behind(sampler)->saved_bytes();
  return MOTE_OK;
}

mote_status mote_sampler_save(const mote_sampler* sampler, void* block, size_t size) {
  if (sampler == nullptr || block == nullptr) return MOTE_E_ARGUMENT;
  if (size < mote::behind(sampler)->saved_bytes()) return MOTE_E_BUFFER_TOO_SMALL;
  mote::behind(sampler)->save(block);
  return MOTE_OK;
}

mote_status mote_sampler_restore(mote_sampler* sampler, const void* block, size_t size) {
  if (sampler == nullptr || block == nullptr) return MOTE_E_ARGUMENT;
  return mote::behind(sampler)->restore(block, size);
}

mote_status mote_sampler_predict(mote_sampler* sampler, const float* x, float timestep, int32_t class_label, float* out,
                                 size_t out_count) {
  if (sampler == nullptr || x == nullptr || out == nullptr) return MOTE_E_ARGUMENT;
  if (out_count < mote::behind(sampler)->output_elements()) return MOTE_E_BUFFER_TOO_SMALL;
  return mote::behind(sampler)->predict(x, timestep, class_label, out);
}

const char* mote_sampler_kernels(const mote_sampler* sampler) {
  return sampler == nullptr ? nullptr : mote::behind(sampler)->kernels();
}

const char* mote_kernels_name(uint32_t index) {
  mote::KernelSet sets[mote::kernel_set_count];
  const int count = mote::kernel_sets_available(sets);
  return index < static_cast<uint32_t>(count) ? mote::kernel_set_name(sets[index]) : nullptr;
}

}  // extern "C"
