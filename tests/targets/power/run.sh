#!/bin/sh
# Checks that the firmware example survives the loss of power: killed in the middle of steps and started again until it
# is done, it draws the picture of a run that nothing interrupts, with the least bounded runs too; and a kept state that
# is cut off, damaged or of another model is refused and the picture drawn anew. Also that a buffer one byte too small is
# refused with the needed size, and that what a program has of the self-test is what it calls.
#
#   sh tests/targets/power/run.sh FOLDER COMMAND...
#
# FOLDER holds the programs that power.mk builds and needed.txt, the size of the buffer. COMMAND runs a program, whose
# name follows it, in the current folder, and ends with the program's exit status. NM reads the symbols of the programs.
set -u
LC_ALL=C
export LC_ALL
folder=$(cd "${1:?usage: run.sh FOLDER COMMAND...}" && pwd) || exit 1
shift
rm -rf "$folder/work"
mkdir -p "$folder/work"
cd "$folder/work" || exit 1
failures=0

complain() {
  echo "power: $name: $*" >&2
  tail -n 12 out.txt | sed 's/^/    /' >&2
  failures=$((failures + 1))
}
begin() { # NAME COMMAND...: runs a program; its output is in out.txt, its exit status in $status
  name=$1
  shift
  timeout 300 "$@" "$folder/$name.elf" > out.txt 2>&1 < /dev/null
  status=$?
}
says() { grep -q "$1" out.txt || complain "does not say '$1'"; }
says_not() { if grep -q "$1" out.txt; then complain "says '$1'"; fi; }
ends_with() { [ "$status" = "$1" ] || complain "ended with $status instead of $1"; }
hashes() { grep '^hash' out.txt; }
draws() { [ "$(hashes)" = "$1" ] || complain "draws another picture: $2"; }

begin whole "$@"
ends_with 0
says '^self-test passed$'
says_not '^resumed$'
picture=$(hashes)
[ -n "$picture" ] || complain 'prints no hash'

# Each start of these finishes some steps and dies in the middle of the next.
for program in dies dies_least; do
  rm -f state.bin
  begin $program "$@"
  starts=1
  while [ "$status" = 2 ] && [ "$starts" -lt 40 ]; do
    says '^power lost$'
    begin $program "$@"
    says '^resumed$'
    starts=$((starts + 1))
  done
  ends_with 0
  draws "$picture" "after $starts starts"
  [ "$starts" -gt 2 ] || complain 'was not interrupted'
  [ $program = dies ] && most=$starts
done
begin whole "$@"
says_not '^resumed$' # a finished picture is forgotten
draws "$picture" 'after a finished one'

# The state after the first step, and what may become of it. From here on pictures of three steps will do.
rm -f state.bin
begin short "$@"
ends_with 0
picture=$(hashes)
begin dies "$@"
ends_with 2
mv state.bin good.bin
size=$(wc -c < good.bin)

cp good.bin state.bin
begin short_least "$@"
says '^resumed$'
draws "$picture" 'resumed, with the least bounded runs'

broken() { # WHAT COMMAND...: the state in state.bin must be refused
  what=$1
  shift
  begin short "$@"
  ends_with 0
  says '^state refused'
  says_not '^resumed$'
  draws "$picture" "$what"
}
byte_at() { tail -c +$(($1 + 1)) good.bin | head -c 1 | od -An -tu1 | tr -d ' \n'; }
put_byte() { printf "\\$(printf %03o "$1")"; }
for keep in 1 63 64 $((size - 1)); do
  head -c "$keep" good.bin > state.bin
  broken "from a state of $keep bytes" "$@"
done
for place in 0 5 13 16 50 100 $((size - 1)); do
  { head -c "$place" good.bin; put_byte $(($(byte_at $place) ^ 4)); tail -c +$((place + 2)) good.bin; } > state.bin
  broken "from a state with a wrong bit in byte $place" "$@"
done
# Of another model, and whole: SPEC.md, "Saved state"; gzip ends with the checksum of what it packed.
{ put_byte $(($(byte_at 16) ^ 1)); tail -c +18 good.bin; } > body.bin
{ head -c 12 good.bin; gzip -c body.bin | tail -c 8 | head -c 4; cat body.bin; } > state.bin
broken "from a state of another model" "$@"
begin short "$@" # nothing is kept of what was refused
says_not 'state'

begin small "$@"
ends_with 1
says "^needed $(cat ../needed.txt)\$"

# The tests of the model's kernels are linked where they are called, no others and nowhere else.
name=whole
"${NM:-nm}" ../whole.elf > symbols.txt || complain 'cannot read its symbols'
grep -q 'mote_self_test$' symbols.txt || complain 'does not have the self-test'
if grep -E '_f32_ref|average_pool_s8|upsample_s8_ref|mote_all_' symbols.txt > out.txt; then complain 'links too much'; fi
name=untested
"${NM:-nm}" ../untested.elf > symbols.txt || complain 'cannot read its symbols'
if grep -i 'self_test\|SelfTest' symbols.txt > out.txt; then complain 'has something of the self-test'; fi
begin untested "$@"
ends_with 0
says_not 'self-test'

if [ "$failures" -ne 0 ]; then
  echo "power: $failures failures" >&2
  exit 1
fi
echo "power: the same picture in $most starts as in one; broken states are refused"
