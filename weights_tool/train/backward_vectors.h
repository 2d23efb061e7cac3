// Loops over floats in whole vectors and a rest, for the templates of the backward kernels. Included by those only.
#pragma once
#include <cstddef>

#include "kernels/simd/math_f32.h"

namespace mote::tool {
namespace {

// Calls body(offset, count) for the vectors of n floats; count < V::width in the last one only.
template <class V, class Body>
MOTE_INLINE void for_vectors(ptrdiff_t n, const Body& body) {
  ptrdiff_t i = 0;
  for (; i + V::width <= n; i += V::width) body(i, V::width);
  if (i < n) body(i, static_cast<int>(n - i));
}
template <class V>
MOTE_INLINE V load_some(const float* p, int n) {
  return n == V::width ? V::load(p) : V::load_partial(p, n);
}
template <class V>
MOTE_INLINE void store_some(V v, float* p, int n) {
  if (n == V::width) {
    v.store(p);
  } else {
    v.store_partial(p, n);
  }
}

}  // namespace
}  // namespace mote::tool
