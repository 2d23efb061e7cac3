#include "tests/support/threads.h"

#include <atomic>
#include <thread>
#include <vector>

namespace mote::test {
namespace {

std::atomic<uint32_t> calls{0};

}  // namespace

void parallel_for_threads(void* context, uint32_t n, void (*fn)(void* arg, uint32_t index, uint32_t worker),
                          void* arg) {
  ++calls;
  const uint32_t workers = *static_cast<const uint32_t*>(context);
  std::atomic<uint32_t> next{0};
  const auto work = [&](uint32_t worker) {
    for (uint32_t i = next++; i < n; i = next++) fn(arg, i, worker);
  };
  std::vector<std::thread> threads;
  for (uint32_t w = 1; w < workers; ++w) threads.emplace_back(work, w);
  work(0);
  for (std::thread& thread : threads) thread.join();
}

uint32_t parallel_calls() { return calls; }

}  // namespace mote::test
