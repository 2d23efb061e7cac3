// A pool of threads for loops whose iterations are independent. No task graph, no futures, no nesting.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace mote::tool {

class ThreadPool {
 public:
  // `workers` >= 1 threads compute, the caller of parallel_for among them. 0: one for each processor.
  explicit ThreadPool(int workers);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int workers() const { return static_cast<int>(threads_.size()) + 1; }

  // Calls fn(index, worker) for each index in [0, n), 0 <= worker < workers(), and returns when all are done. No two
  // calls with the same worker run at once. If calls throw, the remaining indices are skipped and one of the exceptions
  // (that of the lowest index among those that ran) is thrown here. Must not be called from inside fn.
  void parallel_for(int n, const std::function<void(int index, int worker)>& fn);

 private:
  void work(int worker);
  void run_indices(int worker);

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable start_, done_;
  // Guarded by mutex_.
  const std::function<void(int, int)>* fn_ = nullptr;
  int count_ = 0, next_ = 0, busy_ = 0;
  uint64_t generation_ = 0;
  bool stop_ = false;
  int error_index_ = 0;
  std::exception_ptr error_;
};

}  // namespace mote::tool
