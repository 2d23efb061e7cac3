#!/bin/sh
# run.sh: runs a program under QEMU with plugin.c and leaves the plugin's log and what the program printed.
#
#   run.sh NM ELF PLUGIN LOG OUTPUT MARKS [stop=..,after=..] -- EMULATOR...
#
# MARKS: patterns for names of functions, separated by spaces, each matching one function of ELF: a mark for each, in
# order, at its first instruction. EMULATOR gets the ELF behind -kernel if it is one of a whole machine.
set -eu
nm=$1 elf=$2 plugin=$3 log=$4 output=$5 marks=$6 stop=
shift 6
case $1 in --) ;; *) stop=,$1; shift ;; esac
shift
addresses=
for mark in $marks; do
  address=$($nm "$elf" | awk -v mark="^($mark)\$" 'tolower($2) == "t" && $3 ~ mark { print $1 }')
  case $address in
    '' | *[!0-9a-f]*) echo "run.sh: $elf has not exactly one function $mark" >&2; exit 1 ;;
  esac
  addresses="$addresses+0x$address"
done
case $1 in *system*) kernel=-kernel ;; *) kernel= ;; esac
status=0
"$@" -plugin "$plugin,log=$log,marks=${addresses#+}$stop" $kernel "$elf" < /dev/null > "$output.tmp" || status=$?
if [ $status != 0 ]; then
  cat "$output.tmp" >&2
  echo "run.sh: $elf failed" >&2
  exit 1
fi
mv "$output.tmp" "$output"
