#!/bin/sh
# Builds that must stop with a message that says why: for a big-endian machine, and with float arithmetic that is not
# IEEE 754 single precision in every operation. Nothing is linked or run.
#
#   sh tests/targets/refusals_test.sh        from the root; CXX=g++ (x86 or other), big-endian by CROSS=arm-none-eabi-
set -u
CXX=${CXX:-g++}
CC=${CC:-cc}
CROSS=${CROSS:-arm-none-eabi-}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
checked=0

# $1: what the message must hold, the rest: a compiler and its arguments
refused() {
  message=$1
  shift
  checked=$((checked + 1))
  if "$@" -Iinclude -Isrc -fsyntax-only > "$log" 2>&1; then
    echo "refusals_test: not refused: $*" >&2
    exit 1
  fi
  grep -q -- "$message" "$log" && return
  echo "refusals_test: refused without '$message': $*" >&2
  head -n 20 "$log" >&2
  exit 1
}

big='mote: .*big-endian'
device='-std=c++17 -ffp-contract=off'
if command -v "${CROSS}gcc" > /dev/null; then
  # The public header, in either language, and the sources that include it.
  refused "$big" "${CROSS}gcc" -mcpu=cortex-m4 -mbig-endian -std=c99 -x c include/mote/mote.h
  refused "$big" "${CROSS}g++" -mcpu=cortex-m4 -mbig-endian -std=c++17 -x c++ include/mote/mote.h
  for source in src/api.cpp src/format/verify.cpp src/graph/run.cpp; do
    # shellcheck disable=SC2086
    refused "$big" "${CROSS}g++" -mcpu=cortex-m4 -mbig-endian $device "$source"
  done
else
  echo "refusals_test: without ${CROSS}gcc, so no big-endian compiler"
fi
# shellcheck disable=SC2086
refused 'fast-math changes results' $CXX $device -ffast-math src/core/math.cpp
case $($CXX -dumpmachine) in
  # shellcheck disable=SC2086
  x86_64-*) if ! $CXX --version | grep -q clang; then
    refused 'float arithmetic must be done in float' $CXX $device -mfpmath=387 src/core/math.cpp
  fi ;;
esac
echo "refusals_test: $checked builds refused, each with its reason"
