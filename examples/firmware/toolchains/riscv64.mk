# 64-bit RISC-V Linux, without vectors: GCC 12 has none.
riscv64_prefix := riscv64-linux-gnu-
riscv64_flags :=
riscv64_ldflags := -static
riscv64_packages := g++-riscv64-linux-gnu libc6-dev-riscv64-cross qemu-user
riscv64_machine := qemu-riscv64 -cpu rv64
