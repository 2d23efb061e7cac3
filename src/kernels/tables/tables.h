// What every table of kernels needs: the kernels of all sets, and which sets this target compiles.
// A table has a file of its own, so that the linker takes the kernels of those operators only that a program names.
#pragma once
#include "kernels/arm/arm.h"
#include "kernels/arm/arm_s8.h"
#include "kernels/cortexm/cortexm.h"
#include "kernels/cortexm/cortexm_s8.h"
#include "kernels/ref/ref.h"
#include "kernels/x86/x86.h"

// A row of a table, or an empty one on other processors.
#if defined(__x86_64__)
#define MOTE_X86(...) __VA_ARGS__
#else
#define MOTE_X86(...) \
  {}
#endif
// The float kernels, and those that need SDOT or SMMLA.
#if defined(__aarch64__)
#define MOTE_NEON(...) __VA_ARGS__
#else
#define MOTE_NEON(...) \
  {}
#endif
// The kernels of quantized models: on ARMv7 too.
#if defined(__aarch64__) || (defined(__arm__) && defined(__ARM_NEON))
#define MOTE_NEON_S8(...) __VA_ARGS__
#else
#define MOTE_NEON_S8(...) \
  {}
#endif
// The ref row of an operator that has both a dsp and an mve kernel: empty in firmware that has one of these sets, where
// nothing would run it, so that it takes no flash (MOTE_WITHOUT_REF in cortexm.h).
#if defined(MOTE_WITHOUT_REF)
#define MOTE_REF(...) \
  {}
#else
#define MOTE_REF(...) __VA_ARGS__
#endif
// 32-bit ARM with the DSP extension; with Helium.
#if defined(MOTE_HAS_DSP)
#define MOTE_DSP(...) __VA_ARGS__
#else
#define MOTE_DSP(...) \
  {}
#endif
#if defined(MOTE_HAS_MVE)
#define MOTE_MVE(...) __VA_ARGS__
#else
#define MOTE_MVE(...) \
  {}
#endif
