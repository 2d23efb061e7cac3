// The implementations of average_pool_s8, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"
#include "kernels/x86/x86_s8.h"

namespace mote {

const KernelTable<AveragePoolS8Kernel> average_pool_s8_kernels = {{
    {average_pool_s8_ref},
    MOTE_X86({average_pool_s8_avx2}),
    {},
    MOTE_NEON_S8({average_pool_s8_neon}),
    {},
    {},
}};

}  // namespace mote
