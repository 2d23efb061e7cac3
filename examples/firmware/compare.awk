# compare.awk: prints the rows of sizes.awk as a table; exit status 1 if two targets drew different pictures. A target
# that this machine cannot run has "-" for a hash and says why at the end of its row; it is not counted.
function problem(text) { problems = problems "targets: " text "\n" }
BEGIN {
  format = "%-9s %-9s %-9s %5s  %-13s %6s %9s %7s %7s %6s %6s %10s"
  printf format "\n", "target", "hash", "hash-f32", "steps", "kernels", "code", "constants", "model", "RAM", "arena",
    "stack", "stack-used"
}
{
  line = sprintf(format, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
  for (i = 13; i <= NF; ++i) line = line " " $i
  print line
}
$2 == "-" && NF > 12 { ++absent; next }
{
  if ($2 !~ /^[0-9a-f]+$/ || length($2) != 8) problem($1 " has no hash")
  else if (!drawn++) { first = $1; hash = $2 " " $3 " " $4 }
  else if ($2 " " $3 " " $4 != hash) problem($1 " draws another picture than " first)
}
END {
  if (!drawn) problem("nothing was drawn")
  if (problems == "") print "targets: the same picture on " drawn (absent ? ", " absent " not run here" : "")
  printf "%s", problems
  exit problems != ""
}
