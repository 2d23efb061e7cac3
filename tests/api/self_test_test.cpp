// mote_self_test: every kernel set of this processor passes it, and a kernel that writes one wrong byte is named.
#include <doctest/doctest.h>
#include <mote/mote.hpp>

#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "kernels/kernels_s8.h"
#include "selftest/bench.h"
#include "tests/support/model_builder.h"

namespace mote::test {
namespace {

constexpr size_t guard = 64;
constexpr uint8_t guard_value = 0xC3;

// A buffer of so many bytes between guards.
struct Lent {
  AlignedBytes bytes;
  size_t size;
  explicit Lent(size_t size) : bytes(guard + size + guard), size(size) {
    memset(bytes.data(), guard_value, bytes.size());
  }
  uint8_t* data() { return bytes.data() + guard; }
  bool intact() {
    for (size_t i = 0; i < guard; ++i) {
      if (bytes[i] != guard_value || bytes[guard + size + i] != guard_value) return false;
    }
    return true;
  }
};

// Runs one case: the name of the kernel that fails, "" if none does.
std::string failing(const mote_self_test_case& test, const char* kernels, size_t size = MOTE_SELF_TEST_BYTES) {
  const mote_self_test_case* const table[] = {&test, nullptr};
  Lent lent(size);
  const char* failed = "";
  const mote_status status = mote_self_test(table, kernels, lent.data(), lent.size, &failed);
  CHECK(lent.intact());
  CHECK(status == (*failed == '\0' ? MOTE_OK : MOTE_E_SELF_TEST));
  return failed;
}

// ---- kernels that write what ref writes and then spoil one byte; for floats the one with the sign and the exponent ----

template <class Args>
void* output_of(const Args& args) {
  return args.y;
}
void* output_of(const Conv2dS8& args) { return args.y != nullptr ? static_cast<void*>(args.y) : args.y_f32; }
void* output_of(const ChannelSumsS8& args) { return args.squares; }
void* output_of(const GroupNormF32& args) { return args.y[0]; }

template <class Run>
struct Spoiled;
template <class Args, class... Rest>
struct Spoiled<void (*)(const Args&, Rest...)> {
  static inline void (*original)(const Args&, Rest...);
  static inline bool outside;
  static void run(const Args& args, Rest... rest) {
    original(args, rest...);
    auto* y = static_cast<uint8_t*>(output_of(args));
    if (outside) {
      y[-1] ^= 1;
    } else {
      y[3] ^= 0x40;
    }
  }
};

// The table with its kernels spoiled; the case must be named for every set.
template <class Kernel>
void check_spoiled(const mote_self_test_case& test) {
  using Wrong = Spoiled<decltype(Kernel::run)>;
  const auto& good = *static_cast<const KernelTable<Kernel>*>(test.table);
  KernelTable<Kernel> bad = good;
  Wrong::original = good.set[0].run;
  for (Kernel& kernel : bad.set) {
    kernel = {};
    kernel.run = Wrong::run;
  }
  mote_self_test_case spoiled = test;
  spoiled.table = &bad;
  for (bool outside : {false, true}) {
    Wrong::outside = outside;
    CAPTURE(outside);
    for (uint32_t i = 0; mote_kernels_name(i) != nullptr; ++i)
      CHECK(failing(spoiled, mote_kernels_name(i)) == test.kernel);
    CHECK(failing(spoiled, nullptr) == test.kernel);
  }
  bad = {};
  CHECK(failing(spoiled, nullptr) == test.kernel);  // no kernel at all
}

}  // namespace

TEST_CASE("self-test: every kernel set passes, in a buffer of the stated size and in one for rearranged weights") {
  for (uint32_t i = 0; mote_kernels_name(i) != nullptr; ++i) {
    CAPTURE(mote_kernels_name(i));
    for (size_t size : {size_t{MOTE_SELF_TEST_BYTES}, size_t{4 * MOTE_SELF_TEST_BYTES}}) {
      Lent lent(size);
      const char* failed = "untouched";
      CHECK(mote_self_test(mote_all_self_tests, mote_kernels_name(i), lent.data(), size, &failed) == MOTE_OK);
      CHECK(std::string(failed) == "untouched");
      CHECK(lent.intact());
    }
  }
}

TEST_CASE("self-test: cases do not depend on each other, and each is for a kernel of its own") {
  std::set<std::string> names;
  for (const mote_self_test_case* const* test = mote_all_self_tests; *test != nullptr; ++test) {
    CAPTURE((*test)->kernel);
    names.insert((*test)->kernel);
    CHECK(failing(**test, nullptr) == "");
  }
  CHECK(names.size() == 19);
}

TEST_CASE("self-test: a kernel that writes one wrong byte is named, and so is one that writes outside or is missing") {
  check_spoiled<Conv2dS8Kernel>(mote_self_test_conv2d_s8);
  check_spoiled<Conv2dS8Kernel>(mote_self_test_conv2d_s16);
  check_spoiled<ChannelSumsS8Kernel>(mote_self_test_channel_sums_s8);
  check_spoiled<AffineS8Kernel>(mote_self_test_affine_s8);
  check_spoiled<TableS8Kernel>(mote_self_test_table_s8);
  check_spoiled<AttentionS8Kernel>(mote_self_test_attention_s8);
  check_spoiled<AddS8Kernel>(mote_self_test_add_s8);
  check_spoiled<UpsampleS8Kernel>(mote_self_test_upsample_s8);
  check_spoiled<AveragePoolS8Kernel>(mote_self_test_average_pool_s8);
  check_spoiled<QuantizeS16Kernel>(mote_self_test_quantize_s16);
  check_spoiled<Conv2dF32Kernel>(mote_self_test_conv2d_f32);
  check_spoiled<LinearF32Kernel>(mote_self_test_linear_f32);
  check_spoiled<GroupNormF32Kernel>(mote_self_test_group_norm_f32);
  check_spoiled<AttentionF32Kernel>(mote_self_test_attention_f32);
  check_spoiled<ActivationF32Kernel>(mote_self_test_activation_f32);
  check_spoiled<AddF32Kernel>(mote_self_test_add_f32);
  check_spoiled<ScaleShiftF32Kernel>(mote_self_test_scale_shift_f32);
  check_spoiled<UpsampleF32Kernel>(mote_self_test_upsample_f32);
  check_spoiled<AveragePoolF32Kernel>(mote_self_test_average_pool_f32);
}

TEST_CASE("self-test: what ref writes must be what was recorded") {
  for (const mote_self_test_case* const* test = mote_all_self_tests; *test != nullptr; ++test) {
    mote_self_test_case other = **test;
    other.expected ^= 1;
    CHECK(failing(other, "ref") == other.kernel);
  }
}

TEST_CASE("self-test: the first kernel that differs is named") {
  mote_self_test_case second = mote_self_test_add_s8, third = mote_self_test_table_s8;
  second.expected ^= 1;
  third.expected ^= 1;
  const mote_self_test_case* const table[] = {&mote_self_test_affine_s8, &second, &third, nullptr};
  Lent lent(MOTE_SELF_TEST_BYTES);
  const char* failed = nullptr;
  CHECK(mote_self_test(table, nullptr, lent.data(), lent.size, &failed) == MOTE_E_SELF_TEST);
  CHECK(std::string(failed) == "add_s8");
  CHECK(mote_self_test(table, nullptr, lent.data(), lent.size, nullptr) == MOTE_E_SELF_TEST);
}

// Where no model asks for ref, a build may leave it out of the tables.
TEST_CASE("self-test: a set is compared with ref though the table has no ref") {
  const std::string fastest = mote_kernels_name(0);
  if (fastest == "ref") return;
  KernelTable<Conv2dS8Kernel> convolutions = conv2d_s8_kernels;
  KernelTable<AddS8Kernel> sums = add_s8_kernels;
  convolutions.set[0] = {};
  sums.set[0] = {};
  mote_self_test_case convolution = mote_self_test_conv2d_s8, sum = mote_self_test_add_s8;
  convolution.table = &convolutions;
  sum.table = &sums;
  CHECK(failing(convolution, nullptr) == "");
  CHECK(failing(sum, nullptr) == "");
}

TEST_CASE("self-test: what it refuses, and that it then writes nothing") {
  Lent lent(MOTE_SELF_TEST_BYTES + 16);
  const AlignedBytes before = lent.bytes;
  const char* failed = "untouched";
  const auto* tests = mote_all_self_tests;
  CHECK(mote_self_test(nullptr, nullptr, lent.data(), lent.size, &failed) == MOTE_E_ARGUMENT);
  CHECK(mote_self_test(tests, nullptr, nullptr, lent.size, &failed) == MOTE_E_ARGUMENT);
  for (const char* name : {"", "REF", "ref ", "fast"}) {
    CHECK(mote_self_test(tests, name, lent.data(), lent.size, &failed) == MOTE_E_UNSUPPORTED);
  }
  for (size_t shift = 1; shift < 16; ++shift) {
    CHECK(mote_self_test(tests, nullptr, lent.data() + shift, MOTE_SELF_TEST_BYTES, &failed) == MOTE_E_ALIGNMENT);
  }
  for (size_t size : {size_t{0}, size_t{1}, size_t{MOTE_SELF_TEST_BYTES - 1}}) {
    CHECK(mote_self_test(tests, nullptr, lent.data(), size, &failed) == MOTE_E_BUFFER_TOO_SMALL);
  }
  CHECK(std::string(failed) == "untouched");
  CHECK(lent.bytes == before);
  const mote_self_test_case* const none[] = {nullptr};
  CHECK(mote_self_test(none, nullptr, lent.data(), lent.size, &failed) == MOTE_OK);
}

TEST_CASE("self-test: the C++ wrapper") {
  CHECK(mote::self_test() == nullptr);
  CHECK(mote::self_test("ref") == nullptr);
  CHECK_THROWS_AS(mote::self_test("fast"), mote::Error);
  mote_self_test_case broken = mote_self_test_add_f32;
  broken.expected ^= 1;
  const mote_self_test_case* const table[] = {&broken, nullptr};
  CHECK(std::string(mote::self_test(nullptr, table)) == "add_f32");
}

}  // namespace mote::test
