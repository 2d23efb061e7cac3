// core/checked.h: exact or refused, on every operand type.
#include "core/checked.h"

#include <doctest/doctest.h>

#include <limits>

using namespace mote;

TEST_CASE("checked arithmetic is exact inside the range and refuses outside, for 8 bits exhaustively") {
  for (unsigned a = 0; a < 256; ++a) {
    for (unsigned b = 0; b < 256; ++b) {
      const uint8_t x = static_cast<uint8_t>(a), y = static_cast<uint8_t>(b);
      uint8_t out = 0;
      const bool sum = checked_add(x, y, &out);
      REQUIRE(sum == (a + b < 256));
      if (sum) REQUIRE(out == a + b);
      const bool product = checked_mul(x, y, &out);
      REQUIRE(product == (a * b < 256));
      if (product) REQUIRE(out == a * b);
      const bool difference = checked_sub(x, y, &out);
      REQUIRE(difference == (a >= b));
      if (difference) REQUIRE(out == a - b);
    }
  }
}

TEST_CASE("operands of mixed types are taken by value, not by bit pattern") {
  uint32_t narrow = 0;
  CHECK_FALSE(checked_add(uint64_t{1} << 32, 0u, &narrow));
  CHECK_FALSE(checked_mul(-1, 1u, &narrow));
  CHECK(checked_mul(uint64_t{0xFFFFFFFF}, 1, &narrow));
  CHECK(narrow == 0xFFFFFFFFu);
  CHECK_FALSE(checked_cast(int64_t{-1}, &narrow));
  CHECK_FALSE(checked_cast(uint64_t{0x100000000}, &narrow));
  CHECK(checked_cast(int64_t{7}, &narrow));
  CHECK(narrow == 7);
  size_t size = 0;
  CHECK_FALSE(checked_mul(std::numeric_limits<size_t>::max(), 2, &size));
  CHECK_FALSE(checked_add(std::numeric_limits<size_t>::max(), 1u, &size));
}

TEST_CASE("align_up gives the next multiple, and refuses overflow and odd alignments") {
  for (uint32_t alignment = 1; alignment <= 64; alignment *= 2) {
    for (uint32_t value = 0; value < 200; ++value) {
      uint32_t out = 0;
      REQUIRE(checked_align_up(value, alignment, &out));
      REQUIRE(out == (value + alignment - 1) / alignment * alignment);
    }
  }
  uint32_t out = 0;
  CHECK(checked_align_up(0xFFFFFFF0u, 16u, &out));
  CHECK(out == 0xFFFFFFF0u);
  CHECK_FALSE(checked_align_up(0xFFFFFFF1u, 16u, &out));
  CHECK_FALSE(checked_align_up(1u, 0u, &out));
  CHECK_FALSE(checked_align_up(1u, 12u, &out));
  uint8_t small = 0;
  CHECK_FALSE(checked_align_up(uint8_t{241}, 16, &small));
}

TEST_CASE("a range lies inside a size only if its end does, also where the end overflows") {
  CHECK(checked_range(0, 0, 0));
  CHECK(checked_range(10, 0, 10));
  CHECK(checked_range(4, 6, 10));
  CHECK_FALSE(checked_range(4, 7, 10));
  CHECK_FALSE(checked_range(11, 0, 10));
  CHECK_FALSE(checked_range(8, std::numeric_limits<uint64_t>::max() - 3, 10));
}

TEST_CASE("a span walks its values") {
  int values[3] = {1, 2, 3};
  const Span<int> span{values, 3};
  int sum = 0;
  for (int v : span) sum += v;
  CHECK(sum == 6);
  CHECK(span[2] == 3);
  CHECK(Span<int>{}.empty());
}
