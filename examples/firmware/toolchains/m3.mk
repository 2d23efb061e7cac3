# Cortex-M3: no FPU (floats are library calls), no DSP instructions.
m3_cpu := -mcpu=cortex-m3
m3_machine := mps2-an385
