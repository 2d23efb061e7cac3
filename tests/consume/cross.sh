#!/bin/sh
# Builds and runs a program for 64-bit ARM that uses mote as a stranger would: the library cross-built and installed by
# CMake with a toolchain file, found by find_package from a project in C alone, run by QEMU. The kernels for dot products
# and matrix products must be there without having been asked for, and used where the processor has them.
#
#   sh tests/consume/cross.sh MODEL        an int8 model; needs cmake, g++-aarch64-linux-gnu and qemu-user
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
model=$(cd "$(dirname "${1:?usage: cross.sh MODEL}")" && pwd)/$(basename "$1")
toolchain=$root/examples/firmware/toolchains/aarch64.cmake
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"

# $1: a name for the log, the rest: a command
quietly() {
  log=$work/$1.log
  shift
  "$@" > "$log" 2>&1 || { cat "$log"; exit 1; }
}

quietly configure cmake -S . -B "$work/mote" -DCMAKE_TOOLCHAIN_FILE="$toolchain" -DMOTE_BUILD_TOOLS=OFF \
  -DMOTE_BUILD_EXAMPLES=OFF -DCMAKE_INSTALL_PREFIX="$work/installed"
quietly build cmake --build "$work/mote" -j "$(nproc)"
quietly install cmake --install "$work/mote"
quietly find cmake -S tests/consume/find_package -B "$work/consume" -DCMAKE_TOOLCHAIN_FILE="$toolchain" \
  -DCMAKE_PREFIX_PATH="$work/installed"
quietly link cmake --build "$work/consume"

# $1: a processor, $2: the kernels it must use
run_on() {
  printf 'consume aarch64 on %-11s ' "$1"
  qemu-aarch64 -cpu "$1" -L /usr/aarch64-linux-gnu "$work/consume/consume" "$model" 0 > "$work/output"
  cat "$work/output"
  grep -q "with the $2 kernels" "$work/output" || { echo "consume: not the $2 kernels" >&2; exit 1; }
}
run_on cortex-a53 neon
run_on cortex-a76 neon_dotprod
run_on max neon_i8mm
