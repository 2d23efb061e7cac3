// The implementations of channel_sums_s8, by kernel set.
#include "kernels/ref/ref_s8.h"
#include "kernels/tables/tables.h"

namespace mote {

const KernelTable<ChannelSumsS8Kernel> channel_sums_s8_kernels = {{
    {channel_sums_s8_ref},
}};

}  // namespace mote
