// Huffman codes for the encoder.
#include "weights_tool/io/huffman.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace mote::tool::huffman {

Code code_of(std::vector<uint8_t> lengths) {
  std::array<uint32_t, kMaxCodeBits + 2> next{};
  std::array<uint32_t, kMaxCodeBits + 1> count{};
  for (const uint8_t length : lengths) ++count[length];
  count[0] = 0;
  for (size_t bits = 1; bits <= kMaxCodeBits; ++bits) next[bits + 1] = (next[bits] + count[bits]) << 1;
  Code code;
  code.codes.assign(lengths.size(), 0);
  for (size_t s = 0; s < lengths.size(); ++s) {
    if (lengths[s] != 0) code.codes[s] = static_cast<uint16_t>(reverse_bits(next[lengths[s]]++, lengths[s]));
  }
  code.lengths = std::move(lengths);
  return code;
}

// Optimal code lengths of at most `max_bits`, by package-merge (Larmore and Hirschberg, "A fast algorithm for optimal
// length-limited Huffman codes", 1990). The list of a level holds the symbols and the list before it in pairs, by
// weight. Of the last list the first 2n - 2 items are taken; a pair taken means two items taken of the list before.
// As both kinds are sorted, the symbols taken on a level are always the rarest ones, and it is enough to count them.
// A symbol's length is how often it is taken.
Code make_code(const std::vector<uint32_t>& frequencies, int max_bits) {
  std::vector<uint8_t> lengths(frequencies.size());
  std::vector<size_t> symbols;  // rarest first
  for (size_t s = 0; s < frequencies.size(); ++s) {
    if (frequencies[s] > 0) symbols.push_back(s);
  }
  std::stable_sort(symbols.begin(), symbols.end(), [&](size_t a, size_t b) { return frequencies[a] < frequencies[b]; });
  if (symbols.size() == 1) lengths[symbols[0]] = 1;
  if (symbols.size() > 1) {
    // For each level: of the first i items, how many are symbols.
    std::vector<std::vector<size_t>> symbols_among;
    std::vector<uint64_t> list;
    for (int level = 0; level < max_bits; ++level) {
      std::vector<uint64_t> merged;
      std::vector<size_t> among = {0};
      size_t pair = 0, next = 0;
      while (next < symbols.size() || 2 * pair + 1 < list.size()) {
        const uint64_t package = 2 * pair + 1 < list.size() ? list[2 * pair] + list[2 * pair + 1] : UINT64_MAX;
        const uint64_t single = next < symbols.size() ? frequencies[symbols[next]] : UINT64_MAX;
        merged.push_back(std::min(single, package));
        ++(single <= package ? next : pair);
        among.push_back(next);
      }
      list.swap(merged);
      symbols_among.push_back(std::move(among));
    }
    size_t taken = 2 * symbols.size() - 2;
    for (size_t level = symbols_among.size(); level-- > 0;) {
      const size_t singles = symbols_among[level][taken];
      for (size_t i = 0; i < singles; ++i) ++lengths[symbols[i]];
      taken = 2 * (taken - singles);
    }
  }
  return code_of(std::move(lengths));
}

}  // namespace mote::tool::huffman
