// What a distilled student is asked for: the output that, put into the student's one DDIM step, gives the x that the
// teacher reaches in several (Salimans & Ho 2022, arXiv 2202.00512, algorithm 2 and appendix G). Both kinds of step are
// rows of the sampler (src/diffusion/rows.h), with its clipping of x0 in the teacher's, so the student learns what the
// device will run. Elementwise; no network here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "diffusion/rows.h"
#include "weights_tool/diffusion/schedules.h"

namespace mote::tool {

// The steps of teacher and student over one schedule: DDIM, eta 0, trailing levels (rows.h, trailing_timestep). Of
// student_steps * ratio levels the student visits every ratio-th, which are the trailing levels of student_steps.
class DistillSteps {
 public:
  // prediction: v or x0 (epsilon says nothing about x0 where all is noise: Error(invalid_input)).
  DistillSteps(const Schedule& schedule, Prediction prediction, int student_steps, int ratio);

  int student_steps() const { return static_cast<int>(student_.size()); }
  int ratio() const { return ratio_; }
  // Student's step i, and step k of the teacher's `ratio` in its place.
  const SamplerRow& student(int i) const { return student_[static_cast<size_t>(i)]; }
  const SamplerRow& teacher(int i, int k) const { return teacher_[static_cast<size_t>(i * ratio_ + k)]; }

  // target[j]: the output m with which the student's row i, unclipped, takes x_t[j] to reached[j]:
  //   reached = (A a + B) x_t + (A b + C) m.
  // target may be reached.
  void target(int i, const float* x_t, const float* reached, size_t count, float* target) const;

 private:
  int ratio_;
  std::vector<SamplerRow> student_, teacher_;
};

}  // namespace mote::tool
