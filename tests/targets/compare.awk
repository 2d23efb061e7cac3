# compare.awk: two tables of the same shape: awk -v keys=K -v what=NAME -v skip=REGEX [-v only=A,B] -f compare.awk OLD NEW
# The first K columns name a row; of the others, those with numbers may differ by 2 %. Rows whose keys match `skip` are
# not compared. `only`: only rows whose first column is in the list. Lines that begin with # and the head are passed over.
BEGIN { FS = ","; failed = 0; n = split(only, list, ","); for (i = 1; i <= n; ++i) wanted[list[i]] = 1 }
/^#/ || NF < keys { next }
FNR == NR && !headed { for (i = 1; i <= NF; ++i) head[i] = $i; headed = 1; next }
$1 == head[1] { next }
only != "" && !($1 in wanted) { next }
{ key = $1; for (i = 2; i <= keys; ++i) key = key "," $i }
skip != "" && key ~ skip { next }
NR == FNR { for (i = keys + 1; i <= NF; ++i) old[key, i] = $i; known[key] = 1; next }
!(key in known) { complain(key " is not in the table"); next }
{
  known[key] = 2
  ++rows
  for (i = keys + 1; i <= NF; ++i) {
    before = old[key, i]
    if (before == $i) continue
    if (before !~ /^-?[0-9.]+$/ || $i !~ /^-?[0-9.]+$/) { complain(key ": " head[i] " was " before ", is " $i); continue }
    difference = $i - before; size = before < 0 ? -before : before
    if (difference > 0.02 * size || -difference > 0.02 * size)
      complain(sprintf("%s: %s was %s, is %s (%+.1f %%)", key, head[i], before, $i, size ? 100 * difference / size : 100))
  }
}
function complain(text) { print what ": " text > "/dev/stderr"; ++failed }
END {
  for (key in known) if (known[key] == 1) complain(key " is in the table, but was not measured")
  if (failed) {
    printf "%s: %d numbers are more than 2 %% off tests/targets/%s.csv; if that is meant: make %s ACCEPT=1\n", what, failed,
      what, what > "/dev/stderr"
    exit 1
  }
  printf "%s: %d rows as recorded\n", what, rows
}
