// All distances of two sets are one matrix product, |a|^2 + |b|^2 - 2 a.b, done by the linear layer's kernel a tile of
// rows and points at a time: which tile a pair falls into depends on the sets alone, so threads change nothing.
#include "weights_tool/evaluate/precision_recall.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace mote::tool {
namespace {

constexpr size_t kTile = 512;  // points whose rearranged coordinates stay in the second cache
constexpr size_t kRows = 64;
// Where a distance is this small beside the norms, the difference of norms and product has lost too many digits.
constexpr float kCancelled = 1e-3f;

float squared_distance(const float* a, const float* b, size_t features) {
  float sum = 0;
  for (size_t i = 0; i < features; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// The k smallest values seen, rising.
class Smallest {
 public:
  explicit Smallest(int k) : values_(static_cast<size_t>(k), std::numeric_limits<float>::infinity()) {}
  void see(float value) {
    if (!(value < values_.back())) return;
    size_t at = values_.size() - 1;
    for (; at > 0 && value < values_[at - 1]; --at) values_[at] = values_[at - 1];
    values_[at] = value;
  }
  float largest() const { return values_.back(); }

 private:
  std::vector<float> values_;
};

}  // namespace

Manifold::Manifold(const float* values, size_t count, size_t features, const std::vector<double>& centre, int k,
                   KernelSet set, ThreadPool& pool)
    : count_(count), features_(features), set_(set), pool_(&pool), points_(count * features), squared_norms_(count) {
  if (k < 1 || count <= static_cast<size_t>(k) || centre.size() != features) {
    throw std::invalid_argument("Manifold: more points than neighbours, a centre of their size");
  }
  for (size_t row = 0; row < count; ++row) {
    double norm = 0;
    for (size_t i = 0; i < features; ++i) {
      const double value = static_cast<double>(values[row * features + i]) - centre[i];
      points_[row * features + i] = static_cast<float>(value);
      norm += value * value;
    }
    squared_norms_[row] = static_cast<float>(norm);
  }
  const LinearF32Kernel& kernel = pick_kernel(linear_f32_kernels, set_);
  for (size_t first = 0; first < count; first += kTile) {
    Tile tile = {first, std::min(kTile, count - first), {}};
    const LinearF32 shape = products(tile, nullptr, kRows, nullptr);
    const size_t bytes = kernel.packed_bytes == nullptr ? 0 : kernel.packed_bytes(shape);
    if (bytes > 0) {
      tile.packed = AlignedFloats(bytes / sizeof(float));
      kernel.pack(shape, tile.packed.data());
    }
    tiles_.push_back(std::move(tile));
  }
  measure_radii(k);
}

LinearF32 Manifold::products(const Tile& tile, const float* rows, size_t row_count, float* y) const {
  LinearF32 args = {};
  args.x = rows;
  args.rows = static_cast<int32_t>(row_count);
  args.in_features = static_cast<int32_t>(features_);
  args.out_features = static_cast<int32_t>(tile.count);
  args.weights = points_.data() + tile.first * features_;
  args.packed = tile.packed.size() > 0 ? tile.packed.data() : nullptr;
  args.y = y;
  return args;
}

void Manifold::squared_distances(const Manifold& from, size_t first, size_t rows, const Tile& tile, float* out) const {
  const float* points = from.points_.data() + first * features_;
  const LinearF32 args = products(tile, points, rows, out);
  pick_kernel(linear_f32_kernels, set_).run(args, 0, args.rows, nullptr);
  for (size_t row = 0; row < rows; ++row) {
    const float norm = from.squared_norms_[first + row];
    for (size_t i = 0; i < tile.count; ++i) {
      const float norms = norm + squared_norms_[tile.first + i];
      float& value = out[row * tile.count + i];
      value = norms - 2 * value;
      if (value < kCancelled * norms) {
        value = squared_distance(points + row * features_, points_.data() + (tile.first + i) * features_, features_);
      }
    }
  }
}

void Manifold::measure_radii(int k) {
  squared_radii_.resize(count_);
  pool_->parallel_for(static_cast<int>((count_ + kRows - 1) / kRows), [&](int index, int) {
    const size_t first = static_cast<size_t>(index) * kRows, rows = std::min(kRows, count_ - first);
    std::vector<Smallest> nearest(rows, Smallest(k));
    AlignedFloats distances(kRows * kTile);
    for (const Tile& tile : tiles_) {
      squared_distances(*this, first, rows, tile, distances.data());
      for (size_t row = 0; row < rows; ++row) {
        for (size_t i = 0; i < tile.count; ++i) {
          if (tile.first + i != first + row) nearest[row].see(distances[row * tile.count + i]);
        }
      }
    }
    for (size_t row = 0; row < rows; ++row) squared_radii_[first + row] = nearest[row].largest();
  });
}

double Manifold::share_inside(const Manifold& other) const {
  if (other.features_ != features_) throw std::invalid_argument("Manifold: different numbers of features");
  std::vector<size_t> inside((other.count_ + kRows - 1) / kRows);
  pool_->parallel_for(static_cast<int>(inside.size()), [&](int index, int) {
    const size_t first = static_cast<size_t>(index) * kRows, rows = std::min(kRows, other.count_ - first);
    std::vector<uint8_t> hit(rows, 0);
    AlignedFloats distances(kRows * kTile);
    for (const Tile& tile : tiles_) {
      squared_distances(other, first, rows, tile, distances.data());
      for (size_t row = 0; row < rows; ++row) {
        for (size_t i = 0; i < tile.count && hit[row] == 0; ++i) {
          hit[row] = distances[row * tile.count + i] <= squared_radii_[tile.first + i];
        }
      }
    }
    inside[static_cast<size_t>(index)] = static_cast<size_t>(std::count(hit.begin(), hit.end(), 1));
  });
  size_t total = 0;
  for (const size_t count : inside) total += count;
  return static_cast<double>(total) / static_cast<double>(other.count_);
}

}  // namespace mote::tool
