// What goes wrong on a board: flash that lost bits, buffers of the wrong size or place. Nothing outside of the buffer is
// touched, and whoever asks is told. Meant to be run with AddressSanitizer too (make SANITIZE=1). Flipped bits of the
// records, one by one and with every operator run: tests/format/broken_model_test.cpp.
#include <doctest/doctest.h>
#include <mote/mote.h>

#include <cstring>
#include <memory>
#include <vector>

#include "tests/api/api_files.h"
#include "tests/support/model_exercise.h"
#include "tests/support/quantized_builder.h"

namespace mote::test {
namespace {

constexpr size_t guard = 64;
constexpr uint8_t guard_value = 0xC3;

struct Random {
  uint64_t state = 88172645463325252u;
  uint64_t next() {  // xorshift64 (Marsaglia 2003)
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
  }
  size_t below(size_t n) { return static_cast<size_t>((next() >> 16) % n); }
};

bool all(const uint8_t* bytes, size_t count, uint8_t value) {
  return count == 0 || (bytes[0] == value && memcmp(bytes, bytes + 1, count - 1) == 0);
}

mote_config default_config() {
  mote_config config = {};
  config.struct_size = sizeof config;
  config.class_label = MOTE_NO_CLASS;
  return config;
}

// Runs what `open` lets pass, for about `work`, in a buffer between guards. What open says.
mote_status run_guarded(const AlignedBytes& file, uint64_t work) {
  mote_model model;
  const mote_status opened = mote_open(&model, file.data(), file.size(), mote_all_operators);
  if (opened != MOTE_OK) return opened;
  const mote_config config = default_config();
  size_t needed = 0;
  if (mote_working_size(&model, &config, &needed) != MOTE_OK || needed > exercise_memory) return opened;
  AlignedBytes memory(guard + needed + guard);
  memset(memory.data(), guard_value, memory.size());
  mote_sampler* sampler = nullptr;
  if (mote_sampler_create(&sampler, &model, &config, memory.data() + guard, needed) == MOTE_OK) {
    mote_sampler_run(sampler, work);
  }
  CHECK(all(memory.data(), guard, guard_value));
  CHECK(all(memory.data() + guard + needed, guard, guard_value));
  return opened;
}

// Refused by open, or by check.
bool is_refused(const AlignedBytes& file) {
  mote_model model;
  return mote_open(&model, file.data(), file.size(), mote_all_operators) < 0 || mote_check(&model) < 0;
}

// The places of the sections in the file say where the records end: weights lie last.
size_t records_of(const Builder& builder) { return builder.file().size() - builder.data.size(); }

// Consecutive bits from `bit` on: all inverted, all set, all cleared, or random.
void spoil(AlignedBytes* file, size_t bit, size_t count, Random* random) {
  const size_t kind = random->below(4);
  for (size_t i = bit; i < bit + count && i < 8 * file->size(); ++i) {
    const uint8_t mask = static_cast<uint8_t>(1u << (i % 8));
    uint8_t& byte = (*file)[i / 8];
    const bool set = kind == 0 ? (byte & mask) == 0 : kind == 1 ? true : kind == 2 ? false : (random->next() >> 40 & 1);
    byte = static_cast<uint8_t>(set ? byte | mask : byte & ~mask);
  }
}

}  // namespace

TEST_CASE("faults: open or check refuses every flipped bit of a small model") {
  const AlignedBytes files[] = {smallest_quantized().file(), smallest().file(),
                                read_model_file("tests/golden/models/random_5.mote")};
  for (AlignedBytes file : files) {
    REQUIRE_FALSE(is_refused(file));
    size_t missed = 0;
    for (size_t bit = 0; bit < 8 * file.size(); ++bit) {
      const uint8_t mask = static_cast<uint8_t>(1u << (bit % 8));
      file[bit / 8] ^= mask;
      missed += is_refused(file) ? 0 : 1;
      file[bit / 8] ^= mask;
    }
    CHECK(missed == 0);
  }
}

TEST_CASE("faults: any flipped bit of a small model that open alone lets pass stays inside the buffer") {
  AlignedBytes file = smallest_quantized().file();
  size_t ran = 0;
  for (size_t bit = 0; bit < 8 * file.size(); ++bit) {
    const uint8_t mask = static_cast<uint8_t>(1u << (bit % 8));
    file[bit / 8] ^= mask;
    ran += run_guarded(file, UINT64_MAX) == MOTE_OK ? 1 : 0;
    file[bit / 8] ^= mask;
  }
  CHECK(ran > 100);
}

TEST_CASE("faults: bursts of wrong bits are refused by check, and harmless without it") {
  Random random;
  size_t ran = 0;
  for (const Builder& builder : {every_operator(), static_cast<Builder>(every_quantized_operator(true))}) {
    const AlignedBytes good = builder.file();
    const size_t records = records_of(builder);
    for (int i = 0; i < 600; ++i) {
      AlignedBytes file = good;
      const size_t where = i % 3 == 0 ? file.size() : records;
      spoil(&file, random.below(8 * where), 2 + random.below(i % 2 == 0 ? 31 : 2000), &random);
      if (file == good) continue;
      CHECK(is_refused(file));
      ran += run_guarded(file, 100000) == MOTE_OK ? 1 : 0;
    }
  }
  CHECK(ran > 100);
}

TEST_CASE("faults: wrong bits in the shipped model") {
  const AlignedBytes good = read_model_file(shipped_model);
  REQUIRE_FALSE(is_refused(good));
  constexpr size_t records = 0xA600;  // about where its weights begin
  Random random;
  size_t ran = 0;
  AlignedBytes file = good;
  for (int i = 0; i < 300; ++i) {
    const size_t bit = random.below(8 * (i % 2 == 0 ? records : file.size()));
    spoil(&file, bit, i % 3 == 0 ? 1 + random.below(300) : 1, &random);
    if (file == good) continue;
    if (i % 4 == 0) CHECK(is_refused(file));
    ran += run_guarded(file, 300000) == MOTE_OK ? 1 : 0;
    const size_t first = bit / 8, count = file.size() - first < 64 ? file.size() - first : 64;
    memcpy(file.data() + first, good.data() + first, count);
  }
  CHECK(ran > 50);
}

TEST_CASE("faults: every size of the buffer up to what is needed and 64 more leaves what lies around it alone") {
  const AlignedBytes files[] = {every_quantized_operator(true).file(), every_operator().file(),
                                read_model_file(shipped_model)};
  for (const AlignedBytes& file : files) {
    auto model = std::make_unique<mote_model>();
    REQUIRE(mote_open(model.get(), file.data(), file.size(), mote_all_operators) == MOTE_OK);
    const mote_config config = default_config();
    size_t needed = 0;
    REQUIRE(mote_working_size(model.get(), &config, &needed) == MOTE_OK);
    AlignedBytes memory(guard + needed + 64 + guard);
    memset(memory.data(), guard_value, memory.size());
    uint8_t* const buffer = memory.data() + guard;
    mote_sampler* sampler = nullptr;
    size_t accepted = 0;
    const size_t stride = emulated && needed > 20000 ? 61 : 1;
    for (size_t size = 0; size < needed; size += size + 256 < needed ? stride : 1) {
      accepted += mote_sampler_create(&sampler, model.get(), &config, buffer, size) == MOTE_E_BUFFER_TOO_SMALL ? 0 : 1;
    }
    CHECK(accepted == 0);
    CHECK(sampler == nullptr);
    CHECK(all(memory.data(), memory.size(), guard_value));  // a refused buffer is not written at all
    for (size_t size = needed; size <= needed + 64; ++size) {
      memset(memory.data(), guard_value, memory.size());
      REQUIRE(mote_sampler_create(&sampler, model.get(), &config, buffer, size) == MOTE_OK);
      mote_sampler_run(sampler, size % 32 == 0 ? UINT64_MAX : 20000);
      CHECK(all(memory.data(), guard, guard_value));
      CHECK(all(buffer + needed, 64 + guard, guard_value));  // and what is too much is not used
    }
  }
}

TEST_CASE("faults: a misaligned buffer is refused and not written, wherever it begins; so is a misaligned model") {
  const AlignedBytes file = every_quantized_operator(false).file();
  mote_model model;
  REQUIRE(mote_open(&model, file.data(), file.size(), mote_all_operators) == MOTE_OK);
  const mote_config config = default_config();
  size_t needed = 0;
  REQUIRE(mote_working_size(&model, &config, &needed) == MOTE_OK);
  AlignedBytes memory(needed + 32);
  memset(memory.data(), guard_value, memory.size());
  mote_sampler* sampler = nullptr;
  for (size_t shift = 1; shift < MOTE_ALIGNMENT; ++shift) {
    CHECK(mote_sampler_create(&sampler, &model, &config, memory.data() + shift, needed) == MOTE_E_ALIGNMENT);
    AlignedBytes moved(file.size() + MOTE_ALIGNMENT);
    memcpy(moved.data() + shift, file.data(), file.size());
    mote_model other;
    CHECK(mote_open(&other, moved.data() + shift, file.size(), mote_all_operators) == MOTE_E_ALIGNMENT);
  }
  CHECK(all(memory.data(), memory.size(), guard_value));
  CHECK(mote_sampler_create(&sampler, &model, &config, memory.data() + 16, needed) == MOTE_OK);
}

}  // namespace mote::test
