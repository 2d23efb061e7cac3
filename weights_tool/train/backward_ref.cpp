// The backward kernels in plain C++.
#include "kernels/simd/vec_scalar.h"
#include "weights_tool/train/backward_impl.h"

namespace mote::tool {
extern const BackwardKernels backward_kernels_ref = backward_table<VecScalar>();
}
