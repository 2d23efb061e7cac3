#include "core/arena.h"

#include <doctest/doctest.h>

namespace mote::test {

TEST_CASE("an arena cuts pieces at multiples of 16 and counts the same with and without a buffer") {
  alignas(16) unsigned char buffer[100];
  Arena measure(nullptr, 0), arena(buffer, sizeof buffer);
  const uint64_t sizes[] = {1, 16, 0, 20, 4};
  const size_t offsets[] = {0, 16, 32, 32, 64};
  for (size_t i = 0; i < 5; ++i) {
    CHECK(measure.take(sizes[i]) == nullptr);
    CHECK(arena.take(sizes[i]) == buffer + offsets[i]);
    CHECK(arena.used() == offsets[i] + sizes[i]);
    CHECK(measure.used() == arena.used());
    CHECK(arena.fits());
  }
}

TEST_CASE("a piece that does not fit is null, and so is everything after it") {
  alignas(16) unsigned char buffer[64];
  Arena arena(buffer, sizeof buffer);
  CHECK(arena.take(48) == buffer);
  CHECK(arena.take(17) == nullptr);
  CHECK(!arena.fits());
  CHECK(arena.take(0) == nullptr);
  CHECK(arena.used() == 80);
}

TEST_CASE("sizes that overflow are never handed out") {
  alignas(16) unsigned char buffer[64];
  Arena arena(buffer, sizeof buffer);
  CHECK(arena.take_array<double>(UINT64_MAX / 4) == nullptr);
  CHECK(arena.used() == UINT64_MAX);
  CHECK(!arena.fits());
  CHECK(arena.take(1) == nullptr);
  CHECK(arena.used() == UINT64_MAX);
}

}  // namespace mote::test
