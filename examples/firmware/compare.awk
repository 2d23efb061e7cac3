# compare.awk: prints the rows of sizes.awk as a table; exit status 1 if two targets drew different pictures.
BEGIN {
  format = "%-9s %-9s %-9s %5s  %-8s %6s %9s %7s %7s %6s %6s %10s\n"
  printf format, "target", "hash", "hash-f32", "steps", "kernels", "code", "constants", "model", "RAM", "arena",
    "stack", "stack-used"
}
{
  printf format, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
  if ($2 !~ /^[0-9a-f]+$/ || length($2) != 8) { print "targets: " $1 " has no hash"; bad = 1 }
  if (NR == 1) { first = $1; hash = $2 " " $3 " " $4 }
  else if ($2 " " $3 " " $4 != hash) { print "targets: " $1 " draws another picture than " first; bad = 1 }
}
END {
  if (NR == 0) bad = 1
  if (!bad) print "targets: the same picture on " NR
  exit bad
}
