# 32-bit ARM Linux with NEON. GCC notes at every vector argument that the way it is passed changed in GCC 4.
set(MOTE_ARCH arm)
set(MOTE_TRIPLE arm-linux-gnueabihf)
set(MOTE_CPU_FLAGS "-march=armv7-a+neon -mfpu=neon -Wno-psabi")
include(${CMAKE_CURRENT_LIST_DIR}/linux-gnu.cmake)
