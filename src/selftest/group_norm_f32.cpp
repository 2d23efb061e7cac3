// Float group normalisation: one and two inputs, all that may follow it, in place.
#include "kernels/ref/ref.h"
#include "selftest/bench.h"

namespace mote {
namespace {

// Values of size 1 from statistics of some hundred numbers, in both kernels.
constexpr float tolerance = 2e-5f;

struct Problem {
  uint8_t height, width, channels[2], groups;
  Activation activation;
  bool scaled;
};

using Run = void (*)(const GroupNormF32&, int phase, int row_begin, int row_end);

void run_phases(Run run, const GroupNormF32& args) {
  const int slices = group_norm_slices(args.height);
  for (int slice = slices - 1; slice >= 0; --slice) run(args, 0, slice, slice + 1);
  run(args, 1, 0, 1);
  run_in_bands(args.height, [&](int begin, int end) { run(args, 2, begin, end); });
}

void run_problem(SelfTestBench* bench, const GroupNormF32Kernel& kernel, const Problem& p) {
  GroupNormF32 args = {};
  const int all = p.channels[0] + p.channels[1], inputs = p.channels[1] != 0 ? 2 : 1;
  Twice<float> y[2] = {};
  for (int i = 0; i < inputs; ++i) {
    const int count = p.height * p.width * p.channels[i];
    args.channels[i] = p.channels[i];
    y[i] = bench->copies(bench->floats(count, 2.0f), count);
  }
  args.height = p.height;
  args.width = p.width;
  args.groups = p.groups;
  args.epsilon = 1e-5f;
  args.activation = p.activation;
  args.gamma = bench->floats(all, 1.0f);
  args.beta = bench->floats(all, 1.0f);
  if (p.scaled) args.scale_shift = bench->floats(2 * all, 0.5f);
  args.stats = bench->take<float>(group_norm_stats_floats(all, p.height));
  for (int i = 0; i < inputs; ++i) args.x[i] = args.y[i] = y[i].ref;
  run_phases(group_norm_f32_ref, args);
  for (int i = 0; i < inputs; ++i) args.x[i] = args.y[i] = y[i].own;
  run_phases(kernel.run, args);
  for (int i = 0; i < inputs; ++i) {
    bench->record(y[i]);
    bench->compare(y[i], tolerance);
  }
}

void run_group_norm(const void* table, SelfTestBench* bench) {
  constexpr Problem problems[] = {{7, 7, {16, 0}, 4, Activation::silu, false},
                                  {5, 6, {12, 9}, 7, Activation::none, true},
                                  {2, 3, {33, 0}, 3, Activation::gelu, false},
                                  {1, 1, {6, 0}, 2, Activation::relu, true}};
  const GroupNormF32Kernel& kernel = bench->kernel<GroupNormF32Kernel>(table);
  if (kernel.run == nullptr) return bench->fail();
  for (const Problem& p : problems) {
    bench->begin_problem();
    run_problem(bench, kernel, p);
  }
}

}  // namespace
}  // namespace mote

extern "C" const mote_self_test_case mote_self_test_group_norm_f32 = {"group_norm_f32", &mote::group_norm_f32_kernels,
                                                                      mote::run_group_norm, 0xA862A58Eu};
