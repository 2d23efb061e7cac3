// The implementations of linear_f32, by kernel set.
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<LinearF32Kernel> linear_f32_kernels = {{
    {linear_f32_ref, nullptr, nullptr},
    MOTE_X86({linear_f32_avx2, linear_f32_avx2_packed_bytes, linear_f32_avx2_pack}),
    MOTE_X86({linear_f32_avx512, linear_f32_avx512_packed_bytes, linear_f32_avx512_pack}),
    MOTE_NEON({linear_f32_neon, linear_f32_neon_packed_bytes, linear_f32_neon_pack}),
}};

}  // namespace mote
