// Graphs for the tests of the planner: shapes that a planner finds awkward, no values, nothing that could be run.
#pragma once
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "weights_tool/graph/graph.h"

namespace mote::test {

// A directed acyclic graph over feature maps of all sizes whose operators read tensors of any age.
inline tool::Graph random_graph(uint32_t seed, int nodes) {
  using namespace tool;
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint32_t>(n)); };
  Graph graph;
  const auto tensor = [&](int h, int w, int c, Role role) {
    Tensor t;
    t.name = "t" + std::to_string(graph.tensors.size());
    t.role = role;
    t.rank = 3;
    t.dims = {h, w, c, 1};
    graph.tensors.push_back(t);
    return static_cast<int>(graph.tensors.size()) - 1;
  };
  graph.input = tensor(8, 8, 3, Role::input);
  std::vector<int> maps{graph.input};
  // Mostly a recent one, sometimes any.
  const auto pick = [&] {
    const int count = static_cast<int>(maps.size());
    return maps[static_cast<size_t>(below(3) ? count - 1 - below(std::min(count, 4)) : below(count))];
  };
  for (int i = 0; i < nodes; ++i) {
    Node node;
    node.name = "n" + std::to_string(i);
    const int x = pick();
    const auto dims = graph.tensors[static_cast<size_t>(x)].dims;
    std::array<int, 4> out = dims;
    switch (below(5)) {
      case 0: node.kind = OpKind::activation; break;
      case 1:
        node.kind = OpKind::group_norm;
        node.groups = 1;
        break;
      case 2: {
        node.kind = OpKind::add;
        node.x[1] = x;
        for (int t : maps)
          if (t != x && graph.tensors[static_cast<size_t>(t)].dims == dims) node.x[1] = t;
        break;
      }
      default: {
        node.kind = OpKind::conv2d;
        out = {dims[0], dims[1], 1 + below(60), 1};
        const int second = pick();
        if (below(2) && second != x) node.x[1] = second;
        break;
      }
    }
    node.x[0] = x;
    node.y[0] = tensor(out[0], out[1], out[2], Role::activation);
    graph.output = node.y[0];
    maps.push_back(node.y[0]);
    graph.nodes.push_back(node);
  }
  return graph;
}

}  // namespace mote::test
