// exp, erf, sigmoid and the activation functions on vectors of the traits in vec_*.h. Fixed polynomials, no libm, no
// estimate instructions: the same bytes on every processor that runs the kernel set.
// Not the definition of these functions (that is core/math.h): within about 2 ulp of it.
//
// The coefficients were fitted with the Remez exchange algorithm in double and rounded to float; the error stated
// with each is that of the polynomial before rounding.
#pragma once
#include "kernels/kernels.h"
#include "kernels/simd/inline.h"

namespace mote {
namespace {

// e^x = 2^n e^r, n = round(x / ln 2), |r| <= ln 2 / 2, e^r = 1 + r + r^2 q(r), relative error 3e-9.
// ln 2 is split so that n * high is exact. Saturates at e^-87.3 and e^88.3 (finite, normal); NaN stays NaN.
template <class V>
MOTE_INLINE V exp(V x) {
  x = max(V::set1(-87.3f), x);
  x = min(V::set1(88.3f), x);
  const V n = round(mul(x, V::set1(1.44269502f)));
  V r = fnma(n, V::set1(0.69140625f), x);
  r = fnma(n, V::set1(0.0017409306f), r);
  V q = V::set1(0.001381459878757596f);
  q = fma(q, r, V::set1(0.008368716575205326f));
  q = fma(q, r, V::set1(0.04166838899254799f));
  q = fma(q, r, V::set1(0.1666652113199234f));
  q = fma(q, r, V::set1(0.4999999403953552f));
  q = fma(mul(r, r), q, r);
  return mul(add(q, V::set1(1.0f)), exp2_int(n));
}

template <class V>
MOTE_INLINE V sigmoid(V x) {
  return div(V::set1(1.0f), add(V::set1(1.0f), exp(neg(x))));
}

template <class V>
MOTE_INLINE V silu(V x) {
  return div(x, add(V::set1(1.0f), exp(neg(x))));
}

// |x| < 1: x p(x^2), relative error 1e-9. Else 1 - e^(-|x| q(|x|)), absolute error 3e-9 up to |x| = 4, where erf is 1
// to 2e-8, and constant beyond.
template <class V>
MOTE_INLINE V erf(V x) {
  const V a = abs(x);
  const V t = mul(x, x);
  V p = V::set1(7.85386146e-05f);
  p = fma(p, t, V::set1(-0.000801019371f));
  p = fma(p, t, V::set1(0.00518832775f));
  p = fma(p, t, V::set1(-0.0268538129f));
  p = fma(p, t, V::set1(0.112835854f));
  p = fma(p, t, V::set1(-0.37612626f));
  p = fma(p, t, V::set1(1.12837911f));
  const V small = mul(p, x);
  const V c = min(V::set1(4.0f), a);
  V q = V::set1(-0.000210182057f);
  q = fma(q, c, V::set1(0.0031831169f));
  q = fma(q, c, V::set1(-0.0227860846f));
  q = fma(q, c, V::set1(0.105096668f));
  q = fma(q, c, V::set1(0.635846376f));
  q = fma(q, c, V::set1(1.12847555f));
  const V tail = sub(V::set1(1.0f), exp(neg(mul(q, c))));
  return select_gt(a, V::set1(1.0f), select_gt(x, V::zero(), tail, neg(tail)), small);
}

// GELU (Hendrycks & Gimpel 2016) with the exact normal distribution: x (1 + erf(x / sqrt 2)) / 2.
template <class V>
MOTE_INLINE V gelu(V x) {
  return mul(mul(V::set1(0.5f), x), add(V::set1(1.0f), erf(mul(x, V::set1(0.707106769f)))));
}

// Mish (Misra 2019): x tanh(log(1 + e^x)) = x n / (n + 2), n = e^x (e^x + 2); beyond 20 the quotient is 1.
template <class V>
MOTE_INLINE V mish(V x) {
  const V e = exp(min(V::set1(20.0f), x));
  const V n = mul(e, add(e, V::set1(2.0f)));
  return mul(x, div(n, add(n, V::set1(2.0f))));
}

template <class V>
MOTE_INLINE V relu(V x) {
  return max(V::zero(), x);
}

// One activation after another function, chosen at compile time: `apply` of the loops below.
template <Activation activation, class V>
MOTE_INLINE V activate(V x) {
  if constexpr (activation == Activation::silu) return silu(x);
  if constexpr (activation == Activation::gelu) return gelu(x);
  if constexpr (activation == Activation::relu) return relu(x);
  if constexpr (activation == Activation::mish) return mish(x);
  return x;
}

template <Activation a>
struct ActivationTag {
  static constexpr Activation value = a;
};

// Calls body(ActivationTag<a>{}) for the activation given at run time, so that loops are compiled for each.
template <class Body>
MOTE_INLINE void with_activation(Activation activation, const Body& body) {
  switch (activation) {
    case Activation::none: return body(ActivationTag<Activation::none>{});
    case Activation::silu: return body(ActivationTag<Activation::silu>{});
    case Activation::gelu: return body(ActivationTag<Activation::gelu>{});
    case Activation::relu: return body(ActivationTag<Activation::relu>{});
    case Activation::mish: return body(ActivationTag<Activation::mish>{});
  }
}

}  // namespace
}  // namespace mote
