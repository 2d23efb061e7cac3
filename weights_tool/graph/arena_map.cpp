#include "weights_tool/graph/arena_map.h"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <vector>

namespace mote::tool {
namespace {

constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr int letter_count = sizeof letters - 1;
constexpr int legend_lines = 32;

std::vector<int> largest_first(const MemoryPlan& plan) {
  std::vector<int> order(plan.buffers.size());
  std::iota(order.begin(), order.end(), 0);
  const auto area = [&](int i) {
    const PlannedBuffer& b = plan.buffers[static_cast<size_t>(i)];
    return b.bytes * (b.end - b.begin + 1);
  };
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return area(a) > area(b); });
  return order;
}

// Where several buffers share a cell, the one that covers most of it is shown.
struct Canvas {
  int columns, rows;
  std::vector<int64_t> covered;  // bytes x operators of the buffer that is shown
  std::vector<char> cells;

  Canvas(int c, int r) : columns(c), rows(r), covered(static_cast<size_t>(c * r), 0), cells(covered.size(), '.') {}
  void add(int column, int row, int64_t amount, char letter) {
    const size_t at = static_cast<size_t>(row * columns + column);
    if (amount <= covered[at]) return;
    covered[at] = amount;
    cells[at] = letter;
  }
};

int64_t overlap(int64_t a0, int64_t a1, int64_t b0, int64_t b1) {
  return std::max<int64_t>(0, std::min(a1, b1) - std::max(a0, b0));
}

// Cell (column, row) covers positions [column * n / columns, ...) and addresses likewise.
void draw(Canvas& canvas, const PlannedBuffer& buffer, int64_t positions, int64_t arena, char letter) {
  const auto first = [](int64_t at, int64_t cells, int64_t whole) { return static_cast<int>(at * cells / whole); };
  const int64_t end = std::min<int64_t>(buffer.end + 1, positions), top = buffer.offset + buffer.bytes;
  for (int c = first(buffer.begin, canvas.columns, positions); c < canvas.columns; ++c) {
    const int64_t p0 = c * positions / canvas.columns, p1 = (c + 1) * positions / canvas.columns;
    if (p0 >= end) break;
    for (int r = first(buffer.offset, canvas.rows, arena); r < canvas.rows; ++r) {
      const int64_t a0 = r * arena / canvas.rows, a1 = (r + 1) * arena / canvas.rows;
      if (a0 >= top) break;
      const int64_t amount = overlap(p0, p1, buffer.begin, end) * overlap(a0, a1, buffer.offset, top);
      // Less than a quarter of the cell leaves it free.
      if (4 * amount >= (p1 - p0) * (a1 - a0)) canvas.add(c, r, amount, letter);
    }
  }
}

std::string legend(const Graph& graph, const MemoryPlan& plan, const std::vector<int>& order) {
  std::string text;
  for (size_t i = 0; i < order.size() && i < legend_lines; ++i) {
    const PlannedBuffer& buffer = plan.buffers[static_cast<size_t>(order[i])];
    std::string names;
    if (buffer.tensors.empty())
      names = "scratch of " + graph.nodes[static_cast<size_t>(buffer.node)].name;
    else
      for (int t : buffer.tensors) names += (names.empty() ? "" : " > ") + graph.tensors[static_cast<size_t>(t)].name;
    char line[96];
    const int last = std::min<int>(buffer.end, static_cast<int>(plan.order.size()) - 1);
    std::snprintf(line, sizeof line, "  %c %10lld %+9lld bytes  operators %d..%d  ", letters[i],
                  static_cast<long long>(buffer.offset), static_cast<long long>(buffer.bytes), buffer.begin, last);
    text += line + names + "\n";
  }
  return text;
}

}  // namespace

std::string arena_map_text(const Graph& graph, const MemoryPlan& plan, int columns, int rows) {
  const int64_t positions = static_cast<int64_t>(plan.order.size());
  if (positions == 0 || plan.arena_bytes == 0) return "the arena is empty\n";
  Canvas canvas(static_cast<int>(std::min<int64_t>(columns, positions)), rows);
  const std::vector<int> order = largest_first(plan);
  for (size_t i = 0; i < order.size(); ++i)
    draw(canvas, plan.buffers[static_cast<size_t>(order[i])], positions, plan.arena_bytes,
         i < letter_count ? letters[i] : '#');
  std::string text;
  for (int r = 0; r < rows; ++r) {
    char address[24];
    std::snprintf(address, sizeof address, "%10lld |", static_cast<long long>(r * plan.arena_bytes / rows));
    text += address;
    text.append(canvas.cells.data() + r * canvas.columns, static_cast<size_t>(canvas.columns));
    text += "|\n";
  }
  const int64_t peak = std::min<int64_t>(plan.peak_position, positions - 1);
  // The last column that covers no later operator than the peak's.
  int column = static_cast<int>(peak * canvas.columns / positions);
  while (column + 1 < canvas.columns && (column + 1) * positions / canvas.columns <= peak) ++column;
  text += std::string(static_cast<size_t>(12 + column), ' ') + "^ peak\n";
  return text + legend(graph, plan, order);
}

}  // namespace mote::tool
