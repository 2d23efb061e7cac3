// The implementations of conv2d_f32, by kernel set.
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<Conv2dF32Kernel> conv2d_f32_kernels = {{
    {conv2d_f32_ref, nullptr, nullptr, nullptr},
    MOTE_X86(
        {conv2d_f32_avx2, conv2d_f32_avx2_packed_bytes, conv2d_f32_avx2_pack, conv2d_f32_avx2_packed_scratch_bytes}),
    MOTE_X86({conv2d_f32_avx512, conv2d_f32_avx512_packed_bytes, conv2d_f32_avx512_pack,
              conv2d_f32_avx512_packed_scratch_bytes}),
    MOTE_NEON(
        {conv2d_f32_neon, conv2d_f32_neon_packed_bytes, conv2d_f32_neon_pack, conv2d_f32_neon_packed_scratch_bytes}),
}};

}  // namespace mote
