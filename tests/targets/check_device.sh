#!/bin/sh
# Checks that device code (src/ and include/mote/*.h) is what it promises to be: no heap, exceptions, RTTI, stdio, libm,
# static constructors, guard variables or writable globals; and that an ISA file exports nothing but its kernels.
# Reads the sources for what they include and a libmote.a (any ELF machine) for the symbols of its objects. Of a second
# library, the host's, only the ISA files are looked at.
#
#   sh tests/targets/check_device.sh build/libmote.a [build/libweights.a]        from the root of the repository
set -u
LC_ALL=C
export LC_ALL
library=${1:?usage: check_device.sh LIBMOTE.A [LIBWEIGHTS.A]}
host=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Everything device code may include that is not its own.
headers='stddef.h stdint.h cstddef cstdint cstring cfloat climits limits new type_traits
  immintrin.h cpuid.h arm_neon.h sys/auxv.h asm/hwcap.h'
# Every function it may call that is not its own: the memory functions (clang writes memcmp() == 0 as bcmp), sqrtf where
# there is no instruction for it, and what compilers add by themselves (stack protector, detection of features).
symbols='memcpy memset memmove memcmp bcmp sqrtf __stack_chk_fail __stack_chk_guard _GLOBAL_OFFSET_TABLE_
  __cpu_model __cpu_indicator_init getauxval'

find src include/mote -name '*.h' -o -name '*.cpp' | sort | xargs grep -n '^[[:space:]]*#[[:space:]]*include' > "$work/includes"
awk -v allowed="$headers" '
  BEGIN { n = split(allowed, list); for (i = 1; i <= n; i++) ok[list[i]] = 1 }
  match($0, /<[^>]*>/) { name = substr($0, RSTART + 1, RLENGTH - 2); if (!(name in ok) && name !~ /^mote\//) print $0 ": not for device code" }
  /"weights_tool\/|"tests\/|"\.\.\// { print $0 ": device code knows nothing above it" }
' "$work/includes" > "$work/problems"

readelf -sW "$library" > "$work/symbols" || exit 1
readelf -SW "$library" > "$work/sections" || exit 1

# readelf -s: Num: Value Size Type Bind Vis Ndx Name, a "File: lib.a(member)" line before each object. Two passes: first
# what the library defines itself, then what is wrong.
awk -v allowed="$symbols" '
  BEGIN { n = split(allowed, list); for (i = 1; i <= n; i++) ok[list[i]] = 1 }
  /^File: / { member = $2; sub(/.*\(/, "", member); sub(/\)$/, "", member); next }
  $1 !~ /^[0-9]+:$/ || NF < 8 { next }
  NR == FNR { if ($7 != "UND") ok[$8] = 1; next }
  $7 == "UND" && !($8 in ok) { print member ": calls " $8 ", which a device may not have" }
  $7 != "UND" && $8 ~ /^_ZGV/ { print member ": guard variable " $8 " (a static that is made at run time)" }
  $7 != "UND" && $8 ~ /^_ZT[IV]/ { print member ": " $8 " (virtual functions or RTTI)" }
' "$work/symbols" "$work/symbols" >> "$work/problems"

# An inline function of a shared header that an ISA file emits may be the one the linker keeps, and then runs everywhere.
if [ -n "$host" ]; then readelf -sW "$host" > "$work/host" || exit 1; else : > "$work/host"; fi
awk '
  /^File: / { member = $2; sub(/.*\(/, "", member); sub(/\)$/, "", member); next }
  member ~ /_(avx2|avx512|neon|dotprod|i8mm)\.o$/ && $1 ~ /^[0-9]+:$/ && NF >= 8 && $7 != "UND" && ($5 == "WEAK" || $5 == "UNIQUE") {
    print member ": weak symbol " $8 ", which could replace the portable one; put it in an anonymous namespace" }
' "$work/symbols" "$work/host" >> "$work/problems"

# readelf -S: [Nr] Name Type Address Off Size ...; constant tables with pointers are .data.rel.ro.
awk '
  /^File: / { member = $2; sub(/.*\(/, "", member); sub(/\)$/, "", member); next }
  { sub(/^ *\[ *[0-9]+\] */, "") }
  $1 ~ /^\.(init_array|ctors|preinit_array)/ { print member ": static constructor (" $1 ")" }
  $1 ~ /^\.(gcc_except_table)/ { print member ": exception tables" }
  $1 ~ /^\.(data|bss|tdata|tbss)/ && $1 !~ /^\.data\.rel\.ro/ && $5 !~ /^0+$/ { print member ": writable global data (" $1 ")" }
' "$work/sections" >> "$work/problems"

members=$(grep -c '^File: ' "$work/symbols")
if [ -s "$work/problems" ]; then
  sort -u "$work/problems" | { c++filt 2>/dev/null || cat; }
  echo "check_device: $(sort -u "$work/problems" | wc -l) problems in $members objects" >&2
  exit 1
fi
echo "check_device: $members objects, $(wc -l < "$work/includes") includes: nothing a device lacks"
