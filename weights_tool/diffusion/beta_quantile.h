// Quantiles of the beta distribution, for noise levels spaced by it. Not a statistics library: one function, accurate to
// about 1e-12, at a few microseconds a call.
#pragma once

namespace mote::tool {

// The x in [0, 1] below which a share p of the distribution Beta(a, b) lies; 0 <= p <= 1, a > 0, b > 0.
double beta_quantile(double p, double a, double b);

}  // namespace mote::tool
