// Precision and recall of generated pictures: Kynkäänniemi et al. 2019 (arXiv 1904.06991, section 2). A set of points
// stands for the union of balls around its points, each reaching to the point's k-th nearest neighbour in the set.
// Precision: the share of generated points inside the real set's balls. Recall: the share of real points inside the
// generated set's. Both sets should have the same number of points.
#pragma once
#include <cstddef>
#include <vector>

#include "kernels/kernels.h"
#include "weights_tool/io/pool.h"
#include "weights_tool/train/parameters.h"

namespace mote::tool {

constexpr int manifold_neighbours = 3;  // k, as in the paper

class Manifold {
 public:
  // values: [count][features], count > k. `centre`, [features], is subtracted from every point: any point near the data,
  // the same for all sets that are compared, so that distances lose no digits. The pool must outlive this.
  Manifold(const float* values, size_t count, size_t features, const std::vector<double>& centre, int k, KernelSet set,
           ThreadPool& pool);

  // The share of the other set's points that lie in at least one ball of this one, borders included.
  double share_inside(const Manifold& other) const;
  // Squared distance of each point to its k-th nearest neighbour, itself not counted.
  const std::vector<float>& squared_radii() const { return squared_radii_; }
  size_t count() const { return count_; }

 private:
  // Up to kTile neighbouring points as the weights of a linear layer.
  struct Tile {
    size_t first, count;
    AlignedFloats packed;
  };
  LinearF32 products(const Tile& tile, const float* rows, size_t row_count, float* y) const;
  // Squared distances of points [first, first + rows) of `from` to those of a tile: out, [rows][tile.count].
  void squared_distances(const Manifold& from, size_t first, size_t rows, const Tile& tile, float* out) const;
  void measure_radii(int k);

  size_t count_, features_;
  KernelSet set_;
  ThreadPool* pool_;
  AlignedFloats points_;  // [count][features]
  std::vector<float> squared_norms_;
  std::vector<Tile> tiles_;
  std::vector<float> squared_radii_;
};

}  // namespace mote::tool
