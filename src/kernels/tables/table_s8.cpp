// The implementations of table_s8, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<TableS8Kernel> table_s8_kernels = {{
    {table_s8_ref},
}};

}  // namespace mote
