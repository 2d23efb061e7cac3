# boards.awk: the tables of examples/firmware/BOARDS.md: awk -f boards.awk inspect_cost.cpp counts.csv footprint.csv
# Of the first file the cores: names, clocks and assumed cycles for each instruction.
BEGIN { FS = "," }
FNR == 1 { ++input }
input == 1 && /^ +\{"[a-z0-9]+", "[^"]*", [0-9.]+, [0-9.]+\},$/ {
  split($0, text, "\"")
  split(text[5], number, /[ ,}]+/)
  target[++targets] = text[2]; core[text[2]] = text[4]; mhz[text[2]] = number[2]; cpi[text[2]] = number[3]
}
input == 2 && $2 == "whole" && $3 == "step" { step[$1] = $7; each[$1] = $8; kernels[$1] = $4 }
input == 2 && $2 == "whole" && $3 == "ratio" { ratio[$1] = $8 }
input == 2 && $2 == "start" { start[$1] += $7 }
input == 2 && $2 == "layer" { layer[$1, $3] = sprintf($5 == "mac" ? "%.3f" : "%.1f", $8) }
input == 3 && FNR > 1 { row[++rows] = $0 }
function million(n) { return sprintf("%.1f", n / 1e6) }
function seconds(t, instructions, s) {
  s = instructions * cpi[t] / (mhz[t] * 1e6)
  return s < 1 ? sprintf("%.3g ms", s * 1e3) : sprintf("%.3g s", s)
}
function best(t, name) { return (t, name "-packed") in layer ? layer[t, name] " / " layer[t, name "-packed"] : layer[t, name] }
END {
  print "| target | core | kernels | million instructions a step | for each MAC | step / its convolutions | MHz | cycles for each, assumed | a step | a picture |"
  print "|---|---|---|---|---|---|---|---|---|---|"
  for (i = 1; i <= targets; ++i) {
    t = target[i]
    printf "| %s | %s | %s | %s | %.3f | %.2f | %d | %s | %s | %s |\n", t, core[t], kernels[t], million(step[t]), each[t],
      ratio[t], mhz[t], cpi[t], seconds(t, step[t]), seconds(t, start[t] + steps * step[t])
  }
  print ""
  print "| target | 3x3 of 28x28x32 to 32 | 3x3 of 14x14x64 to 64 | addition | normalisation | with SiLU | requantisation |"
  print "|---|---|---|---|---|---|---|"
  for (i = 1; i <= targets; ++i) {
    t = target[i]
    printf "| %s | %s | %s | %s | %s | %s | %s |\n", t, best(t, "conv3x3-28x28x32-32"), best(t, "conv3x3-14x14x64-64"),
      layer[t, "add"], layer[t, "affine"], layer[t, "affine-table"], layer[t, "requantisation"]
  }
  print ""
  print "| core | operators | code | of it mote's | constants | RAM | of it the arena | stack, reserved | stack, at most |"
  print "|---|---|---|---|---|---|---|---|---|"
  for (i = 1; i <= rows; ++i) {
    split(row[i], f, ",")
    printf "| %s | %s | %d | %d | %d | %d | %d | %d | %d |\n", f[1], f[2] == "all" ? "all" : "the model's", f[3], f[4], f[5],
      f[6], f[9], f[7], f[8]
  }
}
