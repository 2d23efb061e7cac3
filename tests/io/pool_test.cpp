#include "weights_tool/io/pool.h"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <string>

using mote::tool::ThreadPool;

TEST_CASE("every index runs once, and no worker twice at a time") {
  for (const int workers : {1, 2, 7}) {
    ThreadPool pool(workers);
    CHECK(pool.workers() == workers);
    for (const int n : {0, 1, 3, 1000}) {
      std::vector<std::atomic<int>> calls(static_cast<size_t>(n)), inside(static_cast<size_t>(workers));
      std::atomic<bool> clash{false};
      pool.parallel_for(n, [&](int index, int worker) {
        if (inside[static_cast<size_t>(worker)]++ != 0) clash = true;
        ++calls[static_cast<size_t>(index)];
        --inside[static_cast<size_t>(worker)];
      });
      CHECK(!clash);
      for (const auto& count : calls) CHECK(count == 1);
    }
  }
}

TEST_CASE("an exception reaches the caller and the pool works on") {
  ThreadPool pool(3);
  for (int repeat = 0; repeat < 20; ++repeat) {
    std::string text;
    try {
      pool.parallel_for(100, [&](int index, int) {
        if (index == 17) throw std::runtime_error("seventeen");
      });
    } catch (const std::runtime_error& error) {
      text = error.what();
    }
    CHECK(text == "seventeen");
    std::atomic<int> sum{0};
    pool.parallel_for(10, [&](int index, int) { sum += index; });
    CHECK(sum == 45);
  }
}

TEST_CASE("zero workers means one for each processor") { CHECK(ThreadPool(0).workers() >= 1); }
