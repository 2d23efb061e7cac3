# layers.awk: rows of counts.csv from the log of plugin.c and what layers.cpp printed: awk -v target=T ... LOG OUTPUT
#   target,layer,NAME,KERNELS,UNIT,COUNT,INSTRUCTIONS,PER_UNIT,,
# The last row is what a convolution costs for each output when it multiplies nothing: twice the 1x1 convolution of 32
# input channels less that of 64.
NR == FNR { if ($1 != "end") at[++marks] = $2; next }
$1 == "kernels" { kernels = $2 }
$1 == "layer" {
  ++layers
  spent[$2] = at[2 * layers] - at[2 * layers - 1]
  row($2, $3, $4, spent[$2])
}
function row(name, unit, count, instructions) {
  printf "%s,layer,%s,%s,%s,%d,%d,%.4f,,\n", target, name, kernels, unit, count, instructions, instructions / count
}
END {
  if (marks != 2 * layers || layers == 0) { print "layers.awk: " marks " marks for " layers " layers" > "/dev/stderr"; exit 1 }
  row("requantisation", "output", 14 * 14 * 32, 2 * spent["conv1x1-14x14x32-32"] - spent["conv1x1-14x14x64-32"])
}
