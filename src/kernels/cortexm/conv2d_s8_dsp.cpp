// Convolution of quantized tensors with the DSP extension. Nothing but the kernels leaves this file.
#include "kernels/cortexm/cortexm.h"
#if defined(MOTE_HAS_DSP)
#if !defined(__clang__)
#pragma GCC optimize("Os")  // the time goes to loops in assembly, the rest is for size
#endif
#include "kernels/cortexm/conv_direct_dsp.h"
#include "kernels/cortexm/conv_winograd_dsp.h"
#include "kernels/cortexm/cortexm_s8.h"

namespace mote {

void conv2d_s8_dsp(const Conv2dS8& args, int row_begin, int row_end, void*) {
  if (!conv_winograd(args, row_begin, row_end)) conv_direct(args, row_begin, row_end);
}

void conv2d_s16_dsp(const Conv2dS8& args, int row_begin, int row_end, void*) { conv_direct(args, row_begin, row_end); }

}  // namespace mote
#endif
