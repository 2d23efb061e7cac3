// Parts of the writer of model files that stand for themselves: records as bytes, refusals, the table of scales.
// Private to writer.cpp.
#pragma once
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "weights_tool/graph/graph.h"
#include "weights_tool/io/error.h"

namespace mote::tool::writing {

inline size_t round_up(size_t value, size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

inline uint32_t index_or_none(int index) { return index < 0 ? format::none : static_cast<uint32_t>(index); }

template <class Record>
void append_record(std::vector<uint8_t>& bytes, const Record& record) {
  const uint8_t* first = reinterpret_cast<const uint8_t*>(&record);
  bytes.insert(bytes.end(), first, first + sizeof record);
}

[[noreturn]] inline void refuse(const std::string& what) {
  throw Error(ExitCode::failure, "cannot write the model: " + what);
}
[[noreturn]] inline void exceed(const std::string& what) {
  throw Error(ExitCode::over_budget, "cannot write the model: " + what);
}

// The scales that a file stores: those that something names, in the order of the graph, equal ones once.
class QuantSlots {
 public:
  explicit QuantSlots(const Graph& graph) : graph_(graph), numbers_(graph.quants.size(), -1) {
    std::vector<bool> used(graph.quants.size(), false);
    const auto use = [&](int quant, const std::string& name) {
      if (quant < 0) return;
      if (static_cast<size_t>(quant) >= used.size() || graph.quants[static_cast<size_t>(quant)].values.empty())
        refuse(name + " names scales that the graph does not have");
      used[static_cast<size_t>(quant)] = true;
    };
    const auto use_of_tensor = [&](int t) {
      const Tensor& tensor = graph.tensors[static_cast<size_t>(t)];
      if (tensor.quant < 0 && tensor.dtype != DType::f32) refuse(tensor.name + " has no scales");
      use(tensor.quant, tensor.name);
    };
    for (const Node& node : graph.nodes) {
      for (int t : node_inputs(node)) use_of_tensor(t);
      for (int t : node_outputs(node)) use_of_tensor(t);
      use(node.quant, node.name);
    }
    std::map<std::vector<int64_t>, int> known;
    for (size_t q = 0; q < used.size(); ++q) {
      if (!used[q]) continue;
      const auto [at, is_new] = known.emplace(key_of(graph.quants[q]), static_cast<int>(stored_.size()));
      if (is_new) stored_.push_back(q);
      numbers_[q] = at->second;
    }
  }

  size_t count() const { return stored_.size(); }
  uint32_t number(int quant) const {
    return quant < 0 ? format::none : static_cast<uint32_t>(numbers_[static_cast<size_t>(quant)]);
  }

  std::vector<uint8_t> bytes() const {
    std::vector<uint8_t> slots, values;
    uint32_t value_count = 0;
    for (size_t q : stored_) {
      const Quant& quant = graph_.quants[q];
      const uint32_t count = static_cast<uint32_t>(quant.values.size());
      append_record(slots, format::QuantSlot{static_cast<uint8_t>(quant.per_step ? 2 : 1), {}, value_count, count});
      for (const format::QuantValue& value : quant.values) append_record(values, value);
      value_count += count;
    }
    std::vector<uint8_t> all;
    append_record(all, format::QuantHeader{static_cast<uint32_t>(stored_.size()), value_count});
    all.insert(all.end(), slots.begin(), slots.end());
    all.insert(all.end(), values.begin(), values.end());
    return all;
  }

 private:
  static std::vector<int64_t> key_of(const Quant& quant) {
    std::vector<int64_t> key{quant.per_step};
    for (const format::QuantValue& value : quant.values) {
      int32_t bits;
      std::memcpy(&bits, &value.scale, sizeof bits);
      key.push_back(int64_t{bits});
      key.push_back(value.zero_point);
    }
    return key;
  }

  const Graph& graph_;
  std::vector<int> numbers_;    // of each of graph.quants: its slot, or -1
  std::vector<size_t> stored_;  // of each slot: index into graph.quants
};

}  // namespace mote::tool::writing
