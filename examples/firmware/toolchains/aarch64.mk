# 64-bit ARM Linux. One static program for every core: which kernels run is asked from the processor, so a53, a76 and
# i8mm are the same build under other emulated cores: without dot products, with them, with matrix products besides.
aarch64_prefix := aarch64-linux-gnu-
aarch64_flags :=
aarch64_ldflags := -static
aarch64_packages := g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
a53_machine := qemu-aarch64 -cpu cortex-a53
a76_machine := qemu-aarch64 -cpu cortex-a76
i8mm_machine := qemu-aarch64 -cpu max
