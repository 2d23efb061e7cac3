// Runs every int8 kernel of every kernel set that this processor has on pseudo-random problems, and compares bytes and
// guards with `ref`. For boards (under QEMU or not) and desktops: board.h is all it asks for. A line per operator and
// set, for example "conv2d_s8 mve 400 problems same"; the exit status is not 0 if anything differs.
//
// -DMOTE_BOARD_TEST_SEED=n makes other problems.
#include "harness.h"

extern "C" {
#include "board.h"
#include "report.h"
}

#ifndef MOTE_BOARD_TEST_SEED
#define MOTE_BOARD_TEST_SEED 20240229
#endif

namespace mote::board_test {
namespace {

alignas(64) uint8_t memory[memory_bytes];
size_t used = 0;
constexpr uint8_t guard = 0xA5;
constexpr int max_blocks = 64;
struct Block {
  size_t begin, end;
};
Block blocks[max_blocks];
int block_count = 0;

constexpr size_t round_up(size_t bytes) { return (bytes + 15) & ~size_t{15}; }

bool all_guard(size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    if (memory[i] != guard) return false;
  }
  return true;
}

void print_name(const char* op, KernelSet set) {
  board_print(op);
  board_print(" ");
  board_print(kernel_set_name(set));
  board_print(" ");
}

}  // namespace

void forget_blocks() {
  used = 0;
  block_count = 0;
}

bool guards_intact() {
  for (int i = 0; i < block_count; ++i) {
    const size_t behind = i + 1 < block_count ? blocks[i + 1].begin : used;
    if (!all_guard(blocks[i].begin - guard_bytes, blocks[i].begin) || !all_guard(blocks[i].end, behind)) return false;
  }
  return true;
}

bool block_fits(size_t bytes) {
  return block_count < max_blocks && used + 2 * guard_bytes + round_up(bytes) <= memory_bytes;
}

void* take_block(size_t bytes, Random* random) {
  if (!block_fits(bytes)) {
    board_print("the problem is larger than the test's memory\n");
    return nullptr;
  }
  const size_t begin = used + guard_bytes, end = begin + bytes, behind = begin + round_up(bytes) + guard_bytes;
  memset(memory + used, guard, guard_bytes);
  memset(memory + end, guard, behind - end);
  for (size_t i = begin; i < end; ++i) memory[i] = static_cast<uint8_t>(random->next() >> 11);
  blocks[block_count++] = {begin, end};
  used = behind;
  return memory + begin;
}

void fill_s8(int8_t* out, size_t count, int lowest, Random* random) {
  const int kind = random->below(4);
  for (size_t i = 0; i < count; ++i) {
    const int value = kind == 0 ? (random->one_in(2) ? lowest : 127) : kind == 1 ? random->range(-3, 3) : 0;
    out[i] = static_cast<int8_t>(kind < 2 ? value : random->range(lowest, 127));
  }
}

void print_failure(const char* op, KernelSet set, int problem, const int* numbers, int count) {
  print_name(op, set);
  board_print("problem ");
  print_number(static_cast<uint32_t>(problem));
  board_print(guards_intact() ? " differs:" : " writes outside:");
  for (int i = 0; i < count; ++i) {
    board_print(numbers[i] < 0 ? " -" : " ");
    print_number(static_cast<uint32_t>(numbers[i] < 0 ? -numbers[i] : numbers[i]));
  }
  board_print("\n");
}

void print_result(const char* op, KernelSet set, int problems, bool all_same) {
  print_name(op, set);
  print_number(static_cast<uint32_t>(problems));
  board_print(all_same ? " problems same\n" : " problems DIFFERENT\n");
}

void print_untested(const char* op) {
  board_print(op);
  board_print(" has ref only\n");
}

}  // namespace mote::board_test

int main() {
  constexpr uint32_t seed = MOTE_BOARD_TEST_SEED;
  print_count("seed", seed);
  int differing = mote::board_test::compare_convolutions(seed);
  differing += mote::board_test::compare_elementwise(seed);
  differing += mote::board_test::compare_attention(seed);
  board_print(differing == 0 ? "kernels: all sets write what ref writes\n" : "kernels: DIFFERENT\n");
  return differing == 0 ? 0 : 1;
}
