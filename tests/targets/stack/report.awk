# report.awk: the stack of a target: awk -v target=T -f report.awk STACK OUTPUT
# STACK: what stack_bound printed, OUTPUT: what the application printed: its stack, and what of the painted one was used.
# Fails unless in use <= bound <= reserved.
NR == FNR && $1 == "deepest:" { deepest = $0; next }
NR == FNR { printf "%-28s %6d\n", $1, $2; if ($1 == "reset_handler") bound = $2; next }
$1 == "stack" && NF == 2 { reserved = $2 }
$1 == "stack-used" { used = $2 }
END {
  print deepest
  printf "stack-%s: %d bytes in use, at most %d, %d reserved\n", target, used, bound, reserved
  if (used == "" || used > bound || bound > reserved) {
    print "stack-" target ": what was in use must not exceed the bound, nor the bound what is reserved" > "/dev/stderr"
    exit 1
  }
}
