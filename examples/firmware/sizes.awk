# sizes.awk: one row about one target, from `size -A` of its ELF and, with table=1, what it printed when it ran.
#   TARGET HASH HASH-F32 STEPS KERNELS CODE CONSTANTS MODEL RAM ARENA STACK STACK-USED [WHY]   (- : not known)
# Bytes. RAM holds stack and arena; CODE has the vector table, CONSTANTS initial values of variables.
function known(name) { return name in value ? value[name] : "-" }
BEGIN { cross = 0; absent = "" }
/^absent: / { sub(/^absent: /, ""); absent = $0 }
$1 ~ /^\./ && $2 ~ /^[0-9]+$/ && NF == 3 { size[$1] = $2; cross = 1 }
$1 == "step" { steps = $2; sub(/\/.*/, "", steps) }
$1 ~ /^(kernels|hash|hash-f32|stack|stack-used)$/ && NF == 2 { value[$1] = $2 }
/^mote .*, arena [0-9]+$/ { value["arena"] = $NF }
END {
  code = size[".vectors"] + size[".text"] + size[".ARM.exidx"]
  constants = size[".rodata"] + size[".data"]
  ram = size[".stack"] + size[".data"] + size[".bss"]
  if (!table)
    printf "%s: code %d, constants %d, model %d bytes of flash; %d bytes of RAM, of which stack %d\n", target, code,
      constants, size[".model"], ram, size[".stack"]
  else if (absent != "")
    print target, "- - - - - - - - - - -", absent
  else if (cross)
    print target, known("hash"), known("hash-f32"), steps, known("kernels"), code, constants, size[".model"], ram,
      known("arena"), known("stack"), known("stack-used")
  else
    print target, known("hash"), known("hash-f32"), steps, known("kernels"), "- - - -", known("arena"), "- -"
}
