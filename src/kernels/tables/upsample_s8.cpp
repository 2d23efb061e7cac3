// The implementations of upsample_s8, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"
#include "kernels/x86/x86_s8.h"

namespace mote {

const KernelTable<UpsampleS8Kernel> upsample_s8_kernels = {{
    {upsample_s8_ref},
    MOTE_X86({upsample_s8_avx2}),
}};

}  // namespace mote
