# Cortex-M33 with FPU and DSP instructions.
m33_cpu := -mcpu=cortex-m33 -mfpu=fpv5-sp-d16 -mfloat-abi=hard
m33_machine := mps2-an505
