// The search for offsets (dynamic storage allocation, which is NP-hard): buffers are placed one after another, each at
// the lowest offset where it meets no buffer that lives at the same time. That leaves the sequence as the only thing to
// search: a few good ones to start from, then random changes that bring the buffers at the top of the arena forward,
// with a fixed seed, until the bound is met.
#include <algorithm>
#include <numeric>

#include "weights_tool/graph/plan_parts.h"

namespace mote::tool::plan {
namespace {

using Sequence = std::vector<int>;

class Random {  // xorshift64*
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  uint64_t below(uint64_t n) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (state_ * 0x2545F4914F6CDD1Du >> 20) % n;
  }

 private:
  uint64_t state_;
};

class Packer {
 public:
  explicit Packer(const std::vector<PlannedBuffer>& buffers) : buffers_(buffers), meets_(buffers.size()) {
    for (size_t i = 0; i < buffers.size(); ++i)
      for (size_t j = 0; j < buffers.size(); ++j)
        if (i != j && buffers[i].begin <= buffers[j].end && buffers[j].begin <= buffers[i].end)
          meets_[i].push_back(static_cast<int>(j));
  }

  // Lowest fit in this sequence; offsets receives one for each buffer. Gives up, returning more than `enough`, once the
  // arena is larger than that.
  int64_t place(const Sequence& sequence, int64_t enough, std::vector<int64_t>& offsets) {
    offsets.assign(buffers_.size(), -1);
    int64_t arena = 0;
    for (int each : sequence) {
      const size_t b = static_cast<size_t>(each);
      taken_.clear();
      for (int other : meets_[b]) {
        const int64_t offset = offsets[static_cast<size_t>(other)];
        if (offset >= 0) taken_.emplace_back(offset, offset + buffers_[static_cast<size_t>(other)].bytes);
      }
      std::sort(taken_.begin(), taken_.end());
      int64_t at = 0;
      for (const auto& [from, to] : taken_) {
        if (from - at >= buffers_[b].bytes) break;
        at = std::max(at, to);
      }
      offsets[b] = at;
      arena = std::max(arena, at + buffers_[b].bytes);
      if (arena > enough) return arena;
    }
    return arena;
  }

  // For each buffer, the most bytes that live at a position of its life.
  std::vector<int64_t> pressure() const {
    std::vector<int64_t> most(buffers_.size(), 0);
    int last = 0;
    for (const PlannedBuffer& buffer : buffers_) last = std::max(last, buffer.end);
    std::vector<int64_t> live(static_cast<size_t>(last) + 1, 0);
    for (const PlannedBuffer& buffer : buffers_)
      for (int p = buffer.begin; p <= buffer.end; ++p) live[static_cast<size_t>(p)] += buffer.bytes;
    for (size_t i = 0; i < buffers_.size(); ++i)
      for (int p = buffers_[i].begin; p <= buffers_[i].end; ++p)
        most[i] = std::max(most[i], live[static_cast<size_t>(p)]);
    return most;
  }

 private:
  const std::vector<PlannedBuffer>& buffers_;
  std::vector<std::vector<int>> meets_;
  std::vector<std::pair<int64_t, int64_t>> taken_;
};

template <class Key>
Sequence sorted_by(size_t count, const Key& key) {
  Sequence sequence(count);
  std::iota(sequence.begin(), sequence.end(), 0);
  std::stable_sort(sequence.begin(), sequence.end(), [&](int a, int b) { return key(a) > key(b); });
  return sequence;
}

std::vector<Sequence> starts(const std::vector<PlannedBuffer>& buffers, const std::vector<int64_t>& pressure) {
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

void move_item(Sequence& sequence, size_t from, size_t to) {
  const auto begin = sequence.begin();
  const auto a = static_cast<std::ptrdiff_t>(from), b = static_cast<std::ptrdiff_t>(to);
  if (a < b) std::rotate(begin + a, begin + a + 1, begin + b + 1);
  if (b < a) std::rotate(begin + b, begin + a, begin + a + 1);
}

// A neighbour: mostly a buffer that ends at the top of the arena moves forward, sometimes a random one anywhere.
Sequence neighbour(const Sequence& sequence, const std::vector<int64_t>& offsets,
                   const std::vector<PlannedBuffer>& buffers, int64_t arena, Random& random) {
  Sequence next = sequence;
  const size_t n = next.size();
  if (random.below(4) == 0) {
    move_item(next, random.below(n), random.below(n));
    return next;
  }
  std::vector<size_t> top;
  for (size_t i = 0; i < n; ++i) {
    const size_t b = static_cast<size_t>(next[i]);
    if (offsets[b] + buffers[b].bytes == arena) top.push_back(i);
  }
  const size_t from = top[random.below(top.size())];
  if (from > 0) move_item(next, from, random.below(from));
  if (random.below(3) == 0) move_item(next, random.below(n), random.below(n));
  return next;
}

}  // namespace

int64_t find_offsets(std::vector<PlannedBuffer>& buffers, int64_t bound, const PlanOptions& options) {
  if (buffers.empty()) return 0;
  Packer packer(buffers);
  std::vector<int64_t> offsets, best_offsets;
  int64_t best = INT64_MAX;
  Sequence best_sequence;
  for (const Sequence& start : starts(buffers, packer.pressure())) {
    const int64_t arena = packer.place(start, best - 1, offsets);
    if (arena >= best) continue;
    best = arena;
    best_offsets = offsets;
    best_sequence = start;
  }
  Random random(options.seed);
  Sequence current = best_sequence;
  std::vector<int64_t> current_offsets = best_offsets;
  int64_t current_arena = best;
  const int64_t limit = scaled_effort(options.placements, static_cast<int64_t>(buffers.size()));
  for (int64_t tries = 0; tries < limit && best > bound; ++tries) {
    // Slightly worse layouts are walked through too, less and less of them.
    const int64_t slack = best / 64 * (limit - tries) / limit;
    const int64_t enough = random.below(8) == 0 ? current_arena + slack : current_arena;
    const Sequence next = neighbour(current, current_offsets, buffers, current_arena, random);
    const int64_t arena = packer.place(next, enough, offsets);
    if (arena > enough) continue;
    current = next;
    current_offsets = offsets;
    current_arena = arena;
    if (arena >= best) continue;
    best = arena;
    best_offsets = offsets;
  }
  for (size_t i = 0; i < buffers.size(); ++i) buffers[i].offset = best_offsets[i];
  return best;
}

}  // namespace mote::tool::plan
