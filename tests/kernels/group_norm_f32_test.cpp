// Group normalisation: every kernel set against mean and variance taken in double over the joined input.
#include "kernel_test.h"

namespace mote::test {
namespace {

struct NormCase {
  int height, width, c0, c1, groups;
  bool gamma, beta, scale_shift, joined, in_place;
  Activation activation;
  float offset;  // added to the input
};

// All phases, the rows of each cut at random.
void run_norm(const GroupNormF32& args, KernelSet set, Random& random) {
  const GroupNormF32Kernel& kernel = pick_kernel(group_norm_f32_kernels, set);
  for (int slice = group_norm_slices(args.height) - 1; slice >= 0; --slice) kernel.run(args, 0, slice, slice + 1);
  kernel.run(args, 1, 0, 1);
  run_in_pieces(args.height, random, [&](int begin, int end) { kernel.run(args, 2, begin, end); });
}

// The joined input of pixel p, channel c.
double joined(const Floats& x0, const Floats& x1, const NormCase& c, int p, int channel) {
  return channel < c.c0 ? x0[static_cast<size_t>(p * c.c0 + channel)]
                        : x1[static_cast<size_t>(p * c.c1 + channel - c.c0)];
}

std::vector<double> expected_norm(const GroupNormF32& a, const Floats& x0, const Floats& x1, const NormCase& c) {
  const int channels = c.c0 + c.c1, size = channels / c.groups, pixels = c.height * c.width;
  std::vector<double> y(static_cast<size_t>(pixels * channels));
  for (int group = 0; group < c.groups; ++group) {
    double sum = 0, squares = 0;
    const double n = static_cast<double>(pixels) * size;
    for (int p = 0; p < pixels; ++p) {
      for (int i = 0; i < size; ++i) sum += joined(x0, x1, c, p, group * size + i);
    }
    for (int p = 0; p < pixels; ++p) {
      for (int i = 0; i < size; ++i) squares += std::pow(joined(x0, x1, c, p, group * size + i) - sum / n, 2);
    }
    for (int p = 0; p < pixels; ++p) {
      for (int channel = group * size; channel < (group + 1) * size; ++channel) {
        double v = (joined(x0, x1, c, p, channel) - sum / n) / std::sqrt(squares / n + a.epsilon);
        if (a.gamma != nullptr) v *= a.gamma[channel];
        if (a.beta != nullptr) v += a.beta[channel];
        if (a.scale_shift != nullptr) v = v * (1.0 + a.scale_shift[channel]) + a.scale_shift[channels + channel];
        y[static_cast<size_t>(p * channels + channel)] = activate(v, a.activation);
      }
    }
  }
  return y;
}

void check_norm(const NormCase& c, uint64_t seed) {
  Random random(seed);
  const size_t pixels = static_cast<size_t>(c.height * c.width), channels = static_cast<size_t>(c.c0 + c.c1);
  const Floats x0(pixels * static_cast<size_t>(c.c0), random, 1.0f, c.offset);
  const Floats x1(pixels * static_cast<size_t>(c.c1), random, 2.0f, -c.offset);
  const Floats gamma(channels, random), beta(channels, random), scale_shift(2 * channels, random);
  CAPTURE(c.height);
  CAPTURE(c.width);
  CAPTURE(c.c0);
  CAPTURE(c.c1);
  CAPTURE(c.groups);
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    Floats a(x0.size()), b(x1.size()), y0(c.joined ? pixels * channels : x0.size()), y1(c.joined ? 0 : x1.size());
    const Floats stats(group_norm_stats_floats(static_cast<int>(channels), c.height));
    std::memcpy(a.data(), x0.data(), x0.size() * sizeof(float));
    std::memcpy(b.data(), x1.data(), x1.size() * sizeof(float));
    GroupNormF32 args = {};
    args.x[0] = a.data();
    args.x[1] = c.c1 != 0 ? b.data() : nullptr;
    args.channels[0] = c.c0;
    args.channels[1] = c.c1;
    args.height = c.height;
    args.width = c.width;
    args.groups = c.groups;
    args.epsilon = 1e-5f;
    args.activation = c.activation;
    args.gamma = c.gamma ? gamma.data() : nullptr;
    args.beta = c.beta ? beta.data() : nullptr;
    args.scale_shift = c.scale_shift ? scale_shift.data() : nullptr;
    args.stats = stats.data();
    args.y[0] = c.in_place ? a.data() : y0.data();
    args.y[1] = c.joined || c.c1 == 0 ? nullptr : c.in_place ? b.data() : y1.data();
    run_norm(args, set, random);
    CHECK(a.intact());
    CHECK(b.intact());
    CHECK(y0.intact());
    CHECK(y1.intact());
    CHECK(stats.intact());
    const std::vector<double> expected = expected_norm(args, x0, x1, c);
    double worst = 0;
    for (size_t p = 0; p < pixels; ++p) {
      for (size_t i = 0; i < channels; ++i) {
        const size_t first = static_cast<size_t>(c.c0);
        const float* got = args.y[0] + p * channels + i;
        if (args.y[1] != nullptr)
          got = i < first ? args.y[0] + p * first + i : args.y[1] + p * (channels - first) + i - first;
        const double error = std::fabs(*got - expected[p * channels + i]);
        if (!(error <= worst)) worst = error;
      }
    }
    // Values are of size 1; a large offset takes that many bits away.
    CHECK(worst < 1e-5 + 3e-6 * std::fabs(c.offset));
  }
}

TEST_CASE("group_norm_f32: layers of a UNet, in place and joined") {
  check_norm({28, 28, 16, 0, 4, true, true, false, false, true, Activation::silu, 0.0f}, 1);
  check_norm({14, 14, 32, 16, 8, true, true, true, false, false, Activation::silu, 0.0f}, 2);
  check_norm({7, 7, 48, 0, 1, true, true, false, false, true, Activation::none, 0.0f}, 3);
  check_norm({8, 8, 200, 56, 32, true, true, true, true, false, Activation::silu, 0.0f}, 4);
  check_norm({1, 1, 6, 0, 2, false, false, false, false, false, Activation::none, 0.0f}, 5);
}

TEST_CASE("group_norm_f32: a mean far from zero does not spoil the variance") {
  check_norm({16, 16, 32, 0, 8, true, true, false, false, false, Activation::none, 100.0f}, 6);
  check_norm({9, 7, 12, 8, 5, true, true, false, false, false, Activation::none, 30.0f}, 7);
}

TEST_CASE("group_norm_f32: a constant input gives beta") {
  for (const KernelSet set : available_sets()) {
    Random random(1);
    Floats x(5 * 5 * 10), y(x.size()), stats(group_norm_stats_floats(10, 5)), beta(10, random);
    for (size_t i = 0; i < x.size(); ++i) x[i] = 3.0f;
    GroupNormF32 args = {
        {x.data(), nullptr}, {10, 0},     5, 5, 2, 1e-5f, Activation::none, nullptr, beta.data(), nullptr,
        {y.data(), nullptr}, stats.data()};
    run_norm(args, set, random);
    for (size_t i = 0; i < y.size(); ++i) CHECK(y[i] == doctest::Approx(beta[i % 10]).epsilon(1e-3));
  }
}

TEST_CASE("group_norm_f32: random shapes and options") {
  for (uint64_t seed = 20; seed < 180; ++seed) {
    Random r(seed);
    NormCase c = {};
    c.height = r.between(1, 10);
    c.width = r.between(1, 10);
    c.groups = r.between(1, 6);
    const int channels = c.groups * r.between(1, r.coin() ? 30 : 4);
    c.c1 = r.below(3) == 0 && channels > 1 ? r.between(1, channels - 1) : 0;
    c.c0 = channels - c.c1;
    c.gamma = r.coin();
    c.beta = r.coin();
    c.scale_shift = r.coin();
    c.joined = r.coin();
    c.in_place = r.coin() && !(c.joined && c.c1 != 0);
    c.activation = all_activations[r.below(4)];
    check_norm(c, seed);
  }
}

}  // namespace
}  // namespace mote::test
