// The implementations of channel_sums_s8, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"
#include "kernels/x86/x86_s8.h"

namespace mote {

const KernelTable<ChannelSumsS8Kernel> channel_sums_s8_kernels = {{
    MOTE_REF({channel_sums_s8_ref}),
    MOTE_X86({channel_sums_s8_avx2}),
    {},
    MOTE_NEON_S8({channel_sums_s8_neon}),
    {},
    {},
    MOTE_DSP({channel_sums_s8_dsp}),
    MOTE_MVE({channel_sums_s8_mve}),
}};

}  // namespace mote
