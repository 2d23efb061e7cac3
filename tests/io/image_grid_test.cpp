// Grids of pictures, compared pixel by pixel with what a grid is.
#include "weights_tool/io/image_grid.h"

#include <stdexcept>

#include "tests/io/support.h"

using namespace mote::tool;

namespace {

ImageSet some_images(size_t count, size_t height, size_t width, size_t channels) {
  ImageSet out;
  out.count = count;
  out.height = height;
  out.width = width;
  out.channels = channels;
  out.pixels = test::noise(count * height * width * channels, 3);
  return out;
}

// The value at (y, x, c) by the definition of a grid.
uint8_t expected(const ImageSet& set, size_t columns, size_t scale, size_t gap, uint8_t gap_value, size_t y, size_t x,
                 size_t c) {
  const size_t cell_y = set.height * scale + gap, cell_x = set.width * scale + gap;
  const size_t in_y = y % cell_y, in_x = x % cell_x;
  const size_t index = y / cell_y * columns + x / cell_x;
  if (in_y < gap || in_x < gap || x / cell_x >= columns || index >= set.count) return gap_value;
  const size_t row = (in_y - gap) / scale, column = (in_x - gap) / scale;
  return set.image(index)[(row * set.width + column) * set.channels + c];
}

}  // namespace

TEST_CASE("a grid shows each picture once, row by row, with gaps between and around") {
  for (const size_t channels : {1, 3}) {
    for (const size_t scale : {1, 3}) {
      for (const size_t gap : {0, 1, 2}) {
        const ImageSet set = some_images(5, 2, 3, channels);
        GridOptions options;
        options.columns = 2;
        options.scale = scale;
        options.gap = gap;
        options.gap_value = 200;
        const Image grid = image_grid(set, options);
        REQUIRE(grid.height == 3 * (2 * scale + gap) + gap);
        REQUIRE(grid.width == 2 * (3 * scale + gap) + gap);
        REQUIRE(grid.channels == channels);
        bool same = true;
        for (size_t y = 0; y < grid.height; ++y) {
          for (size_t x = 0; x < grid.width; ++x) {
            for (size_t c = 0; c < channels; ++c)
              same = same && grid.row(y)[x * channels + c] == expected(set, 2, scale, gap, 200, y, x, c);
          }
        }
        CHECK(same);
      }
    }
  }
}

TEST_CASE("without a number of columns a grid is the smallest square that holds all") {
  const std::vector<std::pair<size_t, size_t>> cases = {{1, 1}, {2, 2}, {4, 2}, {5, 3}, {64, 8}, {65, 9}};
  for (const auto& [count, columns] : cases) {
    GridOptions options;
    options.gap = 0;
    const Image grid = image_grid(some_images(count, 1, 1, 1), options);
    CHECK(grid.width == columns);
    CHECK(grid.height == (count + columns - 1) / columns);
  }
}

TEST_CASE("a grid of nothing is a programming error") {
  CHECK_THROWS_AS(image_grid(some_images(0, 2, 2, 1)), std::invalid_argument);
  CHECK_THROWS_AS(image_grid(some_images(1, 2, 2, 2)), std::invalid_argument);
  GridOptions options;
  options.scale = 0;
  CHECK_THROWS_AS(image_grid(some_images(1, 2, 2, 1), options), std::invalid_argument);
}
