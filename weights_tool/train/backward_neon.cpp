// The backward kernels in Neon vectors.
#include "kernels/simd/vec_neon.h"
#if defined(__aarch64__)
#include "weights_tool/train/backward_impl.h"

namespace mote::tool {
extern const BackwardKernels backward_kernels_neon = backward_table<VecNeon>();
}
#endif
