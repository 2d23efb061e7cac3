// The backward kernels in Avx2 vectors.
#include "kernels/simd/vec_avx2.h"
#if defined(__AVX2__) && defined(__FMA__)
#include "weights_tool/train/backward_impl.h"

namespace mote::tool {
extern const BackwardKernels backward_kernels_avx2 = backward_table<VecAvx2>();
}
#endif
