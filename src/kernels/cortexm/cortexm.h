// Which kernel sets for 32-bit ARM this compilation has: MOTE_HAS_DSP (Cortex-M4, M7, M33; ARMv7 too, so that their tests
// run there) and MOTE_HAS_MVE (Helium: Cortex-M55). What the compiler is told decides; nothing is asked at run time.
#pragma once

#if defined(MOTE_TRY_DSP) && defined(__arm__) && defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32)
#define MOTE_HAS_DSP 1
#endif
#if defined(MOTE_TRY_MVE) && defined(__arm__) && defined(__ARM_FEATURE_MVE)
#define MOTE_HAS_MVE 1
#endif
