# Cortex-M3: no FPU (floats are library calls), no DSP instructions.
set(MOTE_CPU_FLAGS "-mthumb -mcpu=cortex-m3")
include(${CMAKE_CURRENT_LIST_DIR}/arm-none-eabi.cmake)
