// The implementations of affine_s8, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<AffineS8Kernel> affine_s8_kernels = {{
    {affine_s8_ref},
}};

}  // namespace mote
