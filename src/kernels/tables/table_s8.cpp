// The implementations of table_s8, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"
#include "kernels/x86/x86_s8.h"

namespace mote {

const KernelTable<TableS8Kernel> table_s8_kernels = {{
    {table_s8_ref},
    MOTE_X86({table_s8_avx2}),
    {},
    MOTE_NEON_S8({table_s8_neon}),
    {},
    {},
    {},
    MOTE_MVE({table_s8_mve}),
}};

}  // namespace mote
