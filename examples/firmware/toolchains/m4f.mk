# Cortex-M4 with its FPU for single precision.
m4f_cpu := -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard
m4f_machine := mps2-an386
