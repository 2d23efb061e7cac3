# footprint.awk: a row of footprint.csv: awk -v core=C -v build=B -v arena=BYTES -f footprint.awk SIZES MAP STACK
# SIZES: of `size -A` of the program; MAP: the linker's; STACK: what stack_bound printed.
#   core,build,code,code_mote,constants,ram,stack,stack_bound,arena
# Bytes. code: the whole program's, vectors and unwinding index included; code_mote: of libmote.a alone, without
# application, start-up, libc and libgcc. constants: read-only data and initial values without the model. ram: stack,
# arena and every variable. stack: reserved by the linker script; stack_bound: the most that reset and main can need.
FNR == 1 { ++input }
input == 1 && $1 ~ /^\./ && NF == 3 { size[$1] = $2 }
input == 2 && /^Linker script and memory map/ { placed = 1 }
input == 2 && placed && /^ \.[a-z]/ { section = $1 }
input == 2 && placed && /libmote\.a\(/ {
  at = $1 ~ /^0x/ ? 1 : 2
  if (section ~ /^\.text/ && $at ~ /^0x/ && $(at + 1) ~ /^0x/) mote += hexadecimal($(at + 1))
}
input == 3 && $1 == "reset_handler" { bound = $2 }
function hexadecimal(text, value, i) {
  value = 0
  text = tolower(substr(text, 3))
  for (i = 1; i <= length(text); ++i) value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
  return value
}
END {
  printf "%s,%s,%d,%d,%d,%d,%d,%d,%d\n", core, build, size[".vectors"] + size[".text"] + size[".ARM.exidx"], mote,
    size[".rodata"] + size[".data"], size[".stack"] + size[".data"] + size[".bss"], size[".stack"], bound, arena
}
