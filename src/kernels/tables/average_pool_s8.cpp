// The implementations of average_pool_s8, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<AveragePoolS8Kernel> average_pool_s8_kernels = {{
    {average_pool_s8_ref},
}};

}  // namespace mote
