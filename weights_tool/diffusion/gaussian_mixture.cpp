#include "weights_tool/diffusion/gaussian_mixture.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "diffusion/noise.h"

namespace mote::tool {

namespace {

constexpr double log_two_pi = 1.8378770664093454836;

}  // namespace

GaussianMixture::GaussianMixture(const std::vector<GaussianComponent>& components)
    : dimension_(components.empty() ? 0 : components[0].mean.size()) {
  if (dimension_ == 0) throw std::invalid_argument("GaussianMixture: no component");
  double total = 0;
  for (const GaussianComponent& c : components) {
    if (c.mean.size() != dimension_ || c.deviation.size() != dimension_ || !(c.weight > 0))
      throw std::invalid_argument("GaussianMixture: components do not fit together");
    total += c.weight;
  }
  double sum = 0;
  for (const GaussianComponent& c : components) {
    log_weight_.push_back(std::log(c.weight / total));
    cumulative_.push_back(sum += c.weight / total);
    mean_.insert(mean_.end(), c.mean.begin(), c.mean.end());
    for (const double deviation : c.deviation) {
      if (!(deviation >= 0)) throw std::invalid_argument("GaussianMixture: a negative deviation");
      variance_.push_back(deviation * deviation);
    }
  }
}

GaussianMixture::GaussianMixture(const float* points, size_t count, size_t dimension)
    : dimension_(dimension),
      log_weight_(count, -std::log(static_cast<double>(count))),
      mean_(points, points + count * dimension),
      variance_(count * dimension, 0.0) {
  if (count == 0 || dimension == 0) throw std::invalid_argument("GaussianMixture: no points");
  for (size_t k = 0; k < count; ++k) cumulative_.push_back(static_cast<double>(k + 1) / static_cast<double>(count));
}

double GaussianMixture::responsibilities(const double* x, double alpha_bar, std::vector<double>* out) const {
  const double signal = std::sqrt(alpha_bar), noise = 1 - alpha_bar;
  out->resize(components());
  double largest = -INFINITY;
  for (size_t k = 0; k < components(); ++k) {
    double twice = 0;
    for (size_t d = 0; d < dimension_; ++d) {
      const double variance = alpha_bar * variance_[k * dimension_ + d] + noise;
      const double difference = x[d] - signal * mean_[k * dimension_ + d];
      twice += difference * difference / variance + std::log(variance) + log_two_pi;
    }
    (*out)[k] = log_weight_[k] - twice / 2;
    largest = std::max(largest, (*out)[k]);
  }
  double sum = 0;
  for (double& r : *out) sum += r = std::exp(r - largest);
  for (double& r : *out) r /= sum;
  return largest + std::log(sum);
}

double GaussianMixture::log_density(const double* x, double alpha_bar) const {
  std::vector<double> r;
  return responsibilities(x, alpha_bar, &r);
}

void GaussianMixture::score(const double* x, double alpha_bar, double* out) const {
  std::vector<double> r;
  responsibilities(x, alpha_bar, &r);
  const double signal = std::sqrt(alpha_bar), noise = 1 - alpha_bar;
  std::fill(out, out + dimension_, 0.0);
  for (size_t k = 0; k < components(); ++k) {
    if (r[k] == 0) continue;
    for (size_t d = 0; d < dimension_; ++d) {
      const double variance = alpha_bar * variance_[k * dimension_ + d] + noise;
      out[d] -= r[k] * (x[d] - signal * mean_[k * dimension_ + d]) / variance;
    }
  }
}

void GaussianMixture::mean_x0(const double* x, double alpha_bar, double* out) const {
  std::vector<double> r;
  responsibilities(x, alpha_bar, &r);
  const double signal = std::sqrt(alpha_bar), noise = 1 - alpha_bar;
  std::fill(out, out + dimension_, 0.0);
  for (size_t k = 0; k < components(); ++k) {
    if (r[k] == 0) continue;
    for (size_t d = 0; d < dimension_; ++d) {
      const double mean = mean_[k * dimension_ + d], variance = variance_[k * dimension_ + d];
      // The mean of a component given x_t: regression of x_0 on x_t, both Gaussian.
      const double slope = signal * variance / (alpha_bar * variance + noise);
      out[d] += r[k] * (mean + slope * (x[d] - signal * mean));
    }
  }
}

void GaussianMixture::prediction(Prediction prediction, const double* x, double alpha_bar, double* out) const {
  const double signal = std::sqrt(alpha_bar), noise = std::sqrt(1 - alpha_bar);
  std::vector<double> x0(dimension_), s(dimension_);
  mean_x0(x, alpha_bar, x0.data());
  score(x, alpha_bar, s.data());
  for (size_t d = 0; d < dimension_; ++d) {
    const double epsilon = -noise * s[d];
    switch (prediction) {
      case Prediction::epsilon: out[d] = epsilon; break;
      case Prediction::x0: out[d] = x0[d]; break;
      case Prediction::v: out[d] = signal * epsilon - noise * x0[d]; break;
    }
  }
}

std::vector<float> GaussianMixture::sample(size_t count, uint64_t seed, uint32_t first) const {
  std::vector<float> points(count * dimension_), z(dimension_);
  const uint32_t width = static_cast<uint32_t>(dimension_);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t number = first + static_cast<uint32_t>(i);
    const double lot = (uniform_u32(0, seed, 1, number, noise_points) + 0.5) / 4294967296.0;
    const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, lot);
    const size_t k = static_cast<size_t>(found - cumulative_.begin());
    fill_gaussian(z.data(), 0, width, seed, 0, number, noise_points);
    for (size_t d = 0; d < dimension_; ++d) {
      const double deviation = std::sqrt(variance_[k * dimension_ + d]);
      points[i * dimension_ + d] =
          static_cast<float>(mean_[k * dimension_ + d] + deviation * static_cast<double>(z[d]));
    }
  }
  return points;
}

GaussianMixture gaussian_mixture_from_json(const JsonView& view) {
  view.refuse_unknown({"components"});
  std::vector<GaussianComponent> components;
  for (const JsonView& item : view.at("components").items()) {
    item.refuse_unknown({"weight", "mean", "deviation"});
    GaussianComponent c;
    c.weight = item.number_or("weight", 1, 1e-9, 1e9);
    c.mean = item.at("mean").numbers(-1e6, 1e6);
    const JsonView deviation = item.at("deviation");
    if (deviation.value().kind() == Json::Kind::array) {
      c.deviation = deviation.numbers(1e-6, 1e6);
    } else {
      c.deviation.assign(c.mean.size(), deviation.number(1e-6, 1e6));
    }
    if (c.mean.empty() || c.deviation.size() != c.mean.size() ||
        (!components.empty() && c.mean.size() != components[0].mean.size()))
      item.fail("mean and deviation need one number for each dimension, the same in all components");
    components.push_back(std::move(c));
  }
  if (components.empty()) view.at("components").fail("there is none");
  return GaussianMixture(components);
}

}  // namespace mote::tool
