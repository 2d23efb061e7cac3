// The implementations of conv2d_s8, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"
#include "kernels/x86/x86_s8.h"

namespace mote {

const KernelTable<Conv2dS8Kernel> conv2d_s8_kernels = {{
    MOTE_REF({conv2d_s8_ref, nullptr, nullptr, nullptr, nullptr}),
    MOTE_X86({conv2d_s8_avx2, conv2d_s8_avx2_packed_bytes, conv2d_s8_avx2_pack, conv2d_s8_avx2_packed_scratch_bytes,
              conv2d_s8_weight_sums}),
    MOTE_X86({conv2d_s8_avx512, conv2d_s8_avx512_packed_bytes, conv2d_s8_avx512_pack,
              conv2d_s8_avx512_packed_scratch_bytes, conv2d_s8_weight_sums}),
    MOTE_NEON_S8({conv2d_s8_neon, conv2d_s8_neon_packed_bytes, conv2d_s8_neon_pack, conv2d_s8_neon_packed_scratch_bytes,
                  conv2d_s8_weight_sums}),
    MOTE_NEON({conv2d_s8_dotprod, conv2d_s8_dotprod_packed_bytes, conv2d_s8_dotprod_pack,
               conv2d_s8_dotprod_packed_scratch_bytes, conv2d_s8_weight_sums}),
    MOTE_NEON({conv2d_s8_i8mm, conv2d_s8_i8mm_packed_bytes, conv2d_s8_i8mm_pack, conv2d_s8_i8mm_packed_scratch_bytes,
               conv2d_s8_weight_sums}),
    MOTE_DSP({conv2d_s8_dsp, nullptr, nullptr, nullptr, nullptr}),
    MOTE_MVE({conv2d_s8_mve, nullptr, nullptr, nullptr, conv2d_s8_weight_sums_mve}),
}};

}  // namespace mote
