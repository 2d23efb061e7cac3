# 64-bit RISC-V Linux, without vectors: GCC 12 has none.
set(MOTE_ARCH riscv64)
set(MOTE_TRIPLE riscv64-linux-gnu)
set(MOTE_CPU_FLAGS "")
include(${CMAKE_CURRENT_LIST_DIR}/linux-gnu.cmake)
