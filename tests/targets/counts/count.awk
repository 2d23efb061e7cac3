# count.awk: rows of counts.csv about one step of a model, from what bands.cpp says of its bands and the log of plugin.c:
#   awk -v target=T -v kernels=SET -v bytes=MODEL_BYTES -f count.awk BANDS LOG
# The log has the marks, by number: 0 mote_open, 1 mote_check, 2 mote_sampler_create, 3 mote_sampler_run,
# 4 Runner::run_job, 5 sampler_update, 6 board_kick_watchdog.
#   target,TABLE,NAME,KIND,UNIT,COUNT,INSTRUCTIONS,PER_UNIT,PER_OUTPUT,PER_WEIGHT
# From one mark to the next the instructions belong to the first: to a band what its operator does and what takes the
# runner to the next; to the rest ("calls") the bounded runs' beginnings and ends, the application's loop included.
NR == FNR && $1 == "band" {
  ++bands
  operator_of[bands] = $2; class[bands] = $4; m[bands] = $6; o[bands] = $7; w[bands] = $8
  kind[$2] = $9; name[$2] = $10
  if ($9 == "conv2d" || $9 == "linear" || $9 == "attention") { if ($4 != "conv_constants") macs[$2] += $6 }
  else if ($4 != "norm_sums" && $4 != "norm_constants") elements[$2] += $7
  next
}
NR == FNR { runs = $2; all_macs = $4; next }
$1 == "end" { next }
{
  spent_on = before == 3 || before == 6 ? "calls" : before
  if (step == 1) add_up(spent_on, $2 - then)
  else if (step == 0 && started) start[before] += $2 - then
  if ($1 == 3 && step == 0) step = 1
  if (before == 5) step = 2
  if ($1 == 4 && step == 1) ++reached
  before = $1; then = $2; started = 1
}
function add_up(what, instructions) {
  all += instructions
  if (what == "calls") calls += instructions
  else if (what == 5) update += instructions
  else if (what == 4) { spent[operator_of[reached]] += instructions; y[reached] += instructions }
}
function row(table, name, kind, unit, count, instructions) {
  printf "%s,%s,%s,%s,%s,%d,%d,%.4f,,\n", target, table, name, kind, unit, count, instructions, instructions / count
}
# Of every class of work, instructions as a * work + b * outputs + c * weights, by least squares over its bands, none of
# them negative: of the four ways to leave b and c out the one that is nearest. The sum is kept.
function fit(this, subset, i, j, n, error, least, best, total, predicted, sum_work) {
  for (i = 1; i <= bands; ++i) if (class[i] == this) { ++n; total += y[i]; sum_work += m[i] }
  least = -1
  for (subset = 0; subset < 4; ++subset) {
    if (subset && (n < 8 || this !~ /^(conv|linear)/ || this == "conv_constants")) break
    if (!solve(this, subset % 2, int(subset / 2))) continue
    error = predicted = 0
    for (i = 1; i <= bands; ++i) if (class[i] == this) {
      j = c[1] * m[i] + c[2] * o[i] + c[3] * w[i]
      predicted += j
      error += (j - y[i]) * (j - y[i]) / y[i]
    }
    if (least < 0 || error < 0.98 * least) { least = error; for (i = 1; i <= 3; ++i) best[i] = c[i] * total / predicted }
  }
  printf "%s,class,%s,%d bands,work,%d,%d,%.5f,%.4f,%.4f\n", target, this, n, sum_work, total, best[1], best[2], best[3]
}
# The normal equations, weighted by 1 / instructions, for work and, where asked for, outputs and weights: c[1 .. 3].
function solve(this, with_outputs, with_weights, i, r, k, v, a, n, of, f) {
  n = 0; of[++n] = 1
  if (with_outputs) of[++n] = 2
  if (with_weights) of[++n] = 3
  for (i = 1; i <= bands; ++i) {
    if (class[i] != this || y[i] <= 0) continue
    v[1] = m[i]; v[2] = o[i]; v[3] = w[i]
    for (r = 1; r <= n; ++r) {
      for (k = 1; k <= n; ++k) a[r, k] += v[of[r]] * v[of[k]] / y[i]
      a[r, n + 1] += v[of[r]]
    }
  }
  for (r = 1; r <= n; ++r) diagonal[r] = a[r, r]
  for (r = 1; r <= n; ++r) {
    if (a[r, r] <= 1e-6 * diagonal[r]) return 0
    for (i = 1; i <= n; ++i) if (i != r) {
      f = a[i, r] / a[r, r]
      for (k = r; k <= n + 1; ++k) a[i, k] -= f * a[r, k]
    }
  }
  c[1] = c[2] = c[3] = 0
  for (r = 1; r <= n; ++r) {
    c[of[r]] = a[r, n + 1] / a[r, r]
    if (c[of[r]] < 0) return 0
  }
  return c[1] > 0
}
END {
  if (reached != bands || step != 2) {
    printf "count.awk: %s ran %d bands, %d are expected\n", target, reached, bands > "/dev/stderr"
    exit 1
  }
  for (i in name) ++operator_count
  row("start", "open", "", "operator", operator_count, start[0])
  row("start", "check", "", "byte", bytes, start[1])
  row("start", "create", "", "element", elements_of_picture(), start[2])
  for (i = 0; i in name; ++i) {
    if (macs[i]) row("operator", name[i], kind[i], "mac", macs[i], spent[i])
    else row("operator", name[i], kind[i], "element", elements[i], spent[i])
    if (kind[i] == "conv2d") { convolutions += spent[i]; convolution_macs += macs[i] }
    operators += spent[i]
  }
  row("whole", "convolutions", kernels, "mac", convolution_macs, convolutions)
  row("whole", "operators", kernels, "mac", all_macs, operators)
  row("whole", "sampler-step", "", "element", elements_of_picture(), update)
  row("whole", "calls", "", "run", runs, calls)
  row("whole", "step", kernels, "mac", all_macs, all)
  printf "%s,whole,ratio,%s,step/convolutions,%d,%d,%.4f,,\n", target, kernels, convolutions, all, all / convolutions
  for (i = 1; i <= bands; ++i) {
    if (!(class[i] in done)) fit(class[i])
    done[class[i]] = 1
  }
  printf "%s,class,check,,byte,%d,%d,%.5f,0,0\n", target, bytes, start[1], start[1] / bytes
  printf "%s,class,create,,element,%d,%d,%.5f,0,0\n", target, elements_of_picture(), start[2], start[2] / elements_of_picture()
  printf "%s,class,sampler_step,,element,%d,%d,%.5f,0,0\n", target, elements_of_picture(), update, update / elements_of_picture()
  printf "%s,class,call,,run,%d,%d,%.5f,0,0\n", target, runs, calls, calls / runs
}
# The first operator is that on x_t.
function elements_of_picture() { return elements[0] }
