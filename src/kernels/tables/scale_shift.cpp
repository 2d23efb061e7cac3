// The implementations of scale_shift_f32, by kernel set.
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<ScaleShiftF32Kernel> scale_shift_f32_kernels = {{
    {scale_shift_f32_ref},
    MOTE_X86({scale_shift_f32_avx2}),
    MOTE_X86({scale_shift_f32_avx512}),
    MOTE_NEON({scale_shift_f32_neon}),
}};

}  // namespace mote
