# Cortex-M7 with an FPU for double precision, of which only floats are used.
m7_cpu := -mcpu=cortex-m7 -mfpu=fpv5-d16 -mfloat-abi=hard
m7_machine := mps2-an500
