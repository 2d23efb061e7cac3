// mote_self_test. In a file of its own, away from api.cpp: linked only into programs that call it.
#include <mote/mote.h>

#include "core/crc32.h"
#include "core/math.h"
#include "selftest/bench.h"

namespace mote {
namespace {

constexpr size_t guard = 16;  // bytes of marks on either side of an output
constexpr uint8_t mark_value = 0xA5;

size_t rounded(size_t bytes) { return (bytes + 15) / 16 * 16; }

bool passes(const mote_self_test_case& test, KernelSet set, void* buffer, size_t size) {
  SelfTestBench bench(set, buffer, size);
  test.run(test.table, &bench);
  return bench.passed() && bench.checksum() == test.expected;
}

}  // namespace

void* SelfTestBench::take_bytes(size_t bytes) {
  uint8_t* piece = static_cast<uint8_t*>(buffer_) + used_;
  used_ += rounded(bytes);
  return piece;
}

void* SelfTestBench::take_marked(size_t bytes) {
  uint8_t* piece = static_cast<uint8_t*>(take_bytes(guard + bytes + guard)) + guard;
  mark(piece, bytes);
  return piece;
}

void SelfTestBench::mark(void* y, size_t bytes) {
  memset(static_cast<uint8_t*>(y) - guard, mark_value, guard + bytes + guard);
}

void* SelfTestBench::rest(size_t* bytes) const {
  const uintptr_t base = reinterpret_cast<uintptr_t>(buffer_);
  const uintptr_t begin = (base + used_ + 63) / 64 * 64, end = base + size_;
  *bytes = begin < end ? (end - begin) / 16 * 16 : 0;
  return *bytes == 0 ? nullptr : static_cast<uint8_t*>(buffer_) + (begin - base);
}

uint32_t SelfTestBench::random() {
  if (counter_ % 4 == 0) {
    const uint32_t counter[4] = {counter_ / 4, 0, 0, 0}, key[2] = {0x6D6F7465, 0};
    block_ = philox4x32_10(counter, key);
  }
  return block_.word[counter_++ % 4];
}

int8_t* SelfTestBench::codes(int count) {
  int8_t* values = take<int8_t>(static_cast<size_t>(count));
  uint32_t word = 0;
  for (int i = 0; i < count; ++i, word >>= 8) {
    if (i % 4 == 0) word = random();
    values[i] = static_cast<int8_t>(word & 255);
  }
  return values;
}

int8_t* SelfTestBench::weights(int count) {
  int8_t* values = codes(count);
  for (int i = 0; i < count; ++i) {
    if (values[i] == -128) values[i] = -127;
  }
  return values;
}

int16_t* SelfTestBench::wide_codes(int count) {
  int16_t* values = take<int16_t>(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) values[i] = static_cast<int16_t>(between(-32767, 32767));
  return values;
}

float* SelfTestBench::floats(int count, float size) {
  float* values = take<float>(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) values[i] = uniform() * size;
  return values;
}

void SelfTestBench::record_bytes(const void* y, size_t bytes) { checksum_ = crc32(checksum_, y, bytes); }

void SelfTestBench::compare_bytes(const void* ref, const void* own, size_t bytes) {
  if (memcmp(static_cast<const uint8_t*>(ref) - guard, static_cast<const uint8_t*>(own) - guard,
             guard + bytes + guard) != 0) {
    fail();
  }
}

void SelfTestBench::compare_marks(const void* ref, const void* own, size_t bytes) {
  const auto* a = static_cast<const uint8_t*>(ref);
  const auto* b = static_cast<const uint8_t*>(own);
  if (memcmp(a - guard, b - guard, guard) != 0 || memcmp(a + bytes, b + bytes, guard) != 0) fail();
}

void SelfTestBench::compare(const Twice<float>& y, float tolerance) {
  compare_marks(y.ref, y.own, y.count * sizeof(float));
  for (size_t i = 0; i < y.count; ++i) {
    if (!(abs_f32(y.own[i] - y.ref[i]) <= tolerance * (1.0f + abs_f32(y.ref[i])))) fail();  // a NaN fails
  }
}

}  // namespace mote

extern "C" mote_status mote_self_test(const mote_self_test_case* const* tests, const char* kernels, void* buffer,
                                      size_t size, const char** failed) {
  if (tests == nullptr || buffer == nullptr) return MOTE_E_ARGUMENT;
  mote::KernelSet set;
  if (!mote::find_kernel_set(kernels, &set)) return MOTE_E_UNSUPPORTED;
  if ((reinterpret_cast<uintptr_t>(buffer) & (MOTE_ALIGNMENT - 1)) != 0) return MOTE_E_ALIGNMENT;
  if (size < MOTE_SELF_TEST_BYTES) return MOTE_E_BUFFER_TOO_SMALL;
  for (; *tests != nullptr; ++tests) {
    if (mote::passes(**tests, set, buffer, size)) continue;
    if (failed != nullptr) *failed = (*tests)->kernel;
    return MOTE_E_SELF_TEST;
  }
  return MOTE_OK;
}
