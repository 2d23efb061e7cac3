// The implementations of quantize_s16, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"
#include "kernels/x86/x86_s8.h"

namespace mote {

const KernelTable<QuantizeS16Kernel> quantize_s16_kernels = {{
    {quantize_s16_ref},
    MOTE_X86({quantize_s16_avx2}),
    {},
    MOTE_NEON_S8({quantize_s16_neon}),
    {},
    {},
    {},
    MOTE_MVE({quantize_s16_mve}),
}};

}  // namespace mote
