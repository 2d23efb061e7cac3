// `weights_tool eval --nll`: the variational bound of a model on pictures.
#pragma once
#include "weights_tool/io/arguments.h"

namespace mote::tool {

// arguments: those of eval, with --nll given. Prints; returns the exit code.
int run_eval_nll(const Arguments& arguments);

}  // namespace mote::tool
