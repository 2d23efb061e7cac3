// The implementations of upsample_f32, by kernel set.
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<UpsampleF32Kernel> upsample_f32_kernels = {{
    {upsample_f32_ref},
    MOTE_X86({upsample_f32_avx2}),
    MOTE_X86({upsample_f32_avx512}),
    MOTE_NEON({upsample_f32_neon}),
}};

}  // namespace mote
