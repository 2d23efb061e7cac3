#include "weights_tool/commands/inspect_arena.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "weights_tool/commands/inspect_text.h"
#include "weights_tool/io/canvas.h"
#include "weights_tool/io/plot.h"

namespace mote::tool {
namespace {

constexpr int left = 92, right = 20, top = 60, bottom = 58, plot_height = 480;
constexpr Colour ink{60, 60, 60}, pale{222, 222, 222}, red{200, 30, 30};

struct Group {
  const char* name;
  Colour colour;
};
// What buffers are told apart by, in the order of the legend.
constexpr Group groups[] = {
    {"convolution", {114, 158, 206}}, {"normalisation", {152, 208, 138}}, {"attention", {173, 139, 201}},
    {"elementwise", {255, 190, 110}}, {"resampling", {109, 204, 218}},    {"vectors and x_t", {237, 151, 202}},
    {"scratch", {168, 168, 168}},
};
constexpr size_t scratch_group = 6;

size_t group_of(OpKind kind) {
  switch (kind) {
    case OpKind::conv2d: return 0;
    case OpKind::group_norm: return 1;
    case OpKind::attention: return 2;
    case OpKind::activation:
    case OpKind::add:
    case OpKind::scale_shift: return 3;
    case OpKind::upsample:
    case OpKind::average_pool: return 4;
    default: return 5;
  }
}

// The group of the operator that writes a buffer first.
size_t group_of(const Graph& graph, const MemoryPlan& plan, const PlannedBuffer& buffer) {
  if (buffer.tensors.empty()) return scratch_group;
  if (graph.tensors[static_cast<size_t>(buffer.tensors[0])].rank == 1) return 5;
  return group_of(graph.nodes[static_cast<size_t>(plan.order[static_cast<size_t>(buffer.begin)])].kind);
}

std::string name_of(const Graph& graph, const PlannedBuffer& buffer) {
  if (buffer.tensors.empty()) return "scratch";
  return graph.tensors[static_cast<size_t>(buffer.tensors[0])].name;
}

class Drawing {
 public:
  Drawing(const Graph& graph, const MemoryPlan& plan)
      : graph_(graph),
        plan_(plan),
        positions_(std::max<int>(1, static_cast<int>(plan.order.size()))),
        highest_(static_cast<double>(std::max<int64_t>(16, plan.arena_bytes)) * 1.02),
        width_(std::clamp(positions_ * 16, 720, 2400)),
        canvas_(left + width_ + right, top + plot_height + bottom) {}

  Image run(const std::string& title) {
    canvas_.text(left, 12, title, kBlack, 2);
    legend();
    grid();
    for (const PlannedBuffer& buffer : plan_.buffers) rectangle(buffer);
    bound_and_peak();
    canvas_.frame(left - 1, top - 1, width_ + 2, plot_height + 2, ink);
    return canvas_.image();
  }

 private:
  int x_of(int position) const { return left + static_cast<int>(int64_t{position} * width_ / positions_); }
  int y_of(double address) const {
    return top + plot_height - static_cast<int>(address / highest_ * plot_height + 0.5);
  }

  void legend() {
    int x = left;
    for (const Group& group : groups) {
      canvas_.rect(x, 38, 11, 11, group.colour);
      canvas_.frame(x, 38, 11, 11, ink);
      canvas_.text(x + 16, 40, group.name, kBlack);
      x += 32 + Canvas::text_width(group.name);
    }
  }

  void grid() {
    for (double tick : nice_ticks(0, highest_, 8)) {
      const int y = y_of(tick);
      canvas_.rect(left, y, width_, 1, pale);
      const std::string text = grouped(static_cast<int64_t>(tick));
      canvas_.text(left - 8 - Canvas::text_width(text), y - 3, text, kBlack);
    }
    for (double tick : nice_ticks(0, positions_ - 1, 16)) {
      if (tick != static_cast<int>(tick)) continue;
      const int x = (x_of(static_cast<int>(tick)) + x_of(static_cast<int>(tick) + 1)) / 2;
      canvas_.rect(x, top + plot_height, 1, 5, ink);
      const std::string text = std::to_string(static_cast<int>(tick));
      canvas_.text(x - Canvas::text_width(text) / 2, top + plot_height + 9, text, kBlack);
    }
    const std::string_view across = "operator, in running order";
    canvas_.text(left + (width_ - Canvas::text_width(across)) / 2, top + plot_height + 40, across, kBlack);
    const std::string_view upward = "address in the arena, bytes";
    canvas_.text_upwards(10, top + (plot_height + Canvas::text_width(upward)) / 2, upward, kBlack);
  }

  void rectangle(const PlannedBuffer& buffer) {
    const int x = x_of(buffer.begin), x_end = x_of(std::min(buffer.end + 1, positions_));
    const int y_end = y_of(static_cast<double>(buffer.offset));
    const int y = y_of(static_cast<double>(buffer.offset + buffer.bytes));
    const int width = std::max(1, x_end - x), height = std::max(1, y_end - y);
    canvas_.rect(x, y, width, height, groups[group_of(graph_, plan_, buffer)].colour);
    if (width > 2 && height > 2) canvas_.frame(x, y, width, height, ink);
    label(name_of(graph_, buffer), x, y, width, height);
  }

  // Along the longer side, if it fits there, cut short if a good part of it does.
  void label(std::string name, int x, int y, int width, int height) {
    const auto fit = [&](int length, int thickness) {
      const int room = (length - 6) / kGlyphAdvance;
      if (thickness < kGlyphHeight + 3 || room < std::min<int>(6, static_cast<int>(name.size()))) return false;
      if (static_cast<int>(name.size()) > room) name.resize(static_cast<size_t>(room));
      return true;
    };
    if (width >= height || static_cast<int>(name.size()) * kGlyphAdvance + 6 <= width) {
      if (fit(width, height))
        canvas_.text(x + (width - Canvas::text_width(name)) / 2, y + (height - kGlyphHeight) / 2, name, kBlack);
    } else if (fit(height, width)) {
      canvas_.text_upwards(x + (width - kGlyphHeight) / 2, y + (height + Canvas::text_width(name)) / 2, name, kBlack);
    }
  }

  void bound_and_peak() {
    const int y = y_of(static_cast<double>(plan_.lower_bound));
    for (int x = left; x < left + width_; x += 8) canvas_.rect(x, y, 4, 1, red);
    const int peak = std::min(plan_.peak_position, positions_ - 1);
    const int x = (x_of(peak) + x_of(peak + 1)) / 2;
    for (int row = 0; row < 6; ++row) canvas_.rect(x - row, top + plot_height + 20 + row, 2 * row + 1, 1, red);
    const std::string text = "peak: " + grouped(plan_.lower_bound) + " bytes live, arena " + grouped(plan_.arena_bytes);
    const int text_width = Canvas::text_width(text);
    const int at = x + 12 + text_width > left + width_ ? x - 12 - text_width : x + 12;
    canvas_.text(at, top + plot_height + 21, text, red);
  }

  const Graph& graph_;
  const MemoryPlan& plan_;
  int positions_;
  double highest_;
  int width_;
  Canvas canvas_;
};

}  // namespace

Image arena_picture(const Graph& graph, const MemoryPlan& plan, const std::string& title) {
  return Drawing(graph, plan).run(title);
}

}  // namespace mote::tool
