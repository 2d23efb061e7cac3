// The distribution function is the regularized incomplete beta function, from its continued fraction (NIST Digital
// Library of Mathematical Functions, 8.17.22); the quantile is found by halving the interval.
#include "weights_tool/diffusion/beta_quantile.h"

#include <cmath>

namespace mote::tool {
namespace {

// The fraction 1/(1 + d1/(1 + d2/(1 + ...))), from the far end; quick for x < (a + 1) / (a + b + 2).
double continued_fraction(double x, double a, double b) {
  constexpr int terms = 200;
  double value = 0;
  for (int n = terms; n >= 1; --n) {
    const double m = n / 2;
    const double d = n % 2 == 0 ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
                                : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    value = d / (1 + value);
  }
  return 1 / (1 + value);
}

double share_below(double x, double a, double b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - share_below(1 - x, b, a);
  const double log_beta = std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b);
  return std::exp(a * std::log(x) + b * std::log1p(-x) - log_beta) / a * continued_fraction(x, a, b);
}

}  // namespace

double beta_quantile(double p, double a, double b) {
  if (p <= 0) return 0;
  if (p >= 1) return 1;
  double low = 0, high = 1;
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (share_below(middle, a, b) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace mote::tool
