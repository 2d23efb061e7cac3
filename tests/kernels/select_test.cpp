// Selection of kernel sets.
#include "kernel_test.h"

namespace mote::test {
namespace {

TEST_CASE("kernel sets: ref is always there and last, names lead back to their set") {
  const std::vector<KernelSet> sets = available_sets();
  REQUIRE(!sets.empty());
  CHECK(sets.back() == KernelSet::ref);
  for (const KernelSet set : sets) {
    KernelSet found = KernelSet::ref;
    CHECK(find_kernel_set(kernel_set_name(set), &found));
    CHECK(found == set);
  }
  KernelSet fastest = KernelSet::ref;
  CHECK(find_kernel_set(nullptr, &fastest));
  CHECK(fastest == sets.front());
}

TEST_CASE("kernel sets: unknown names and those of other processors are refused") {
  KernelSet set = KernelSet::ref;
  CHECK_FALSE(find_kernel_set("", &set));
  CHECK_FALSE(find_kernel_set("re", &set));
  CHECK_FALSE(find_kernel_set("reference", &set));
#if defined(__x86_64__)
  CHECK_FALSE(find_kernel_set("neon", &set));
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  CHECK(find_kernel_set("avx2", &set) == avx2);
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  CHECK(find_kernel_set("avx512", &set) == avx512);
#elif defined(__aarch64__)
  CHECK(find_kernel_set("neon", &set));
  CHECK_FALSE(find_kernel_set("avx2", &set));
#endif
}

TEST_CASE("kernel sets: what a set lacks comes from a more general one") {
  KernelTable<AddF32Kernel> table = {};
  const auto ref = [](const AddF32&, int, int) {};
  const auto avx2 = [](const AddF32&, int, int) {};
  table.set[static_cast<int>(KernelSet::ref)].run = ref;
  CHECK(&pick_kernel(table, KernelSet::avx512) == &table.set[0]);
  CHECK(&pick_kernel(table, KernelSet::neon) == &table.set[0]);
  table.set[static_cast<int>(KernelSet::avx2)].run = avx2;
  CHECK(&pick_kernel(table, KernelSet::avx512) == &table.set[1]);
  CHECK(&pick_kernel(table, KernelSet::avx2) == &table.set[1]);
}

}  // namespace
}  // namespace mote::test
