// The search for a running order with a low peak.
//
// A state is the set of nodes that have run; the bytes that live in it do not depend on the order within. The order
// sought is the path through the states whose worst step is least: best-first search on the worst step so far, deepest
// state first among equals, which is exact unless it runs out of states. Two rules keep the states few:
//  - nodes that write only feature vectors (the time embedding's) are no decision: they run right before their reader;
//  - a node that can run within the worst step so far and leaves no more bytes alive than before is run at once:
//    any order can be changed to run it now without a higher peak.
#include <algorithm>
#include <cstddef>
#include <functional>
#include <queue>
#include <unordered_map>

#include "weights_tool/graph/plan_parts.h"

namespace mote::tool::plan {
namespace {

using NodeSet = std::vector<uint64_t>;  // a bit for each node

struct NodeSetHash {
  size_t operator()(const NodeSet& set) const {
    uint64_t hash = 0xCBF29CE484222325u;
    for (uint64_t word : set) {
      hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
      hash ^= hash >> 29;
    }
    return static_cast<size_t>(hash);
  }
};

bool holds(const NodeSet& set, int node) { return (set[static_cast<size_t>(node) / 64] >> (node % 64) & 1) != 0; }
void insert(NodeSet& set, int node) { set[static_cast<size_t>(node) / 64] |= uint64_t{1} << (node % 64); }

struct State {
  NodeSet done;
  int64_t live = 0, peak = 0;
  int count = 0;         // nodes done
  int parent = -1;       // index of the state before
  std::vector<int> ran;  // nodes run since then

  // The same place, to try something from.
  State fork() const {
    State copy;
    copy.done = done;
    copy.live = live;
    copy.peak = peak;
    copy.count = count;
    return copy;
  }
};

class OrderSearch {
 public:
  OrderSearch(const Graph& graph, const Sizes& sizes, int64_t limit)
      : graph_(graph), sizes_(sizes), limit_(limit), node_count_(static_cast<int>(graph.nodes.size())) {
    for (int i = 0; i < node_count_; ++i) {
      bool vector = true;
      for (int y : sizes_.outputs[static_cast<size_t>(i)])
        vector = vector && graph_.tensors[static_cast<size_t>(y)].rank == 1;
      lazy_.push_back(vector);
      if (!vector) decisions_.push_back(i);
    }
  }

  // The best order found; empty when the states ran out before any was complete.
  std::vector<int> run();

  State first_state() const {
    State state;
    state.done.assign(static_cast<size_t>(node_count_ + 63) / 64, 0);
    return state;
  }
  // Runs a node, its scratch and outputs counted.
  void apply(State& state, int node) const;

 private:
  bool gather(const State& state, int node, std::vector<int>& needed) const;
  int64_t freed_by(const State& state, int node) const;
  bool run_free_nodes(State& state) const;
  void push(State state, int parent);
  std::vector<int> finish(State state) const;

  const Graph& graph_;
  const Sizes& sizes_;
  int64_t limit_;
  int node_count_;
  std::vector<bool> lazy_;
  std::vector<int> decisions_;
  std::vector<State> states_;
  std::unordered_map<NodeSet, int64_t, NodeSetHash> best_;  // the lowest peak that led to a state
  using Rank = std::pair<std::pair<int64_t, int>, int>;     // (peak, nodes left), state
  std::priority_queue<Rank, std::vector<Rank>, std::greater<Rank>> open_;
};

// Bytes of the inputs that nothing needs once `node` has run.
int64_t OrderSearch::freed_by(const State& state, int node) const {
  int64_t bytes = 0;
  for (int x : sizes_.inputs[static_cast<size_t>(node)]) {
    bool last = x != graph_.output;
    for (int reader : sizes_.readers[static_cast<size_t>(x)])
      last = last && (reader == node || holds(state.done, reader));
    if (last) bytes += sizes_.tensor_bytes[static_cast<size_t>(x)];
  }
  return bytes;
}

void OrderSearch::apply(State& state, int node) const {
  const size_t n = static_cast<size_t>(node);
  int64_t written = 0, kept = 0, over = 0;
  for (int y : sizes_.outputs[n]) {
    const int64_t bytes = sizes_.tensor_bytes[static_cast<size_t>(y)];
    written += bytes;
    if (y == graph_.output || !sizes_.readers[static_cast<size_t>(y)].empty()) kept += bytes;
  }
  std::vector<int> used;
  for (const auto& [y, x] : in_place_pairs(graph_, sizes_, graph_.nodes[n])) {
    bool last = std::find(used.begin(), used.end(), y) == used.end();
    for (int reader : sizes_.readers[static_cast<size_t>(x)])
      last = last && (reader == node || holds(state.done, reader));
    if (!last) continue;
    used.push_back(y);
    over += sizes_.tensor_bytes[static_cast<size_t>(y)];
  }
  const int64_t step = state.live + written - over + sizes_.scratch[n] + sizes_.worker_scratch[n];
  state.peak = std::max(state.peak, step);
  state.live += kept - freed_by(state, node);
  insert(state.done, node);
  ++state.count;
  state.ran.push_back(node);
}

// Lists the vector nodes that must run before `node`, and it; false if it needs another node first.
bool OrderSearch::gather(const State& state, int node, std::vector<int>& needed) const {
  for (int x : sizes_.inputs[static_cast<size_t>(node)]) {
    const int producer = sizes_.producer[static_cast<size_t>(x)];
    if (producer < 0 || holds(state.done, producer)) continue;
    if (std::find(needed.begin(), needed.end(), producer) != needed.end()) continue;
    if (!lazy_[static_cast<size_t>(producer)] || !gather(state, producer, needed)) return false;
  }
  needed.push_back(node);
  return true;
}

// Runs nodes that cannot be a wrong decision; true if there was one.
bool OrderSearch::run_free_nodes(State& state) const {
  for (int node : decisions_) {
    if (holds(state.done, node)) continue;
    std::vector<int> needed;
    if (!gather(state, node, needed)) continue;
    State next = state.fork();
    for (int each : needed) apply(next, each);
    if (next.peak > state.peak || next.live > state.live) continue;
    next.ran.insert(next.ran.begin(), state.ran.begin(), state.ran.end());
    state = std::move(next);
    return true;
  }
  return false;
}

void OrderSearch::push(State state, int parent) {
  while (run_free_nodes(state)) {
  }
  const auto [known, is_new] = best_.emplace(state.done, state.peak);
  if (!is_new && known->second <= state.peak) return;
  known->second = state.peak;
  state.parent = parent;
  open_.push({{state.peak, node_count_ - state.count}, static_cast<int>(states_.size())});
  states_.push_back(std::move(state));
}

std::vector<int> OrderSearch::finish(State state) const {
  std::vector<std::vector<int>> parts;
  for (const State* at = &state;; at = &states_[static_cast<size_t>(at->parent)]) {
    parts.push_back(at->ran);
    if (at->parent < 0) break;
  }
  std::vector<int> order;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) order.insert(order.end(), part->begin(), part->end());
  // Vector nodes that no other node reads.
  for (int node = 0; node < node_count_; ++node)
    if (!holds(state.done, node)) order.push_back(node);
  return order;
}

std::vector<int> OrderSearch::run() {
  push(first_state(), -1);
  while (!open_.empty() && static_cast<int64_t>(states_.size()) < limit_) {
    const int index = open_.top().second;
    open_.pop();
    if (best_.at(states_[static_cast<size_t>(index)].done) < states_[static_cast<size_t>(index)].peak) continue;
    bool complete = true;
    for (int node : decisions_) {
      if (holds(states_[static_cast<size_t>(index)].done, node)) continue;
      complete = false;
      std::vector<int> needed;
      if (!gather(states_[static_cast<size_t>(index)], node, needed)) continue;
      State next = states_[static_cast<size_t>(index)].fork();
      for (int each : needed) apply(next, each);
      push(std::move(next), index);
    }
    if (complete) return finish(states_[static_cast<size_t>(index)]);
  }
  return {};
}

int64_t peak_of(const OrderSearch& search, const std::vector<int>& order) {
  State state = search.first_state();
  for (int node : order) search.apply(state, node);
  return state.peak;
}

bool may_swap(const Sizes& sizes, int first, int second) {
  for (int y : sizes.outputs[static_cast<size_t>(first)]) {
    const std::vector<int>& inputs = sizes.inputs[static_cast<size_t>(second)];
    if (std::find(inputs.begin(), inputs.end(), y) != inputs.end()) return false;
  }
  return true;
}

// Moves single nodes as far back or forth as they may go, while that lowers the peak: for graphs too wide to search.
// Counts orders in `budget` and stops when it is used up.
std::vector<int> improve(const OrderSearch& search, const Sizes& sizes, std::vector<int> order, int64_t budget) {
  int64_t best = peak_of(search, order);
  for (bool better = true; better;) {
    better = false;
    for (size_t i = 0; i < order.size(); ++i) {
      for (int direction : {-1, 1}) {
        std::vector<int> moved = order;
        for (size_t at = i;; at = direction < 0 ? at - 1 : at + 1) {
          if (direction < 0 ? at == 0 : at + 1 == moved.size()) break;
          const size_t low = direction < 0 ? at - 1 : at;
          if (!may_swap(sizes, moved[low], moved[low + 1]) || --budget < 0) break;
          std::swap(moved[low], moved[low + 1]);
          const int64_t peak = peak_of(search, moved);
          if (peak >= best) continue;
          best = peak;
          order = moved;
          better = true;
        }
      }
    }
  }
  return order;
}

// At each step the node with the lowest step peak, then the fewest bytes left alive.
std::vector<int> greedy(const OrderSearch& search, const Sizes& sizes, int nodes) {
  std::vector<int> order;
  State state = search.first_state();
  while (state.count < nodes) {
    State best;
    for (int node = 0; node < nodes; ++node) {
      if (holds(state.done, node)) continue;
      bool ready = true;
      for (int x : sizes.inputs[static_cast<size_t>(node)]) {
        const int producer = sizes.producer[static_cast<size_t>(x)];
        ready = ready && (producer < 0 || holds(state.done, producer));
      }
      if (!ready) continue;
      State next = state.fork();
      search.apply(next, node);
      if (best.count == 0 || std::make_pair(next.peak, next.live) < std::make_pair(best.peak, best.live))
        best = std::move(next);
    }
    order.push_back(best.ran.back());
    state = std::move(best);
  }
  return order;
}

}  // namespace

std::vector<int> vary_order(const Graph& graph, const Sizes& sizes, std::vector<int> order, int64_t peak,
                            uint64_t seed) {
  const OrderSearch search(graph, sizes, 0);
  Random random(seed);
  const size_t nodes = order.size();
  for (size_t moves = std::min<size_t>(nodes, 400); moves-- > 0 && nodes > 1;) {
    std::vector<int> moved = order;
    const bool back = random.below(2) == 0;
    size_t at = random.below(nodes);
    for (size_t distance = 1 + random.below(8); distance-- > 0; at = back ? at - 1 : at + 1) {
      if (back ? at == 0 : at + 1 == nodes) break;
      const size_t low = back ? at - 1 : at;
      if (!may_swap(sizes, moved[low], moved[low + 1])) break;
      std::swap(moved[low], moved[low + 1]);
    }
    if (moved != order && peak_of(search, moved) <= peak) order = std::move(moved);
  }
  return order;
}

std::vector<int> find_order(const Graph& graph, const Sizes& sizes, const PlanOptions& options) {
  const int nodes = static_cast<int>(graph.nodes.size());
  const int64_t budget = scaled_effort(options.order_states, nodes, 100);
  OrderSearch search(graph, sizes, budget);
  std::vector<int> given;
  for (int i = 0; i < nodes; ++i) given.push_back(i);
  std::vector<int> order = search.run();
  if (order.empty()) {
    order = improve(search, sizes, greedy(search, sizes, nodes), budget);
    const std::vector<int> other = improve(search, sizes, given, budget);
    if (peak_of(search, other) < peak_of(search, order)) order = other;
  }
  return peak_of(search, order) < peak_of(search, given) ? order : given;
}

}  // namespace mote::tool::plan
