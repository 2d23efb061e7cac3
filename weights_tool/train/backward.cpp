#include "weights_tool/train/backward.h"

namespace mote::tool {

const BackwardKernels& backward_kernels(KernelSet set) {
#if defined(__x86_64__)
  if (set == KernelSet::avx512) return backward_kernels_avx512;
  if (set == KernelSet::avx2) return backward_kernels_avx2;
#elif defined(__aarch64__)
  if (set == KernelSet::neon) return backward_kernels_neon;
#endif
  (void)set;
  return backward_kernels_ref;
}

}  // namespace mote::tool
