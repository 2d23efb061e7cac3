// The backward kernels in Avx512 vectors.
#include "kernels/simd/vec_avx512.h"
#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#include "weights_tool/train/backward_impl.h"

namespace mote::tool {
extern const BackwardKernels backward_kernels_avx512 = backward_table<VecAvx512>();
}
#endif
