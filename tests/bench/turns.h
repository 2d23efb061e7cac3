// Kernels timed by turns: what the kernel benchmarks share.
#pragma once
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace mote::bench {

struct Variant {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds;
};

struct Options {
  int rounds = 15;
  std::string only;
};

// Processor time, not that on the wall: what other programs take is not counted.
inline double time_of(const std::function<void()>& run, int repeats) {
  const std::clock_t begin = std::clock();
  for (int i = 0; i < repeats; ++i) run();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC / repeats;
}

// `work` units a run; the unit is printed behind the rates.
inline void measure(const Options& options, const std::string& name, double work, const char* unit,
                    std::vector<Variant> variants) {
  if (name.find(options.only) == std::string::npos) return;
  std::vector<int> repeats;
  for (Variant& v : variants) {
    v.run();
    int count = 1;
    while (time_of(v.run, count) * count < 2e-3) count *= 2;
    repeats.push_back(count);
  }
  for (int round = 0; round < options.rounds; ++round) {
    for (size_t i = 0; i < variants.size(); ++i) variants[i].seconds.push_back(time_of(variants[i].run, repeats[i]));
  }
  for (Variant& v : variants) {
    std::sort(v.seconds.begin(), v.seconds.end());
    const double best = v.seconds.front(), median = v.seconds[v.seconds.size() / 2];
    std::printf("%-34s %-15s %8.2f %8.2f %s %10.2f us\n", name.c_str(), v.name.c_str(), work / best * 1e-9,
                work / median * 1e-9, unit, best * 1e6);
  }
  std::fflush(stdout);
}

inline std::vector<KernelSet> sets() {
  KernelSet list[kernel_set_count];
  const int count = kernel_sets_available(list);
  return std::vector<KernelSet>(list, list + count);
}

}  // namespace mote::bench
