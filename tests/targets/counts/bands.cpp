// bands.cpp: the bands of one pass of a model in the order a device runs them, for count.awk to join with what plugin.c
// counted. Runs nothing.
//
//   bands MODEL WORK      WORK: of a bounded run, as the firmware has it
//
// A line for each band:  band OPERATOR PHASE CLASS RUN WORK OUTPUTS WEIGHTS KIND NAME
// and at the end:        runs COUNT macs COUNT
#include <cstdio>
#include <cstdlib>

#include "weights_tool/commands/inspect_bands.h"
#include "weights_tool/commands/model_buffer.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/graph/reader.h"
#include "weights_tool/io/error.h"

int main(int argc, char** argv) {
  using namespace mote::tool;  // NOLINT: a program
  if (argc != 3) return std::fprintf(stderr, "bands MODEL WORK\n"), 2;
  try {
    const ModelSource source = load_model_source(argv[1], {});
    const ModelBuffer buffer(source.bytes, argv[1]);
    const std::vector<PassBand> bands = replay_pass(buffer.view(), std::strtoull(argv[2], nullptr, 10));
    for (const PassBand& band : bands) {
      const Node& node = source.graph.nodes[band.op];
      const char* name = cost_class(buffer.view(), buffer.view().operators[band.op], band.phase);
      std::printf("band %u %u %s %u %llu %.1f %.0f %s %s\n", band.op, band.phase, name == nullptr ? "-" : name,
                  band.run, static_cast<unsigned long long>(band.work), band.outputs, band.weights,
                  kind_name(node.kind), node.name.c_str());
    }
    std::printf("runs %u macs %lld\n", bands.back().run + 1, static_cast<long long>(graph_macs(source.graph)));
  } catch (const Error& error) {
    std::fprintf(stderr, "bands: %s\n", error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}
