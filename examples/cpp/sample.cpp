// Draws a row of pictures from a model file with all processors, into one PGM or PPM file.
//
//   sample MODEL [PICTURES]         e.g. sample examples/models/fashion.mote pictures.pgm
//
// What is worth reading here is ThreadPool: how a program's own threads do mote's work through parallel_for.
#include <mote/mote.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

// Threads that wait for work. The thread that calls for_each takes part in it as worker 0.
class ThreadPool {
 public:
  explicit ThreadPool(uint32_t workers) {
    for (uint32_t worker = 1; worker < workers; ++worker) threads_.emplace_back([this, worker] { serve(worker); });
  }
  ~ThreadPool() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  // A mote_parallel_for_fn; context is the pool.
  static void parallel_for(void* context, uint32_t n, void (*fn)(void*, uint32_t, uint32_t), void* arg) {
    static_cast<ThreadPool*>(context)->for_each(n, fn, arg);
  }

 private:
  struct Job {
    uint32_t n = 0;
    void (*fn)(void*, uint32_t, uint32_t) = nullptr;
    void* arg = nullptr;
  };

  void for_each(uint32_t n, void (*fn)(void*, uint32_t, uint32_t), void* arg) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      job_ = {n, fn, arg};
      next_ = 0;
      busy_ = static_cast<uint32_t>(threads_.size());
      ++generation_;
    }
    wake_.notify_all();
    work(0, {n, fn, arg});
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
  }

  void work(uint32_t worker, const Job& job) {
    for (uint32_t i = next_++; i < job.n; i = next_++) job.fn(job.arg, i, worker);
  }

  void serve(uint32_t worker) {
    uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
      if (stop_) return;
      seen = generation_;
      const Job job = job_;
      lock.unlock();
      work(worker, job);
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::atomic<uint32_t> next_{0};
  Job job_;
  uint64_t generation_ = 0;
  uint32_t busy_ = 0;
  bool stop_ = false;
};

mote::Buffer read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw std::runtime_error("cannot read " + path);
  mote::Buffer bytes(static_cast<size_t>(file.tellg()));
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()))) {
    throw std::runtime_error("cannot read " + path);
  }
  return bytes;
}

// Puts picture number `index` of a row of `count` into `row`.
void place(const std::vector<uint8_t>& picture, const mote_model_info& info, uint32_t index, uint32_t count,
           std::vector<uint8_t>* row) {
  const size_t line = size_t{info.width} * info.channels;
  for (size_t y = 0; y < info.height; ++y) {
    std::copy_n(picture.begin() + static_cast<ptrdiff_t>(y * line), line,
                row->begin() + static_cast<ptrdiff_t>((y * count + index) * line));
  }
}

void write_row(const std::string& path, const std::vector<uint8_t>& row, const mote_model_info& info, uint32_t count) {
  if (info.channels != 1 && info.channels != 3) throw std::runtime_error("PGM and PPM have one or three channels");
  std::ofstream file(path, std::ios::binary);
  file << (info.channels == 1 ? "P5\n" : "P6\n") << info.width * count << ' ' << info.height << "\n255\n";
  file.write(reinterpret_cast<const char*>(row.data()), static_cast<std::streamsize>(row.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

void draw(const std::string& model_path, const std::string& out_path) {
  const mote::Model model(read_file(model_path));
  model.check();
  const mote_model_info info = model.info();
  const uint32_t workers = std::max(1u, std::thread::hardware_concurrency());
  ThreadPool pool(workers);

  mote::Config config;
  config.seed = 1;
  config.parallel_for = ThreadPool::parallel_for;
  config.parallel_context = &pool;
  config.workers = workers;
  // Memory to spare makes some kernels faster.
  mote::Buffer packed(model.packed_size(config));
  config.packed = packed.data();
  config.packed_bytes = packed.size();

  mote::Sampler sampler(model, config);
  const uint32_t count = info.num_classes != 0 ? std::min(info.num_classes, 16u) : 8;
  std::vector<uint8_t> row(size_t{count} * info.width * info.height * info.channels);
  for (uint32_t i = 0; i < count; ++i) {
    sampler.restart(config.seed, i, static_cast<int32_t>(i));
    while (sampler.step()) {
    }
    place(sampler.pixels(), info, i, count, &row);
  }
  std::printf("%u pictures of %u x %u, kernels %s, %u threads, %zu bytes of working memory\n", count, info.width,
              info.height, sampler.kernels(), workers, sampler.working_bytes());
  if (!out_path.empty()) write_row(out_path, row, info, count);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fprintf(stderr, "usage: sample MODEL [PICTURES]\n");
    return 2;
  }
  try {
    draw(argv[1], argc == 3 ? argv[2] : "");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sample: %s: %s\n", argv[1], error.what());
    return 3;
  }
  return 0;
}
