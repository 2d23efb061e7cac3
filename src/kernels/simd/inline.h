// What marks the functions of this folder: they must vanish into the kernels that use them.
#pragma once

#define MOTE_INLINE inline __attribute__((always_inline))
