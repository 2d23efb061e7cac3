// Linear layer as kernels.h defines it: rows of x against rows of the weights.
#include "kernels/ref/ref.h"

namespace mote {

void linear_f32_ref(const LinearF32& args, int row_begin, int row_end, void*) {
  for (int r = row_begin; r < row_end; ++r) {
    const float* x = args.x + static_cast<ptrdiff_t>(r) * args.in_features;
    for (int o = 0; o < args.out_features; ++o) {
      const float* w = args.weights + static_cast<ptrdiff_t>(o) * args.in_features;
      float sum = 0.0f;
      for (int i = 0; i < args.in_features; ++i) sum += x[i] * w[i];
      if (args.bias != nullptr) sum += args.bias[o];
      const ptrdiff_t at = static_cast<ptrdiff_t>(r) * args.out_features + o;
      if (args.residual != nullptr) sum += args.residual[at];
      args.y[at] = activate_f32(sum, args.activation);
    }
  }
}

}  // namespace mote
