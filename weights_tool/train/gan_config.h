// The part of a training's configuration that makes it adversarial (train/gan_trainer.h): in JSON
//   "gan": {"steps": 4, "widths": [32, 64, 96], "time_features": 64, "learning_rate": 3e-4, "r1": 0.05, "r1_every": 4}
#pragma once
#include <vector>

#include "weights_tool/io/json.h"

namespace mote::tool {

struct GanConfig {
  int steps = 0;                        // of the sampler, from pure noise to the picture; 0: not adversarial
  std::vector<int> widths{32, 64, 96};  // channels of the discriminator's levels, each half as large as the one before
  int time_features = 64;               // of its timestep embedding; even
  double learning_rate = 3e-4;          // its own; falls as the generator's does
  double r1 = 0.05;                     // gamma of the penalty gamma / 2 |grad D|^2 on real pictures; 0: none
  int r1_every = 4;                     // steps from one penalty to the next; it weighs as much more then
  bool wanted() const { return steps > 0; }
};

// Error(invalid_input) that names the key. timesteps: levels of the schedule.
GanConfig gan_config_from_json(const JsonView& view, int timesteps);
Json gan_config_to_json(const GanConfig& config);

}  // namespace mote::tool
