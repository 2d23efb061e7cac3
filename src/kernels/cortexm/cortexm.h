// Which kernel sets for 32-bit ARM this compilation has: MOTE_HAS_MVE (Helium: Cortex-M55), or else MOTE_HAS_DSP (DSP
// extension and float unit: Cortex-M4F, M7, M33; ARMv7 in Thumb too, so that their tests run there). What the compiler
// is told decides; nothing is asked at run time.
#pragma once

#if defined(__arm__) && defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2) != 0
#define MOTE_HAS_MVE 1
#elif defined(__thumb2__) && defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32) && defined(__ARM_FP)
#define MOTE_HAS_DSP 1
#endif

// On a microcontroller the faster set is always there, and the tables leave out what it replaces: `ref` is then no set
// that can be chosen. MOTE_ALL_KERNEL_SETS keeps it, for comparisons.
#if (defined(MOTE_HAS_DSP) || defined(MOTE_HAS_MVE)) && __ARM_ARCH_PROFILE == 'M' && !defined(MOTE_ALL_KERNEL_SETS)
#define MOTE_WITHOUT_REF 1
#endif
