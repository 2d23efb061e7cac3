// Activation, sum, scale and shift, upsampling and pooling of floats: rows that end anywhere in a vector.
#include "kernels/ref/ref.h"
#include "selftest/bench.h"

namespace mote {
namespace {

// The tolerance of both kernels against exact arithmetic; sums and copies have none.
constexpr float activation_tolerance = 2e-6f, pool_tolerance = 2e-6f;

constexpr Activation activations[] = {Activation::none, Activation::silu, Activation::gelu, Activation::relu,
                                      Activation::mish};

template <class Kernel, class Args>
void try_rows(SelfTestBench* bench, const void* table, Args args, int rows, int count,
              void (*ref)(const Args&, int, int), float tolerance) {
  const Kernel& kernel = bench->kernel<Kernel>(table);
  if (kernel.run == nullptr) return bench->fail();
  const Twice<float> y = bench->output<float>(count);
  args.y = y.ref;
  ref(args, 0, rows);
  bench->record(y);
  args.y = y.own;
  kernel.run(args, 0, rows);
  bench->compare(y, tolerance);
  bench->erase(y);
  run_in_bands(rows, [&](int begin, int end) { kernel.run(args, begin, end); });
  bench->compare(y, tolerance);
}

struct Rows {
  uint8_t rows, row;
};
constexpr Rows shapes[] = {{5, 37}, {2, 16}, {9, 3}, {1, 1}};

void run_activation(const void* table, SelfTestBench* bench) {
  for (const Rows& p : shapes) {
    for (const Activation activation : activations) {
      bench->begin_problem();
      const int count = p.rows * p.row;
      const ActivationF32 args = {bench->floats(count, 8.0f), nullptr, p.rows, p.row, activation};
      try_rows<ActivationF32Kernel>(bench, table, args, p.rows, count, activation_f32_ref, activation_tolerance);
    }
  }
}

void run_add(const void* table, SelfTestBench* bench) {
  for (const Rows& p : shapes) {
    bench->begin_problem();
    const int count = p.rows * p.row;
    const float* a = bench->floats(count, 1.0f);
    const AddF32 args = {a, bench->floats(count, 1.0f), nullptr, p.rows, p.row};
    try_rows<AddF32Kernel>(bench, table, args, p.rows, count, add_f32_ref, 0.0f);
  }
}

void run_scale_shift(const void* table, SelfTestBench* bench) {
  constexpr struct { int8_t height, width, channels; } problems[] = {{5, 3, 20}, {3, 2, 16}, {2, 7, 5}, {1, 1, 33}};
  for (int i = 0; i < 4; ++i) {
    bench->begin_problem();
    const auto& p = problems[i];
    const int count = p.height * p.width * p.channels;
    const float *x = bench->floats(count, 3.0f), *scale = bench->floats(p.channels, 1.0f),
                *shift = bench->floats(p.channels, 1.0f);
    const ScaleShiftF32 args = {
        x, i == 1 ? nullptr : scale, i == 2 ? nullptr : shift, nullptr, p.height, p.width, p.channels, activations[i]};
    try_rows<ScaleShiftF32Kernel>(bench, table, args, p.height, count, scale_shift_f32_ref, activation_tolerance);
  }
}

void run_upsample(const void* table, SelfTestBench* bench) {
  constexpr struct { int8_t height, width, channels, factor; } problems[] = {{3, 4, 7, 2}, {2, 5, 16, 2}, {2, 3, 9, 3}};
  for (const auto& p : problems) {
    bench->begin_problem();
    const int count = p.height * p.width * p.channels;
    const UpsampleF32 args = {bench->floats(count, 1.0f), nullptr, p.height, p.width, p.channels, p.factor};
    try_rows<UpsampleF32Kernel>(bench, table, args, p.height * p.factor, count * p.factor * p.factor, upsample_f32_ref,
                                0.0f);
  }
}

void run_average_pool(const void* table, SelfTestBench* bench) {
  constexpr struct {
    uint8_t height, width, channels, window;
  } problems[] = {{7, 9, 5, 2}, {10, 4, 16, 2}, {6, 7, 9, 3}};
  for (const auto& p : problems) {
    bench->begin_problem();
    const int rows = p.height / p.window, count = rows * (p.width / p.window) * p.channels;
    const float* x = bench->floats(p.height * p.width * p.channels, 1.0f);
    const AveragePoolF32 args = {x, nullptr, p.height, p.width, p.channels, p.window};
    try_rows<AveragePoolF32Kernel>(bench, table, args, rows, count, average_pool_f32_ref, pool_tolerance);
  }
}

}  // namespace
}  // namespace mote

extern "C" {
const mote_self_test_case mote_self_test_activation_f32 = {"activation_f32", &mote::activation_f32_kernels,
                                                           mote::run_activation, 0x85E79FBFu};
const mote_self_test_case mote_self_test_add_f32 = {"add_f32", &mote::add_f32_kernels, mote::run_add, 0x64003F49u};
const mote_self_test_case mote_self_test_scale_shift_f32 = {"scale_shift_f32", &mote::scale_shift_f32_kernels,
                                                            mote::run_scale_shift, 0x12A251F4u};
const mote_self_test_case mote_self_test_upsample_f32 = {"upsample_f32", &mote::upsample_f32_kernels,
                                                         mote::run_upsample, 0x6A86901Fu};
const mote_self_test_case mote_self_test_average_pool_f32 = {"average_pool_f32", &mote::average_pool_f32_kernels,
                                                             mote::run_average_pool, 0x92547D30u};
}
