#include "weights_tool/quantize/fold_time.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "diffusion/rows.h"
#include "weights_tool/quantize/graph_runner.h"

namespace mote::tool {
namespace {

size_t at(int index) { return static_cast<size_t>(index); }

// Nodes that nothing of x_t reaches.
std::vector<bool> find_time_nodes(const Graph& graph) {
  std::vector<bool> reached(graph.tensors.size(), false), time(graph.nodes.size(), true);
  reached[at(graph.input)] = true;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (int t : node_inputs(graph.nodes[i])) time[i] = time[i] && !reached[at(t)];
    if (time[i]) continue;
    for (int t : node_outputs(graph.nodes[i])) reached[at(t)] = true;
  }
  return time;
}

int producer(const Graph& graph, int tensor) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (int t : node_outputs(graph.nodes[i])) {
      if (t == tensor) return static_cast<int>(i);
    }
  }
  return -1;
}

// Whether a tensor depends on the class.
bool depends_on_class(const Graph& graph, int tensor) {
  const int node = producer(graph, tensor);
  if (node < 0) return false;
  if (graph.nodes[at(node)].kind == OpKind::class_embedding) return true;
  for (int t : node_inputs(graph.nodes[at(node)])) {
    if (depends_on_class(graph, t)) return true;
  }
  return false;
}

// Looks for embedding (+ class) -> activation -> projections that write all vectors and nothing else.
void find_small_network(const Graph& graph, TimeFold& fold) {
  std::set<int> sources;
  for (TimeVector& vector : fold.vectors) {
    const int node = producer(graph, vector.tensor);
    if (node < 0 || graph.nodes[at(node)].kind != OpKind::linear || graph.nodes[at(node)].residual >= 0) return;
    if (graph.nodes[at(node)].activation != Activation::none) return;
    vector.projection = node;
    sources.insert(graph.nodes[at(node)].x[0]);
  }
  if (sources.size() != 1) return;
  fold.activated = *sources.begin();
  const int act = producer(graph, fold.activated);
  if (act < 0 || graph.nodes[at(act)].kind != OpKind::activation) return;
  fold.activation = graph.nodes[at(act)].activation;
  fold.embedding = graph.nodes[at(act)].x[0];
  if (depends_on_class(graph, fold.embedding)) {
    const int add = producer(graph, fold.embedding);
    if (graph.nodes[at(add)].kind != OpKind::add) return;
    for (size_t side = 0; side < 2; ++side) {
      const int table = producer(graph, graph.nodes[at(add)].x[side]);
      const int other = graph.nodes[at(add)].x[1 - side];
      if (table < 0 || graph.nodes[at(table)].kind != OpKind::class_embedding || depends_on_class(graph, other))
        continue;
      fold.class_table = graph.nodes[at(table)].weights;
      fold.embedding = other;
    }
    if (fold.class_table < 0) return;
  }
  fold.keepable = graph.tensors[at(fold.embedding)].rank == 1;
}

}  // namespace

TimeFold fold_time(const Graph& graph, const DiffusionInfo& info, const std::vector<format::RowRecord>& rows) {
  TimeFold fold;
  fold.time_node = find_time_nodes(graph);
  fold.steps = static_cast<int>(rows.size());
  bool classes = false;
  std::set<int> seen;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (fold.time_node[i] || node.vector < 0 || graph.tensors[at(node.vector)].role != Role::activation) continue;
    if (!seen.insert(node.vector).second) continue;
    fold.vectors.push_back({});
    fold.vectors.back().tensor = node.vector;
    classes = classes || depends_on_class(graph, node.vector);
  }
  fold.class_rows = classes ? graph.num_classes + 1 : 1;
  if (!fold.vectors.empty()) find_small_network(graph, fold);

  const RunnableGraph runnable(graph, info);
  GraphRunner runner(runnable);
  const std::vector<float> x(static_cast<size_t>(graph.tensors[at(graph.input)].elements()), 0.0f);
  for (int row = 0; row < fold.class_rows; ++row) {
    for (int step = 0; step < fold.steps; ++step) {
      runner.run(x.data(), row_timestep(rows[at(step)]), step, row, [&](int node) {
        for (int t : node_outputs(graph.nodes[at(node)])) {
          const float* values = static_cast<const float*>(runner.data(t));
          const size_t n = static_cast<size_t>(graph.tensors[at(t)].elements());
          for (TimeVector& vector : fold.vectors) {
            if (vector.tensor == t) vector.values.insert(vector.values.end(), values, values + n);
          }
          if (t == fold.embedding && row == 0)
            fold.embedding_values.insert(fold.embedding_values.end(), values, values + n);
          if (t != fold.activated) continue;
          for (size_t i = 0; i < n; ++i)
            fold.largest_activated = std::max(fold.largest_activated, std::fabs(double{values[i]}));
        }
      });
    }
  }
  return fold;
}

}  // namespace mote::tool
