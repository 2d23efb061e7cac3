// The search for offsets (dynamic storage allocation, which is NP-hard): buffers are placed one after another, each at
// the lowest offset where it meets no buffer that lives at the same time. That leaves the sequence as the only thing to
// search: a few good ones to start from, then random changes of the buffers that hold up the top of the arena, with a
// fixed seed, until the bound is met.
#include <algorithm>
#include <numeric>

#include "weights_tool/graph/plan_parts.h"

namespace mote::tool::plan {
namespace {

using Sequence = std::vector<int>;

bool meet(const PlannedBuffer& a, const PlannedBuffer& b) { return a.begin <= b.end && b.begin <= a.end; }

struct Placed {
  int64_t offset, top;
  int begin, end, buffer;
};

struct Layout {
  Sequence sequence;             // in which the buffers were placed
  std::vector<int64_t> offsets;  // of each buffer
  int64_t arena = INT64_MAX;
};

class Packer {
 public:
  explicit Packer(const std::vector<PlannedBuffer>& buffers) : buffers_(buffers) {}

  // Lowest fit of layout.sequence from place `from` on; what comes before keeps its offsets. Sets offsets and arena;
  // gives up, with an arena larger than `enough`, as soon as it is known to be.
  void place(Layout& layout, size_t from, int64_t enough) {
    layout.offsets.resize(buffers_.size());
    layout.arena = 0;
    placed_.clear();
    for (size_t i = 0; i < from; ++i) {
      const int b = layout.sequence[i];
      placed_.push_back(at(b, layout.offsets[static_cast<size_t>(b)]));
      layout.arena = std::max(layout.arena, placed_.back().top);
    }
    std::sort(placed_.begin(), placed_.end(), [](const Placed& a, const Placed& b) { return a.offset < b.offset; });
    for (size_t i = from; i < layout.sequence.size(); ++i) {
      const int b = layout.sequence[i];
      const Placed placed = at(b, lowest_fit(buffers_[static_cast<size_t>(b)]));
      layout.offsets[static_cast<size_t>(b)] = placed.offset;
      layout.arena = std::max(layout.arena, placed.top);
      if (layout.arena > enough) return;
      placed_.insert(std::upper_bound(placed_.begin(), placed_.end(), placed,
                                      [](const Placed& p, const Placed& q) { return p.offset < q.offset; }),
                     placed);
    }
  }

 private:
  Placed at(int b, int64_t offset) const {
    const PlannedBuffer& buffer = buffers_[static_cast<size_t>(b)];
    return {offset, offset + buffer.bytes, buffer.begin, buffer.end, b};
  }
  int64_t lowest_fit(const PlannedBuffer& buffer) const {
    int64_t at = 0;
    for (const Placed& other : placed_) {
      if (other.begin > buffer.end || buffer.begin > other.end) continue;
      if (other.offset - at >= buffer.bytes) break;
      at = std::max(at, other.top);
    }
    return at;
  }

  const std::vector<PlannedBuffer>& buffers_;
  std::vector<Placed> placed_;  // by offset
};

// For each buffer, the most bytes that live at a position of its life.
std::vector<int64_t> pressure_of(const std::vector<PlannedBuffer>& buffers) {
  std::vector<int64_t> most(buffers.size(), 0);
  int last = 0;
  for (const PlannedBuffer& buffer : buffers) last = std::max(last, buffer.end);
  std::vector<int64_t> live(static_cast<size_t>(last) + 1, 0);
  for (const PlannedBuffer& buffer : buffers)
    for (int p = buffer.begin; p <= buffer.end; ++p) live[static_cast<size_t>(p)] += buffer.bytes;
  for (size_t i = 0; i < buffers.size(); ++i)
    for (int p = buffers[i].begin; p <= buffers[i].end; ++p) most[i] = std::max(most[i], live[static_cast<size_t>(p)]);
  return most;
}

template <class Key>
Sequence sorted_by(size_t count, const Key& key) {
  Sequence sequence(count);
  std::iota(sequence.begin(), sequence.end(), 0);
  std::stable_sort(sequence.begin(), sequence.end(), [&](int a, int b) { return key(a) > key(b); });
  return sequence;
}

std::vector<Sequence> starts(const std::vector<PlannedBuffer>& buffers) {
  const std::vector<int64_t> pressure = pressure_of(buffers);
  const auto buffer = [&](int i) -> const PlannedBuffer& { return buffers[static_cast<size_t>(i)]; };
  const auto duration = [&](int i) { return int64_t{buffer(i).end} - buffer(i).begin + 1; };
  const size_t n = buffers.size();
  std::vector<Sequence> all;
  all.push_back(sorted_by(n, [&](int i) { return std::make_pair(buffer(i).bytes, duration(i)); }));
  all.push_back(sorted_by(n, [&](int i) { return std::make_pair(duration(i), buffer(i).bytes); }));
  all.push_back(sorted_by(n, [&](int i) { return duration(i) * buffer(i).bytes; }));
  all.push_back(sorted_by(n, [&](int i) { return std::make_pair(pressure[static_cast<size_t>(i)], buffer(i).bytes); }));
  all.push_back(sorted_by(n, [&](int i) { return std::make_pair(pressure[static_cast<size_t>(i)], duration(i)); }));
  all.push_back(sorted_by(n, [&](int i) { return std::make_pair(-buffer(i).begin, duration(i)); }));
  return all;
}

// Buffers one on the other from the top of the arena to its bottom, topmost first: what makes the arena this large.
std::vector<int> tower(const std::vector<PlannedBuffer>& buffers, const Layout& layout, Random& random) {
  std::vector<int> found, candidates;
  int64_t top = layout.arena;
  while (top > 0) {
    candidates.clear();
    for (size_t b = 0; b < buffers.size(); ++b) {
      if (layout.offsets[b] + buffers[b].bytes != top) continue;
      if (found.empty() || meet(buffers[b], buffers[static_cast<size_t>(found.back())]))
        candidates.push_back(static_cast<int>(b));
    }
    if (candidates.empty()) break;
    found.push_back(candidates[random.below(candidates.size())]);
    top = layout.offsets[static_cast<size_t>(found.back())];
  }
  return found;
}

// Moves the buffer at one place of the sequence to another. Returns the first place that changed.
size_t move_item(Sequence& sequence, size_t from, size_t to) {
  const auto begin = sequence.begin();
  const auto a = static_cast<std::ptrdiff_t>(from), b = static_cast<std::ptrdiff_t>(to);
  if (a < b) std::rotate(begin + a, begin + a + 1, begin + b + 1);
  if (b < a) std::rotate(begin + b, begin + a, begin + a + 1);
  return std::min(from, to);
}

// A neighbour of a layout: mostly a buffer of the tower trades places with another of it, or moves before it; sometimes
// any buffer moves anywhere. Returns the first place of the sequence that changed.
size_t change(Layout& next, const std::vector<PlannedBuffer>& buffers, Random& random) {
  Sequence& sequence = next.sequence;
  const size_t n = sequence.size();
  if (random.below(8) == 0) return move_item(sequence, random.below(n), random.below(n));
  const std::vector<int> held = tower(buffers, next, random);
  const auto place_of = [&](int b) {
    return static_cast<size_t>(std::find(sequence.begin(), sequence.end(), b) - sequence.begin());
  };
  const size_t from = place_of(held[random.below(2) ? 0 : random.below(held.size())]);
  const size_t to = random.below(3) == 0 ? random.below(n) : place_of(held[random.below(held.size())]);
  size_t first = std::min(from, to);
  if (random.below(2) == 0)
    std::swap(sequence[from], sequence[to]);
  else
    move_item(sequence, std::max(from, to), first);
  if (random.below(4) == 0) first = std::min(first, move_item(sequence, random.below(n), random.below(n)));
  return first;
}

}  // namespace

int64_t find_offsets(std::vector<PlannedBuffer>& buffers, int64_t bound, int64_t placements, uint64_t seed) {
  if (buffers.empty()) return 0;
  Packer packer(buffers);
  Layout best;
  for (Sequence& start : starts(buffers)) {
    Layout layout;
    layout.sequence = std::move(start);
    packer.place(layout, 0, best.arena - 1);
    if (layout.arena < best.arena) best = layout;
  }
  Random random(seed);
  Layout current = best;
  const int64_t limit = scaled_effort(placements, static_cast<int64_t>(buffers.size()), 200);
  for (int64_t tries = 0; tries < limit && best.arena > bound; ++tries) {
    // Slightly worse layouts are walked through too, less and less of them.
    const int64_t slack = best.arena / 64 * (limit - tries) / limit;
    const int64_t enough = random.below(8) == 0 ? current.arena + slack : current.arena;
    Layout next = current;
    packer.place(next, change(next, buffers, random), enough);
    if (next.arena > enough) continue;
    current = std::move(next);
    if (current.arena < best.arena) best = current;
  }
  for (size_t i = 0; i < buffers.size(); ++i) buffers[i].offset = best.offsets[i];
  return best.arena;
}

}  // namespace mote::tool::plan
