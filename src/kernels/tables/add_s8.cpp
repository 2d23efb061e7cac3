// The implementations of add_s8, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<AddS8Kernel> add_s8_kernels = {{
    {add_s8_ref},
}};

}  // namespace mote
