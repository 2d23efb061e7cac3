# costs.awk: weights_tool/commands/target_costs.h from counts.csv. Costs that the shipped model does not show come from the
# single kernel calls.
BEGIN {
  FS = ","
  layer["table"] = "activation"; layer["add"] = "add"; layer["upsample-2"] = "upsample"
  layer["average-pool-2"] = "average_pool"; layer["weight-sums-64x3x3x64"] = "conv_constants"
  layer["attention-49x3x16"] = "attention"; layer["quantize-s16"] = "quantize"; layer["channel-sums"] = "norm_sums"
  layer["affine-table"] = "norm"
  convolution["conv3x3-14x14x64-64"] = "conv3x3"; convolution["conv3x3-down-28x28x32-32"] = "conv3x3_down"
  convolution["conv3x3-up-14x14x32-32"] = "conv3x3_up"; convolution["conv1x1-14x14x64-32"] = "conv1x1"
  convolution["conv3x3-s16-28x28x1-16"] = "conv_s16"; convolution["conv3x3-f32-28x28x16-1"] = "conv_f32"
  convolution["linear-64-64"] = "linear"
  for (name in convolution) { layer[name] = convolution[name]; layer[name "-0"] = convolution[name] "_plain" }
  layer["conv3x3-28x28x32-32-8192"] = "conv3x3_direct"
  print "// Instructions of each class of work on each target, for `inspect --target`: work_cost for each unit of work (a"
  print "// multiply-accumulate, or an element where there are none), output_cost for each element of output, weight_cost for"
  print "// each weight that is read (PassBand)."
  print "// Made from tests/targets/counts.csv by `make counts ACCEPT=1`: do not edit."
  print "#pragma once"
  print ""
  print "namespace mote::tool {"
  print ""
  print "struct TargetCost {"
  print "  const char *target, *work_class;"
  print "  double work_cost, output_cost, weight_cost;"
  print "};"
  print ""
  print "constexpr TargetCost target_costs[] = {"
}
$2 == "class" { print "    {\"" $1 "\", \"" $3 "\", " $8 ", " $9 ", " $10 "}," ; seen[$1, $3] = 1 }
$2 == "layer" && $3 in layer { rest[++count] = $0 }
END {
  for (i = 1; i <= count; ++i) {
    split(rest[i], f, ",")
    if (!((f[1], layer[f[3]]) in seen)) print "    {\"" f[1] "\", \"" layer[f[3]] "\", " f[8] ", 0, 0},"
  }
  for (i = 1; i <= count; ++i) {
    split(rest[i], f, ",")
    if (f[3] ~ /-8192$/ && !((f[1], "conv3x3_up_direct") in seen)) print "    {\"" f[1] "\", \"conv3x3_up_direct\", " f[8] ", 0, 0},"
  }
  print "};"
  print ""
  print "}  // namespace mote::tool"
}
