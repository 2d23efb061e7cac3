// The implementations of attention_f32, by kernel set.
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<AttentionF32Kernel> attention_f32_kernels = {{
    {attention_f32_ref},
    MOTE_X86({attention_f32_avx2}),
    MOTE_X86({attention_f32_avx512}),
    MOTE_NEON({attention_f32_neon}),
}};

}  // namespace mote
