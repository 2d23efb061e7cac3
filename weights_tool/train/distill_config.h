// The part of a training's configuration that says how a model of many steps becomes one of few (progressive
// distillation, Salimans & Ho 2022, arXiv 2202.00512): in JSON
//   "distillation": {"teacher_steps": 16, "steps": [8, 4], "updates": [4000, 8000]}
// Each stage trains a student of so many steps from the model before it, which takes a whole number of its own steps
// for one of the student's: two in the paper, and at most a hundred here.
#pragma once
#include <cstdint>
#include <vector>

#include "weights_tool/io/json.h"

namespace mote::tool {

struct DistillConfig {
  int teacher_steps = 0;         // steps of the first teacher; 0: no distillation
  std::vector<int> steps;        // of the students, falling; each divides the one before
  std::vector<int64_t> updates;  // optimiser steps of each stage
  bool wanted() const { return teacher_steps > 0; }
};

// Where an update lies.
struct DistillStage {
  int index = 0;          // of the stage
  int student_steps = 0;  // its steps
  int ratio = 0;          // teacher's steps for one of the student's
  int64_t first = 0;      // updates done before the stage
  int64_t updates = 0;    // of the stage
};
// The stage that update `number` belongs to, from 1 to the sum of all updates (beyond: the last stage).
DistillStage distill_stage(const DistillConfig& config, int64_t number);
int64_t distill_updates(const DistillConfig& config);

// Error(invalid_input) that names the key. timesteps: levels of the schedule.
DistillConfig distill_config_from_json(const JsonView& view, int timesteps);
Json distill_config_to_json(const DistillConfig& config);

}  // namespace mote::tool
