// The implementations of conv2d_s16, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<Conv2dS8Kernel> conv2d_s16_kernels = {{
    {conv2d_s16_ref, nullptr, nullptr, nullptr},
}};

}  // namespace mote
