// The implementations of activation_f32, by kernel set.
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<ActivationF32Kernel> activation_f32_kernels = {{
    {activation_f32_ref},
    MOTE_X86({activation_f32_avx2}),
    MOTE_X86({activation_f32_avx512}),
    MOTE_NEON({activation_f32_neon}),
}};

}  // namespace mote
