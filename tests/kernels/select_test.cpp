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
#elif defined(__arm__)
#if defined(__ARM_NEON)
  CHECK(find_kernel_set("neon", &set));
#else
  CHECK_FALSE(find_kernel_set("neon", &set));
#endif
  CHECK_FALSE(find_kernel_set("neon_dotprod", &set));
#endif
}

#if defined(__aarch64__) && defined(__linux__)
// The processor itself says what it has; a program may not always ask it (ID_AA64ISAR0_EL1 and ID_AA64ISAR1_EL1), but
// Linux answers.
TEST_CASE("kernel sets: SDOT and SMMLA where the processor has them, i8mm never without dotprod") {
  uint64_t isar0, isar1;
  __asm__("mrs %0, ID_AA64ISAR0_EL1" : "=r"(isar0));
  __asm__("mrs %0, ID_AA64ISAR1_EL1" : "=r"(isar1));
  const bool dotprod = (isar0 >> 44 & 15) != 0, i8mm = dotprod && (isar1 >> 52 & 15) != 0;
  KernelSet set = KernelSet::ref;
  CHECK(find_kernel_set("neon_dotprod", &set) == dotprod);
  CHECK(find_kernel_set("neon_i8mm", &set) == i8mm);
  const KernelSet fastest = i8mm ? KernelSet::neon_i8mm : dotprod ? KernelSet::neon_dotprod : KernelSet::neon;
  CHECK(available_sets().front() == fastest);
}
#endif

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
  table.set[static_cast<int>(KernelSet::neon)].run = ref;
  CHECK(&pick_kernel(table, KernelSet::neon_i8mm) == &table.set[3]);
  table.set[static_cast<int>(KernelSet::neon_dotprod)].run = ref;
  CHECK(&pick_kernel(table, KernelSet::neon_i8mm) == &table.set[4]);
}

}  // namespace
}  // namespace mote::test
