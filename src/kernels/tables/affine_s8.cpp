// The implementations of affine_s8, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"
#include "kernels/x86/x86_s8.h"

namespace mote {

const KernelTable<AffineS8Kernel> affine_s8_kernels = {{
    MOTE_REF({affine_s8_ref}),
    MOTE_X86({affine_s8_avx2}),
    {},
    MOTE_NEON_S8({affine_s8_neon}),
    {},
    {},
    MOTE_DSP({affine_s8_dsp}),
    MOTE_MVE({affine_s8_mve}),
}};

}  // namespace mote
