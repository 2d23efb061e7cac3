# Cortex-M7 with an FPU for double precision, of which only floats are used.
set(MOTE_CPU_FLAGS "-mthumb -mcpu=cortex-m7 -mfpu=fpv5-d16 -mfloat-abi=hard")
include(${CMAKE_CURRENT_LIST_DIR}/arm-none-eabi.cmake)
