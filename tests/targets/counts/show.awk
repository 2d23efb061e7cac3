# show.awk: rows of counts.csv as a table to read: awk -v tables=operator,whole -f show.awk FILE
BEGIN { FS = ","; n = split(tables, list, ","); for (i = 1; i <= n; ++i) wanted[list[i]] = 1 }
!($2 in wanted) { next }
$2 != table {
  table = $2
  printf "\n%s: %s\n%-32s %-16s %12s %12s %14s\n", $1, table, "name", "kind", "count", "of", "instructions"
}
{ printf "%-32s %-16s %12d %12s %14d %9.3f\n", $3, $4, $6, $5, $7, $8 }
END { print "" }
