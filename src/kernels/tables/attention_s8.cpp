// The implementations of attention_s8, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<AttentionS8Kernel> attention_s8_kernels = {{
    {attention_s8_ref},
}};

}  // namespace mote
