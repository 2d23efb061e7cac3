#!/bin/sh
# Proves that the table of `make targets` fails when it must: two pictures that differ, a target without a hash, nothing
# drawn; and that a target this machine cannot run fails nothing.
#
#   sh tests/targets/table_test.sh        from the root
set -u
rows=examples/firmware/sizes.awk table=examples/firmware/compare.awk
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# $1: a target, $2: the hash it printed, or how it says that it was not run
row() {
  case $2 in
    absent*) echo "$2" ;;
    *) printf 'mote 0.1.0, arena 66752\nkernels ref\nstep 10/10\nhash %s\nhash-f32 808c4fc7\n' "$2" ;;
  esac | awk -v target="$1" -v table=1 -f "$rows" >> "$work/table"
}

# $1: the exit status, $2: what must be said
expect() {
  status=0
  awk -f "$table" "$work/table" > "$work/log" || status=$?
  if [ "$status" != "$1" ] || ! grep -q -- "$2" "$work/log"; then
    echo "table_test: wanted status $1 and '$2', got $status" >&2
    cat "$work/log" >&2
    exit 1
  fi
  : > "$work/table"
}

row m3 9498f51c; row wasm 9498f51c
expect 0 'the same picture on 2$'
row m3 9498f51c; row m4f 9498f51d; row wasm 9498f51c
expect 1 'm4f draws another picture than m3'
row m3 9498f51c; row x86-avx2 'absent: this processor has no avx2'
expect 0 'the same picture on 1, 1 not run here'
row m3 9498f51c; row m4f ''
expect 1 'm4f has no hash'
row x86-avx2 'absent: this processor has no avx2'
expect 1 'nothing was drawn'
echo 'table_test: fails where it must'
