// The implementations of quantize_s16, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<QuantizeS16Kernel> quantize_s16_kernels = {{
    {quantize_s16_ref},
}};

}  // namespace mote
