# Cortex-M55 with Helium, which the compiler may not use by itself: its floats flush denormals, scalar ones do not.
set(MOTE_CPU_FLAGS "-mthumb -mcpu=cortex-m55 -mfloat-abi=hard -fno-tree-vectorize")
include(${CMAKE_CURRENT_LIST_DIR}/arm-none-eabi.cmake)
