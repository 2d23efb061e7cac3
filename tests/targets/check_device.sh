#!/bin/sh
# Checks that device code (src/ and include/mote/*.h) is what it promises to be: no heap, exceptions, RTTI, stdio, libm,
# static constructors, guard variables or writable globals; and that an ISA file exports nothing but its kernels.
# Reads the sources for what they include and a libmote.a (any ELF machine, or WebAssembly) for the symbols of its
# objects. Of a second library, the host's, only the ISA files are looked at.
#
#   sh tests/targets/check_device.sh [--target TARGET] LIBMOTE.A [LIBWEIGHTS.A]        from the root of the repository
#
# TARGET (m4f, aarch64, ...) is what the library was built for: each compiler calls helpers of its own.
set -u
LC_ALL=C
export LC_ALL
target=
if [ "${1:-}" = --target ]; then target=$2; shift 2; fi
library=${1:?usage: check_device.sh [--target TARGET] LIBMOTE.A [LIBWEIGHTS.A]}
host=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Everything device code may include that is not its own.
headers='stddef.h stdint.h cstddef cstdint cstring cfloat climits limits new type_traits
  immintrin.h cpuid.h arm_neon.h arm_acle.h arm_mve.h wasm_simd128.h sys/auxv.h asm/hwcap.h'
# Every function it may call that is not its own: the memory functions (clang writes memcmp() == 0 as bcmp), and what
# compilers add by themselves: stack protector, position independence, arithmetic on 64 bits but division, on ARMv7 that on
# 32, and where there is no float unit float arithmetic and sqrtf. Nothing of double precision.
memory='memcpy memset memmove memcmp bcmp'
compiler='__stack_chk_fail __stack_chk_guard _GLOBAL_OFFSET_TABLE_'
wide='__aeabi_lmul __aeabi_llsl __aeabi_llsr __aeabi_lasr __aeabi_lcmp __aeabi_ulcmp'
narrow='__aeabi_idiv __aeabi_idivmod __aeabi_uidiv __aeabi_uidivmod'
float='__aeabi_fadd __aeabi_fsub __aeabi_frsub __aeabi_fmul __aeabi_fdiv __aeabi_fcmpeq __aeabi_fcmpge __aeabi_fcmpgt
  __aeabi_fcmple __aeabi_fcmplt __aeabi_fcmpun __aeabi_f2iz __aeabi_f2uiz __aeabi_i2f __aeabi_ui2f __aeabi_l2f __aeabi_ul2f'
case $target in
  m3) helpers="$wide $float sqrtf" ;;
  m4f | m7 | m33 | m55) helpers=$wide ;;
  armv7) helpers="$wide $narrow" ;;
  aarch64) helpers=getauxval ;;
  riscv64) helpers='__clzdi2 __ctzdi2' ;;
  wasm) helpers='__stack_pointer __multi3 __linear_memory __indirect_function_table' ;;
  x86) helpers= ;;
  '') helpers='getauxval sqrtf' ;; # whatever machine this is
  *) echo "check_device: unknown target $target" >&2; exit 2 ;;
esac
symbols="$memory $compiler $helpers"

# $1: a library, $2: symbols, $3: sections, both as readelf prints them: a "File: lib.a(member)" line before each
# object; "Num: Value Size Type Bind Vis Ndx Name"; "[Nr] Name Type Address Off Size ...". Of WebAssembly, which has no
# such sections, the symbols are written in that form.
read_library() {
  if [ "$target" != wasm ]; then
    readelf -sW "$1" > "$2" && readelf -SW "$1" > "$3"
    return
  fi
  : > "$3"
  llvm_nm=$(command -v llvm-nm llvm-nm-14 emnm | head -n 1)
  "${llvm_nm:-llvm-nm}" "$1" 2> /dev/null > "$2.nm" || return 1
  awk '
    NF == 1 && /:$/ { sub(/:$/, ""); print "File: wasm(" $1 ")"; next }
    NF >= 2 { type = $(NF - 1); print "0: 0 0 " type, (type ~ /^[WV]$/ ? "WEAK" : "ANY"), "-", (type == "U" ? "UND" : "1"), $NF }
  ' "$2.nm" > "$2"
}

find src include/mote -name '*.h' -o -name '*.cpp' | sort | xargs grep -n '^[[:space:]]*#[[:space:]]*include' > "$work/includes"
awk -v allowed="$headers" '
  BEGIN { n = split(allowed, list); for (i = 1; i <= n; i++) ok[list[i]] = 1 }
  match($0, /<[^>]*>/) { name = substr($0, RSTART + 1, RLENGTH - 2); if (!(name in ok) && name !~ /^mote\//) print $0 ": not for device code" }
  /"weights_tool\/|"tests\/|"\.\.\// { print $0 ": device code knows nothing above it" }
' "$work/includes" > "$work/problems"

read_library "$library" "$work/symbols" "$work/sections" || { echo "check_device: cannot read $library" >&2; exit 1; }

# Two passes: first what the library defines itself, then what is wrong.
awk -v allowed="$symbols" '
  BEGIN { n = split(allowed, list); for (i = 1; i <= n; i++) ok[list[i]] = 1 }
  /^File: / { member = $2; sub(/.*\(/, "", member); sub(/\)$/, "", member); next }
  $1 !~ /^[0-9]+:$/ || NF < 8 { next }
  NR == FNR { if ($7 != "UND") ok[$8] = 1; next }
  $7 == "UND" && !($8 in ok) { print member ": calls " $8 ", which a device may not have" }
  $7 != "UND" && $8 ~ /^_ZGV/ { print member ": guard variable " $8 " (a static that is made at run time)" }
  $7 != "UND" && $8 ~ /^_ZT[IV]/ { print member ": " $8 " (virtual functions or RTTI)" }
  $7 != "UND" && $8 ~ /^_GLOBAL__sub_I_|^__cxx_global_var_init/ { print member ": static constructor (" $8 ")" }
' "$work/symbols" "$work/symbols" >> "$work/problems"

# An inline function of a shared header that an ISA file emits may be the one the linker keeps, and then runs everywhere.
: > "$work/host"
if [ -n "$host" ]; then read_library "$host" "$work/host" "$work/unread" || exit 1; fi
awk '
  /^File: / { member = $2; sub(/.*\(/, "", member); sub(/\)$/, "", member); next }
  member ~ /_(avx2|avx512|neon|dotprod|i8mm)\.o$/ && $1 ~ /^[0-9]+:$/ && NF >= 8 && $7 != "UND" && ($5 == "WEAK" || $5 == "UNIQUE") {
    print member ": weak symbol " $8 ", which could replace the portable one; put it in an anonymous namespace" }
' "$work/symbols" "$work/host" >> "$work/problems"

# Constant tables with pointers are .data.rel.ro.
awk '
  /^File: / { member = $2; sub(/.*\(/, "", member); sub(/\)$/, "", member); next }
  { sub(/^ *\[ *[0-9]+\] */, "") }
  $1 ~ /^\.(init_array|ctors|preinit_array)/ { print member ": static constructor (" $1 ")" }
  $1 ~ /^\.(gcc_except_table|ARM\.extab)/ { print member ": exception tables" }
  $1 ~ /^\.(data|bss|tdata|tbss)/ && $1 !~ /^\.data\.rel\.ro/ && $5 !~ /^0+$/ { print member ": writable global data (" $1 ")" }
' "$work/sections" >> "$work/problems"

members=$(grep -c '^File: ' "$work/symbols")
if [ "$members" = 0 ]; then echo "check_device: $library has no objects" >> "$work/problems"; fi
if [ -s "$work/problems" ]; then
  sort -u "$work/problems" | { c++filt 2>/dev/null || cat; } >&2
  echo "check_device: $(sort -u "$work/problems" | wc -l) problems in $members objects" >&2
  exit 1
fi
echo "check_device: $members objects, $(wc -l < "$work/includes") includes: nothing a device lacks"
