// The implementations of add_f32, by kernel set.
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<AddF32Kernel> add_f32_kernels = {{
    {add_f32_ref},
    MOTE_X86({add_f32_avx2}),
    MOTE_X86({add_f32_avx512}),
    MOTE_NEON({add_f32_neon}),
}};

}  // namespace mote
