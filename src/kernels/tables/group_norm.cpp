// The implementations of group_norm_f32, by kernel set.
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<GroupNormF32Kernel> group_norm_f32_kernels = {{
    {group_norm_f32_ref},
    MOTE_X86({group_norm_f32_avx2}),
    MOTE_X86({group_norm_f32_avx512}),
    MOTE_NEON({group_norm_f32_neon}),
}};

}  // namespace mote
