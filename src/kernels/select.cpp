// Which kernel sets this processor can run. Asked from the processor at every call: there is no state to keep.
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#include "kernels/cortexm/cortexm.h"
#include "kernels/kernels.h"

namespace mote {
namespace {

constexpr const char* set_names[kernel_set_count] = {"ref",          "avx2",      "avx512", "neon",
                                                     "neon_dotprod", "neon_i8mm", "dsp",    "mve"};

bool same_text(const char* a, const char* b) {
  for (; *a != '\0' && *a == *b; ++a, ++b) {
  }
  return *a == *b;
}

#if defined(__x86_64__)

struct X86Features {
  bool avx2, avx512;
};

constexpr uint32_t bit(int n) { return uint32_t{1} << n; }

// The register states the operating system saves (XGETBV, register 0): without that an instruction set is not usable.
uint32_t saved_states() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

X86Features x86_features() {
  constexpr uint32_t fma = bit(12), osxsave = bit(27), avx = bit(28);                       // leaf 1, ecx
  constexpr uint32_t avx2 = bit(5), f = bit(16), dq = bit(17), bw = bit(30), vl = bit(31);  // leaf 7, ebx
  constexpr uint32_t ymm_state = bit(1) | bit(2), zmm_state = ymm_state | bit(5) | bit(6) | bit(7);
  X86Features found = {false, false};
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return found;
  constexpr uint32_t base = fma | osxsave | avx;
  if ((c & base) != base) return found;
  const uint32_t states = saved_states();
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return found;
  found.avx2 = (b & avx2) != 0 && (states & ymm_state) == ymm_state;
  constexpr uint32_t wide = f | dq | bw | vl;
  found.avx512 = found.avx2 && (b & wide) == wide && (states & zmm_state) == zmm_state;
  return found;
}

#elif defined(__aarch64__)

struct ArmFeatures {
  bool dotprod, i8mm;
};

// What the kernel of Linux says of the processor; elsewhere, what the compiler was told.
ArmFeatures arm_features() {
  ArmFeatures found = {false, false};
#if defined(__linux__)
  constexpr unsigned long asimddp = 1ul << 20, i8mm = 1ul << 13;  // of AT_HWCAP, of AT_HWCAP2
  found.dotprod = (getauxval(AT_HWCAP) & asimddp) != 0;
  found.i8mm = (getauxval(AT_HWCAP2) & i8mm) != 0;
#else
#if defined(__ARM_FEATURE_DOTPROD)
  found.dotprod = true;
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8)
  found.i8mm = true;
#endif
#endif
  found.i8mm = found.i8mm && found.dotprod;
  return found;
}

#endif

}  // namespace

int kernel_sets_available(KernelSet sets[kernel_set_count]) {
  int count = 0;
#if defined(__x86_64__)
  const X86Features features = x86_features();
  if (features.avx512) sets[count++] = KernelSet::avx512;
  if (features.avx2) sets[count++] = KernelSet::avx2;
#elif defined(__aarch64__)
  const ArmFeatures features = arm_features();
  if (features.i8mm) sets[count++] = KernelSet::neon_i8mm;
  if (features.dotprod) sets[count++] = KernelSet::neon_dotprod;
  sets[count++] = KernelSet::neon;
#elif defined(__arm__)
#if defined(__ARM_NEON)
  sets[count++] = KernelSet::neon;
#endif
#if defined(MOTE_HAS_MVE)
  sets[count++] = KernelSet::mve;
#endif
#if defined(MOTE_HAS_DSP)
  sets[count++] = KernelSet::dsp;
#endif
#endif
#if !defined(MOTE_WITHOUT_REF)
  sets[count++] = KernelSet::ref;
#endif
  return count;
}

const char* kernel_set_name(KernelSet set) { return set_names[static_cast<int>(set)]; }

bool find_kernel_set(const char* name, KernelSet* set) {
  KernelSet sets[kernel_set_count];
  const int count = kernel_sets_available(sets);
  for (int i = 0; i < count; ++i) {
    if (name == nullptr || same_text(name, kernel_set_name(sets[i]))) {
      *set = sets[i];
      return true;
    }
  }
  return false;
}

}  // namespace mote
