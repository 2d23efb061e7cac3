#!/bin/sh
# Builds and runs programs that use mote as a stranger would: a C project by find_package, a C++ one by FetchContent, and
# plain compiler calls with the flags of pkg-config, after a CMake install and after `make install`.
#
#   sh tests/consume/run.sh PREFIX [MODEL]     PREFIX: where `cmake --install` put mote
#   BUILD=build                                a Makefile build; its `make install` is tried too
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
prefix=$(cd "${1:?usage: run.sh PREFIX [MODEL]}" && pwd)
model=${2:-}
if [ -n "$model" ]; then model=$(cd "$(dirname "$model")" && pwd)/$(basename "$model"); fi
BUILD=${BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"

step() { printf 'consume %-15s ' "$1"; }

# $1: name, $2: directory of the project, the rest: definitions
with_cmake() {
  name=$1 project=$2
  shift 2
  step "$name"
  cmake -S "$project" -B "$work/$name" -DCMAKE_BUILD_TYPE=Release "$@" > "$work/$name.log" 2>&1 &&
    cmake --build "$work/$name" -j 2 >> "$work/$name.log" 2>&1 || { echo failed; cat "$work/$name.log"; exit 1; }
  "$work/$name/consume" $model
}

# $1: name, $2: folder of mote.pc
with_pkg_config() {
  step "$1"
  flags=$(PKG_CONFIG_PATH=$2 pkg-config --cflags --libs --static 'mote >= 0.1')
  # shellcheck disable=SC2086
  "${CC:-cc}" -std=c99 -pedantic -Wall -Wextra -Werror tests/consume/consume.c $flags -o "$work/$1"
  "$work/$1" $model
}

with_cmake find_package tests/consume/find_package -DCMAKE_PREFIX_PATH="$prefix"
with_cmake fetch_content tests/consume/fetch_content -DFETCHCONTENT_SOURCE_DIR_MOTE="$root"
step tools_asked_for
cmake -S tests/consume/fetch_content -B "$work/asked" -DFETCHCONTENT_SOURCE_DIR_MOTE="$root" -DMOTE_BUILD_TOOLS=ON \
  > "$work/asked.log" 2>&1 || { echo failed; cat "$work/asked.log"; exit 1; }
echo 'configured, with weights_tool'
with_pkg_config pkg_config "$(dirname "$(find "$prefix" -name mote.pc)")"
# Installed to one place, moved to another: the package file holds no absolute path.
make -s install BUILD="$BUILD" PREFIX="$work/installed" > "$work/install.log" 2>&1 || { cat "$work/install.log"; exit 1; }
mv "$work/installed" "$work/moved"
with_pkg_config make_install "$work/moved/lib/pkgconfig"
test -x "$work/moved/bin/weights_tool"
echo 'consume: all work'
