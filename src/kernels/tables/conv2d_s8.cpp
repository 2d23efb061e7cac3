// The implementations of conv2d_s8, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<Conv2dS8Kernel> conv2d_s8_kernels = {{
    {conv2d_s8_ref, nullptr, nullptr, nullptr},
}};

}  // namespace mote
