# Cortex-M55 with Helium, which the compiler may not use by itself: its floats flush denormals, scalar ones do not.
m55_cpu := -mcpu=cortex-m55 -mfloat-abi=hard -fno-tree-vectorize
m55_machine := mps3-an547
