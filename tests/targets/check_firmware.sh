#!/bin/sh
# Checks what a linked program for a microcontroller holds: of the C and C++ libraries only the memory functions, strlen
# and the compiler's helpers; so no heap, exceptions, stdio, locale, threads, libm (sqrtf aside, where there is no float
# unit) or arithmetic in double precision, and no global constructors. Reads ELF files of any machine; the sources are
# check_device.sh's.
#
#   sh tests/targets/check_firmware.sh [--target TARGET] FIRMWARE.elf OWN...
#
# OWN: the objects and libraries that the program was linked from and that are its own. A function or variable that none
# of them defines came from a library.
set -u
LC_ALL=C
export LC_ALL
target=
if [ "${1:-}" = --target ]; then target=$2; shift 2; fi
elf=${1:?usage: check_firmware.sh [--target TARGET] FIRMWARE.elf OWN...}
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

allowed='mem(cpy|set|move|cmp)|strlen|__aeabi_[a-z0-9]+|__(u?divmod|u?div|u?mod|clz|ctz)[sd]i[234]?'
if [ "$target" = m3 ]; then # float arithmetic in software, and a square root that may set errno
  allowed="$allowed|__(add|sub|mul|div|cmp|unord|eq|ne|lt|le|gt|ge)sf[23]|__fix(uns)?sf[sd]i|__float(un)?[sd]isf"
  allowed="$allowed|sqrtf|__ieee754_sqrtf|__errno|__fdlib_version|_impure_ptr|impure_data"
fi

readelf -sW "$elf" > "$work/symbols" && readelf -SW "$elf" > "$work/sections" && readelf -sW "$@" > "$work/own" ||
  { echo "check_firmware: cannot read $elf $*" >&2; exit 1; }

# Num: Value Size Type Bind Vis Ndx Name
awk -v allowed="^($allowed)\$" '
  function why(name) {
    if (name ~ /^_*(malloc|calloc|realloc|free|sbrk|memalign)(_r)?$|^_Z(n[wa]|d[la])/) return "the heap"
    if (name ~ /printf|scanf|puts|putc|fopen|fwrite|fflush|fclose|__s[a-z]*init|__sf|_swrite|_sread|basic_(i|o|f)/) return "stdio"
    if (name ~ /locale|mbtowc|wctomb|_ctype/) return "locale"
    if (name ~ /^_*(pthread|gthread|tls_get)|^__emutls/) return "threads"
    if (name ~ /^(__cxa_guard|__cxa_atexit|atexit|__call_exitprocs|__libc_init_array)/) return "objects that are made at run time"
    if (name ~ /^__cxa_|^_Unwind|^__gxx_|^__gnu_unwind|^_ZSt9terminate|^_ZTI|^__aeabi_unwind/) return "exceptions"
    if (name ~ /^(abort|raise|_kill|exit|_exit|__assert.*)$/) return "abort and exit"
    if (name ~ /^__aeabi_(d|.*2d$)|df[23]$|(df|[sd]f)[sd]f2$|df[sd]i$|[sd]idf$/) return "double precision"
    if (name ~ /^__aeabi_u?ldivmod$|^__u?(div|mod)(mod)?di[34]$/) return "64-bit division, which is slow"
    if (name ~ /(sqrt|exp|log|pow|sin|cos|tan|floor|ceil|round|rint|fmod|hypot|scalb|copysign|cbrt|erf|gamma)[a-z0-9]*$/) return "libm"
    return "not for firmware"
  }
  $1 !~ /^[0-9]+:$/ || NF < 8 { next }
  FNR == NR { if ($7 != "UND") own[$8] = 1; next }
  $7 == "UND" { print "refers to " $8 ", which nothing defines"; next }
  ($4 == "FUNC" || $4 == "OBJECT" || $4 == "TLS" || $4 == "IFUNC") && !($8 in own) &&
    ($8 !~ allowed || why($8) ~ /^(double precision|exceptions|64-bit)/) { print "links " $8 ": " why($8) }
' "$work/own" "$work/symbols" > "$work/problems"

# [Nr] Name Type Address Off Size ...
awk '
  { sub(/^ *\[ *[0-9]+\] */, "") }
  $5 ~ /^0*$/ { next }
  $1 ~ /^\.(init_array|preinit_array|fini_array|ctors|dtors)/ { print "holds " $1 ": global constructors or destructors" }
  $1 ~ /^\.(eh_frame|gcc_except_table|ARM\.extab)/ { print "holds " $1 ": exceptions" }
  $1 ~ /^\.(tdata|tbss)/ { print "holds " $1 ": threads" }
' "$work/sections" >> "$work/problems"

if [ -s "$work/problems" ]; then
  sort -u "$work/problems" | { c++filt 2>/dev/null || cat; } >&2
  echo "check_firmware: $elf: $(sort -u "$work/problems" | wc -l) things that firmware may not have" >&2
  exit 1
fi
awk '$1 ~ /^[0-9]+:$/ && $4 == "FUNC" { ++n } END { print "check_firmware: " n " functions, none that firmware may not have" }' \
  "$work/symbols"
