// Float attention: heads of sizes that end anywhere in a vector, queries in one piece and in bands.
#include "kernels/ref/ref.h"
#include "selftest/bench.h"

namespace mote {
namespace {

// Scores of size 1 through the exponential, in both kernels.
constexpr float tolerance = 2e-5f;

void run_attention(const void* table, SelfTestBench* bench) {
  constexpr struct {
    uint8_t tokens, heads, head_dim;
  } problems[] = {{9, 2, 8}, {13, 1, 5}, {16, 2, 16}, {6, 1, 33}, {1, 2, 4}};
  const AttentionF32Kernel& kernel = bench->kernel<AttentionF32Kernel>(table);
  if (kernel.run == nullptr) return bench->fail();
  for (const auto& p : problems) {
    bench->begin_problem();
    const int count = p.tokens * p.heads * p.head_dim;
    AttentionF32 args = {bench->floats(3 * count, 1.0f),
                         p.tokens,
                         p.heads,
                         p.head_dim,
                         1.0f / static_cast<float>(whole_sqrt(p.head_dim)),
                         nullptr};
    float* scratch = bench->take<float>(attention_scratch_floats(p.tokens));
    const Twice<float> y = bench->output<float>(count);
    args.y = y.ref;
    attention_f32_ref(args, 0, p.tokens, scratch);
    bench->record(y);
    args.y = y.own;
    kernel.run(args, 0, p.tokens, scratch);
    bench->compare(y, tolerance);
    bench->erase(y);
    run_in_bands(p.tokens, [&](int begin, int end) { kernel.run(args, begin, end, scratch); });
    bench->compare(y, tolerance);
  }
}

}  // namespace
}  // namespace mote

extern "C" const mote_self_test_case mote_self_test_attention_f32 = {"attention_f32", &mote::attention_f32_kernels,
                                                                     mote::run_attention, 0x516B6727u};
