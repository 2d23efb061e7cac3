// The implementations of conv2d_s16, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"
#include "kernels/x86/x86_s8.h"

namespace mote {

const KernelTable<Conv2dS8Kernel> conv2d_s16_kernels = {{
    MOTE_REF({conv2d_s16_ref, nullptr, nullptr, nullptr, nullptr}),
    MOTE_X86({conv2d_s16_avx2, conv2d_s16_avx2_packed_bytes, conv2d_s16_avx2_pack, conv2d_s16_avx2_packed_scratch_bytes,
              conv2d_s8_weight_sums}),
    {},
    MOTE_NEON_S8({conv2d_s16_neon, conv2d_s16_neon_packed_bytes, conv2d_s16_neon_pack,
                  conv2d_s16_neon_packed_scratch_bytes, conv2d_s8_weight_sums}),
    {},
    {},
    MOTE_DSP({conv2d_s16_dsp, nullptr, nullptr, nullptr, nullptr}),
    MOTE_MVE({conv2d_s16_mve, nullptr, nullptr, nullptr, conv2d_s8_weight_sums_mve}),
}};

}  // namespace mote
