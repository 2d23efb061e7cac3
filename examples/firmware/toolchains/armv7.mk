# 32-bit ARM Linux with NEON. GCC notes at every vector argument that the way it is passed changed in GCC 4.
armv7_prefix := arm-linux-gnueabihf-
armv7_flags := -march=armv7-a+neon -mfpu=neon -Wno-psabi
armv7_ldflags := -static
armv7_packages := g++-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user
armv7_machine := qemu-arm -cpu cortex-a7
