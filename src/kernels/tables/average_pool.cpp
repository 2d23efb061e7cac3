// The implementations of average_pool_f32, by kernel set.
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<AveragePoolF32Kernel> average_pool_f32_kernels = {{
    {average_pool_f32_ref},
    MOTE_X86({average_pool_f32_avx2}),
    MOTE_X86({average_pool_f32_avx512}),
    MOTE_NEON({average_pool_f32_neon}),
}};

}  // namespace mote
