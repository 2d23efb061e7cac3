// What the networks that judge pictures have in common: the classifier's and the discriminator's layers beside their
// convolutions. Derive from it.
#pragma once
#include <string>
#include <utility>

#include "weights_tool/graph/graph_builder.h"
#include "weights_tool/graph/initialise.h"

namespace mote::tool {

class PictureBuilder : protected GraphBuilder {
 protected:
  explicit PictureBuilder(uint64_t seed) : init_(seed) {}

  // Sinusoids of t (Vaswani et al. 2017, section 3.5), a linear layer, SiLU: one vector for all levels. `features` is even.
  int time_embedding(int features);
  // A linear map of a vector. zero: it begins as 0.
  int vector_layer(const std::string& name, int x, int out, Activation activation, bool zero);
  // The mean over squares as large as the shorter side: square pictures become 1x1, of others a row of squares is left.
  int mean_of_squares(const std::string& name, int x);

  Initialiser init_;
};

}  // namespace mote::tool
