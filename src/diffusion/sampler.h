// A sampler: the trajectory from noise to a picture, in memory of the caller. Holds x_t, the history and the table of
// steps (or uses the model's own), runs the network (graph/run.h) and takes the steps (diffusion/rows.h).
// Arguments were checked by api.cpp; what depends on the model is checked here.
//
// The buffer: this struct | x_t | history planes | rows, unless the model's are used | the output with a class, if there
// is guidance | arena | scratch of the workers beyond the first | scratch for packed weights. Each piece begins at a
// multiple of 16.
//
// Classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598): two passes a step, with the class and without, whose
// outputs m_c and m_0 become m = m_0 + (w * (m_c - m_0)), each operation rounded once. Their conditional weight is
// w - 1.
//
// Constraints. src/edit sets functions that work on a trajectory beside the network: `correct` changes the output, `put`
// x_t. What no program calls, none of it is linked; here are only the two places where they are called.
#pragma once
#include <mote/mote.h>

#include "core/arena.h"
#include "diffusion/rows.h"
#include "graph/run.h"

namespace mote {

// Everything about a sampler that follows from the model and the configuration.
struct SamplerPlan {
  mote_config config;  // of the full size, unset fields 0; timesteps only valid while the sampler is made
  KernelSet kernels;
  uint32_t steps;
  uint32_t workers;
  bool stored_rows;    // the model's own rows are used
  float guidance;      // the scale w; 0: one pass a step
  PackedSizes packed;  // of the kernel set; worker_scratch only counts if config.packed is set
};

// MOTE_E_ARGUMENT, MOTE_E_UNSUPPORTED (kernels), MOTE_E_STEPS, MOTE_E_CLASS.
Status plan_sampler(const Model& model, const mote_config& config, SamplerPlan* plan);

// The bytes mote_sampler_create needs. MOTE_E_LIMIT if size_t cannot hold them.
Status sampler_bytes(const Model& model, const SamplerPlan& plan, size_t* bytes);
// The bytes of `packed` that the kernels can use, room to align them included.
Status sampler_packed_bytes(const SamplerPlan& plan, size_t* bytes);

class Sampler;

// x_t where it is known. The pointers are the caller's.
struct KnownPart {
  // After a step: puts the known elements of x at the level of the row to come, or at the end as they are. Null: nothing
  // is known.
  void (*put)(const Sampler& sampler, float* x) = nullptr;
  const float* x0 = nullptr;
  const uint8_t* mask = nullptr;
};

// A linear measurement y of x0.
struct Measurement {
  // Changes the output m (picture_elements() values) and the row that uses it so that its x0 fits y. Null: nothing was
  // measured.
  void (*correct)(const Sampler& sampler, SamplerRow* row, float* m) = nullptr;
  const float* y = nullptr;
  const uint8_t* mask = nullptr;               // of single elements
  uint16_t block_height = 0, block_width = 0;  // of averages; up to format::max_spatial
  float weight = 0;
};

constexpr uint32_t max_rounds = 63;

class Sampler {
 public:
  // Makes a sampler at the start of `buffer` (aligned to MOTE_ALIGNMENT). MOTE_E_BUFFER_TOO_SMALL,
  // MOTE_E_ARGUMENT (timesteps, or a schedule that the method cannot follow), MOTE_E_LIMIT.
  static Status create(const Model& model, const SamplerPlan& plan, void* buffer, size_t size, Sampler** sampler);

  Status restart(uint64_t seed, uint32_t sample_index, int32_t class_label);
  Status set_x(const float* x);  // picture_elements() values
  Status run(uint64_t budget);   // MOTE_OK: the picture is done
  Status step();
  Status predict(const float* x, float timestep, int32_t class_label, float* out);

  uint32_t picture_elements() const { return model_->view.picture_elements(); }
  uint32_t output_elements() const { return model_->view.output_elements(); }
  const float* x() const { return x_; }
  uint32_t steps_done() const { return step_; }
  uint32_t steps() const { return steps_; }
  uint32_t timestep() const { return step_ < steps_ ? static_cast<uint32_t>(rows_[step_].timestep) : 0; }
  uint64_t work_done() const;
  uint64_t work_total() const { return rounds_before(steps_) * step_work(); }
  const char* kernels() const { return kernel_set_name(kernels_); }

  // The saved block (SPEC.md, "Saved state").
  size_t saved_bytes() const;
  void save(void* block) const;  // saved_bytes() bytes, any alignment
  Status restore(const void* block, size_t size);

  // For src/edit.
  const Model& model() const { return *model_; }
  const SamplerRow* rows() const { return rows_; }
  uint64_t seed() const { return seed_; }
  uint32_t sample_index() const { return sample_index_; }
  bool in_step() const { return in_step_; }
  uint32_t history_count() const { return history_count_; }
  // The step of noise coordinates at row `row`: each round has noise of its own.
  uint32_t noise_row(uint32_t row) const { return row + (uint32_t{round_} << 16); }
  // Begins again before row `row`, whose x_t the caller writes into what is returned: picture_elements() values.
  float* start_at(uint32_t row);
  KnownPart known;
  Measurement measurement;
  // Steps that are taken more than once: after a step that is not the last, takes x, which has come from row `row` to the
  // one behind it, back. Null: each step is taken once, and rounds is 1.
  void (*back)(const Sampler& sampler, uint32_t row, float* x) = nullptr;
  uint8_t rounds = 1;

 private:
  Status make_rows(const mote_config& config, SamplerRow* rows) const;
  bool run_network(uint64_t* budget);
  bool advance(uint64_t* budget);
  void close_gaps(float* m) const;
  void take_step();
  uint8_t constraints() const;
  // Of all steps before `row`; the last step has one.
  uint64_t rounds_before(uint32_t row) const {
    return row == 0 ? 0 : uint64_t{row} * rounds - (row == steps_ ? rounds - 1u : 0);
  }
  // With guidance, unless there is no class to guide to.
  bool two_passes() const { return guidance_ != 0.0f && class_row_ != model_->view.model->num_classes; }
  uint64_t step_work() const { return (two_passes() ? 2 : 1) * pass_work_ + picture_elements(); }

  const Model* model_ = nullptr;
  float* x_ = nullptr;
  float* history_ = nullptr;
  const SamplerRow* rows_ = nullptr;
  uint32_t steps_ = 0;
  float guidance_ = 0.0f;
  KernelSet kernels_ = KernelSet::ref;
  uint32_t history_stride_ = 0;  // floats from plane to plane
  uint64_t pass_work_ = 0;       // of one pass through the network
  float* with_class_ = nullptr;  // the first output of two
  Runner runner_;

  uint64_t seed_ = 0;
  uint32_t sample_index_ = 0;
  int32_t class_label_ = 0;
  uint32_t class_row_ = 0;   // of the class embedding
  uint32_t step_ = 0;        // steps finished
  uint32_t first_step_ = 0;  // where the trajectory began: no history from before it
  bool in_step_ = false;     // work on step step_ has begun
  uint8_t history_count_ = 0;
  uint8_t round_ = 0;         // rounds of this step finished
  bool second_pass_ = false;  // of two: that without the class
};

}  // namespace mote
