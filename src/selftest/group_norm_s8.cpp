// The two passes of a normalisation of codes: sums of each channel, and the affine map with and without a table.
#include "kernels/ref/ref_s8.h"
#include "selftest/bench.h"

namespace mote {
namespace {

void run_channel_sums(const void* table, SelfTestBench* bench) {
  constexpr struct {
    int16_t height, width, channels, begin, end;
  } problems[] = {{7, 7, 16, 0, 7}, {5, 6, 19, 1, 4}, {4, 9, 33, 2, 3}, {2, 150, 8, 0, 2}, {3, 2, 3, 0, 3}};
  const ChannelSumsS8Kernel& kernel = bench->kernel<ChannelSumsS8Kernel>(table);
  if (kernel.run == nullptr) return bench->fail();
  for (const auto& p : problems) {
    bench->begin_problem();
    const int8_t* x = bench->codes(p.height * p.width * p.channels);
    const Twice<int32_t> sum = bench->output<int32_t>(p.channels);
    const Twice<uint32_t> squares = bench->output<uint32_t>(p.channels);
    channel_sums_s8_ref({x, p.width, p.channels, sum.ref, squares.ref}, p.begin, p.end);
    kernel.run({x, p.width, p.channels, sum.own, squares.own}, p.begin, p.end);
    bench->record(sum);
    bench->record(squares);
    bench->compare(sum);
    bench->compare(squares);
  }
}

struct AffineProblem {
  int16_t height, width, channels, shift, entries;
};

AffineS8 make_affine(SelfTestBench* bench, const AffineProblem& p) {
  const int room = p.entries == 0 ? p.shift : p.shift + 3, steep = room < 15 ? 1 << room : 32767;
  const int middle = p.entries / 2, wide = p.entries == 0 ? 30 : 100;
  int32_t* A = bench->take<int32_t>(static_cast<size_t>(p.channels));
  int32_t* B = bench->take<int32_t>(static_cast<size_t>(p.channels));
  for (int c = 0; c < p.channels; ++c) {
    A[c] = bench->between(-steep, steep);
    B[c] = (middle + bench->between(-wide, wide)) * (1 << p.shift) + ((1 << p.shift) >> 1);
  }
  A[0] = -32768;  // the only one of its kind
  B[0] = 0;
  const int8_t* entries = p.entries == 0 ? nullptr : bench->codes(p.entries);
  return {nullptr, nullptr, p.width, p.channels, A, B, p.shift, entries, p.entries};
}

void run_affine(const void* table, SelfTestBench* bench) {
  constexpr AffineProblem problems[] = {{5, 7, 20, 12, 0},   {9, 3, 16, 13, 0},   {2, 5, 3, 0, 0},
                                        {6, 2, 33, 20, 0},   {5, 3, 24, 11, 256}, {4, 5, 19, 9, 1024},
                                        {7, 2, 16, 10, 4096}};
  const AffineS8Kernel& kernel = bench->kernel<AffineS8Kernel>(table);
  if (kernel.run == nullptr) return bench->fail();
  for (const AffineProblem& p : problems) {
    bench->begin_problem();
    const int count = p.height * p.width * p.channels;
    const int8_t* x = bench->codes(count);
    AffineS8 args = make_affine(bench, p);
    const Twice<int8_t> y = bench->output<int8_t>(count), onto = bench->copies(x, count);
    args.x = x;
    args.y = y.ref;
    affine_s8_ref(args, 0, p.height);
    bench->record(y);
    args.y = y.own;
    run_in_bands(p.height, [&](int begin, int end) { kernel.run(args, begin, end); });
    bench->compare(y);
    args.x = args.y = onto.own;
    kernel.run(args, 0, p.height);
    bench->compare(Twice<int8_t>{y.ref, onto.own, y.count});
  }
}

}  // namespace
}  // namespace mote

extern "C" {
const mote_self_test_case mote_self_test_channel_sums_s8 = {"channel_sums_s8", &mote::channel_sums_s8_kernels,
                                                            mote::run_channel_sums, 0x191346B7u};
const mote_self_test_case mote_self_test_affine_s8 = {"affine_s8", &mote::affine_s8_kernels, mote::run_affine,
                                                      0x6A0D4D2Au};
}
