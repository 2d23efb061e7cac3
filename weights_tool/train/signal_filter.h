// Filters of sampled signals, in double: Butterworth low-pass and high-pass as second-order sections, run forward and
// backward so that nothing is delayed, and the centred moving average. Frequencies are in Hz; `rate` is samples a second.
#pragma once
#include <cstddef>
#include <vector>

namespace mote::tool {

// H(z) = (b0 + b1 / z + b2 / z^2) / (1 + a1 / z + a2 / z^2).
struct Biquad {
  double b0, b1, b2, a1, a2;
};

enum class FilterKind { low_pass, high_pass };

// A Butterworth filter of an even order, 2 to 12, by the bilinear transform with the cut-off prewarped: there the gain
// is 1 / sqrt(2). Throws std::invalid_argument for other orders and cut-offs outside of (0, rate / 2).
std::vector<Biquad> butterworth(FilterKind kind, int order, double cutoff, double rate);

// |H| of the sections one after another at a frequency.
double filter_gain(const std::vector<Biquad>& sections, double frequency, double rate);

// Forward, then backward: no phase, the gain squared. At both ends the signal goes on for `padding` samples (at most one
// less than it has) turned around its end point, and the filter starts as if its first value had always been there
// (Gustafsson 1996 discusses the alternatives).
std::vector<double> filter_both_ways(const std::vector<Biquad>& sections, const std::vector<double>& signal,
                                     size_t padding);

// What a filter with this cut-off needs as padding: two periods of it.
size_t filter_padding(double cutoff, double rate);

// The mean of the `width` samples around each; fewer at the ends, as many on either side. An even width counts as the
// next odd one.
std::vector<double> moving_average(const std::vector<double>& signal, size_t width);

}  // namespace mote::tool
