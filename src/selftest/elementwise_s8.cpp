// Sum, table, pooling, upsampling of codes, and x_t as int16: rows that end anywhere in a vector, in place and not.
#include "kernels/ref/ref_s8.h"
#include "selftest/bench.h"

namespace mote {
namespace {

// Runs both in one piece, then the kernel in bands from a fresh start. `args` of (output): the arguments.
template <class Kernel, class T, class Args, class Ref>
void try_rows(SelfTestBench* bench, const void* table, int rows, const Twice<T>& y, const Args& args, const Ref& ref) {
  const Kernel& kernel = bench->kernel<Kernel>(table);
  if (kernel.run == nullptr) return bench->fail();
  ref(args(y.ref), 0, rows);
  bench->record(y);
  kernel.run(args(y.own), 0, rows);
  bench->compare(y);
  bench->erase(y);
  run_in_bands(rows, [&](int begin, int end) { kernel.run(args(y.own), begin, end); });
  bench->compare(y);
}

void run_add(const void* table, SelfTestBench* bench) {
  constexpr struct {
    uint8_t rows, row, shift;
  } problems[] = {{5, 37, 14}, {3, 64, 13}, {1, 1, 0}, {2, 100, 20}, {9, 7, 12}};
  const AddS8Kernel& kernel = bench->kernel<AddS8Kernel>(table);
  if (kernel.run == nullptr) return bench->fail();
  for (const auto& p : problems) {
    bench->begin_problem();
    const int count = p.rows * p.row, largest = p.shift == 0 ? 2 : p.shift < 15 ? 1 << p.shift : 32767;
    const int8_t *a = bench->codes(count), *b = bench->codes(count);
    AddS8 problem = {a, b, nullptr, p.rows, p.row, 0, 0, 0, p.shift};
    problem.A0 = bench->between(-largest, largest);
    problem.A1 = bench->between(-largest, largest);
    problem.B = bench->between(-30, 30) * (1 << p.shift) + ((1 << p.shift) >> 1);
    try_rows<AddS8Kernel>(
        bench, table, p.rows, bench->output<int8_t>(count),
        [&](int8_t* y) {
          problem.y = y;
          return problem;
        },
        add_s8_ref);
    const Twice<int8_t> onto = bench->copies(b, count);
    problem.b = problem.y = onto.ref;
    add_s8_ref(problem, 0, p.rows);
    problem.b = problem.y = onto.own;
    kernel.run(problem, 0, p.rows);
    bench->compare(onto);
  }
}

void run_table(const void* table, SelfTestBench* bench) {
  constexpr struct { int8_t rows, row; } problems[] = {{3, 53}, {5, 16}, {1, 3}, {6, 33}};
  const TableS8Kernel& kernel = bench->kernel<TableS8Kernel>(table);
  if (kernel.run == nullptr) return bench->fail();
  for (const auto& p : problems) {
    bench->begin_problem();
    const int count = p.rows * p.row;
    const int8_t *x = bench->codes(count), *entries = bench->codes(256);
    try_rows<TableS8Kernel>(
        bench, table, p.rows, bench->output<int8_t>(count),
        [&](int8_t* y) {
          return TableS8{x, y, entries, p.rows, p.row};
        },
        table_s8_ref);
    const Twice<int8_t> onto = bench->copies(x, count);
    table_s8_ref({onto.ref, onto.ref, entries, p.rows, p.row}, 0, p.rows);
    kernel.run({onto.own, onto.own, entries, p.rows, p.row}, 0, p.rows);
    bench->compare(onto);
  }
}

void run_average_pool(const void* table, SelfTestBench* bench) {
  constexpr struct {
    uint8_t height, width, channels, window, shift;
  } problems[] = {{7, 9, 5, 2, 15}, {12, 8, 16, 2, 14}, {9, 10, 19, 3, 16}, {8, 8, 33, 4, 12}};
  for (const auto& p : problems) {
    bench->begin_problem();
    const int rows = p.height / p.window, columns = p.width / p.window, area = p.window * p.window;
    AveragePoolS8 problem = {
        bench->codes(p.height * p.width * p.channels), nullptr, p.height, p.width, p.channels, p.window, 0, 0, p.shift};
    problem.A = (1 << p.shift) / area + bench->between(0, 400);
    problem.B = bench->between(-40, 40) * (1 << p.shift) + ((1 << p.shift) >> 1);
    try_rows<AveragePoolS8Kernel>(
        bench, table, rows, bench->output<int8_t>(rows * columns * p.channels),
        [&](int8_t* y) {
          problem.y = y;
          return problem;
        },
        average_pool_s8_ref);
  }
}

void run_upsample(const void* table, SelfTestBench* bench) {
  constexpr struct {
    uint8_t height, width, channels, factor;
  } problems[] = {{3, 4, 7, 2}, {2, 5, 16, 2}, {2, 3, 33, 3}, {4, 1, 1, 2}};
  for (const auto& p : problems) {
    bench->begin_problem();
    const int count = p.height * p.width * p.channels, rows = p.height * p.factor;
    const int8_t* x = bench->codes(count);
    try_rows<UpsampleS8Kernel>(
        bench, table, rows, bench->output<int8_t>(count * p.factor * p.factor),
        [&](int8_t* y) { return UpsampleS8{x, y, p.height, p.width, p.channels, p.factor}; }, upsample_s8_ref);
  }
}

void run_quantize(const void* table, SelfTestBench* bench) {
  constexpr struct {
    uint8_t rows, row;
    float inv_scale;
  } problems[] = {{5, 33, 8192.0f}, {7, 16, 7000.5f}, {1, 1, 100.0f}, {3, 27, 12000.0f}};
  for (const auto& p : problems) {
    bench->begin_problem();
    const int count = p.rows * p.row;
    float* x = bench->floats(count, 4.2f);  // some beyond the range
    for (int i = 0; i < count; i += 3) {    // ties of a power of two
      x[i] = static_cast<float>(bench->between(-65535, 65535)) * (0.5f / 8192.0f);
    }
    try_rows<QuantizeS16Kernel>(
        bench, table, p.rows, bench->output<int16_t>(count),
        [&](int16_t* y) {
          return QuantizeS16{x, y, p.rows, p.row, p.inv_scale};
        },
        quantize_s16_ref);
  }
}

}  // namespace
}  // namespace mote

extern "C" {
const mote_self_test_case mote_self_test_add_s8 = {"add_s8", &mote::add_s8_kernels, mote::run_add, 0xA81F2812u};
const mote_self_test_case mote_self_test_table_s8 = {"table_s8", &mote::table_s8_kernels, mote::run_table, 0xE6CBB026u};
const mote_self_test_case mote_self_test_average_pool_s8 = {"average_pool_s8", &mote::average_pool_s8_kernels,
                                                            mote::run_average_pool, 0xD2085F56u};
const mote_self_test_case mote_self_test_upsample_s8 = {"upsample_s8", &mote::upsample_s8_kernels, mote::run_upsample,
                                                        0xC6A4E20Au};
const mote_self_test_case mote_self_test_quantize_s16 = {"quantize_s16", &mote::quantize_s16_kernels,
                                                         mote::run_quantize, 0xF2A5143Du};
}
