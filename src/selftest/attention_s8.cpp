// Attention over codes: heads of sizes that end anywhere in a vector, queries in one piece and in bands.
#include "kernels/ref/ref_s8.h"
#include "selftest/bench.h"

namespace mote {
namespace {

// Falls by a 32nd from entry to entry, down to 0.
const uint8_t* make_table(SelfTestBench* bench) {
  uint8_t* table = bench->take<uint8_t>(256);
  int weight = 255 * 256;
  for (int d = 0; d < 256; ++d, weight -= weight / 32) table[d] = static_cast<uint8_t>(weight / 256);
  return table;
}

void run_attention(const void* table, SelfTestBench* bench) {
  constexpr struct {
    uint8_t tokens, heads, head_dim;
  } problems[] = {{9, 2, 8}, {13, 1, 5}, {16, 4, 16}, {6, 1, 33}, {1, 2, 4}};
  const AttentionS8Kernel& kernel = bench->kernel<AttentionS8Kernel>(table);
  if (kernel.run == nullptr) return bench->fail();
  for (const auto& p : problems) {
    bench->begin_problem();
    const int count = p.tokens * p.heads * p.head_dim;
    AttentionS8 args = {};
    args.qkv = bench->codes(3 * count);
    args.tokens = p.tokens;
    args.heads = p.heads;
    args.head_dim = p.head_dim;
    args.zero = bench->between(-40, 40);
    args.score_m = (1.0f + 0.5f * bench->uniform()) / static_cast<float>(100 * (whole_sqrt(p.head_dim) + 1));
    args.table = make_table(bench);
    args.m = 1.0f + 0.5f * bench->uniform();
    args.y_zero = bench->between(-60, 60);
    void* scratch = bench->take<uint8_t>(attention_s8_scratch_bytes(p.tokens));
    const Twice<int8_t> y = bench->output<int8_t>(count);
    args.y = y.ref;
    attention_s8_ref(args, 0, p.tokens, scratch);
    bench->record(y);
    args.y = y.own;
    kernel.run(args, 0, p.tokens, scratch);
    bench->compare(y);
    bench->erase(y);
    run_in_bands(p.tokens, [&](int begin, int end) { kernel.run(args, begin, end, scratch); });
    bench->compare(y);
  }
}

}  // namespace
}  // namespace mote

extern "C" const mote_self_test_case mote_self_test_attention_s8 = {"attention_s8", &mote::attention_s8_kernels,
                                                                    mote::run_attention, 0xECF5C04Eu};
