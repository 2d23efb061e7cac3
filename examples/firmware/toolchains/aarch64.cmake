# 64-bit ARM Linux. NEON is always there; the kernels with dot products and matrix products are in the library as well,
# and are used where the processor has them.
set(MOTE_ARCH aarch64)
set(MOTE_TRIPLE aarch64-linux-gnu)
set(MOTE_CPU_FLAGS "")
include(${CMAKE_CURRENT_LIST_DIR}/linux-gnu.cmake)
