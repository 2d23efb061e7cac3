# insert.awk: a document with a table put anew between its two marks: awk -f insert.awk TABLE DOCUMENT
NR == FNR { table = table $0 "\n"; next }
/^<!-- end -->/ { inside = 0 }
!inside { print }
/^<!-- boards-table -->/ { inside = 1; printf "\n%s\n", table }
