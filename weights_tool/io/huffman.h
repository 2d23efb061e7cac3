// What the two directions of DEFLATE share: its alphabets (RFC 1951, section 3.2) and how codes follow from lengths.
// Private to inflate.cpp, deflate.cpp and huffman.cpp.
#pragma once
#include <cstdint>
#include <vector>

namespace mote::tool::huffman {

constexpr int kMaxCodeBits = 15;
constexpr int kLiteralCodes = 288, kUsedLiteralCodes = 286;  // 286 and 287 have code lengths but no meaning
constexpr int kDistanceCodes = 32, kUsedDistanceCodes = 30;
constexpr int kEndOfBlock = 256, kFirstLength = 257;
constexpr int kLengthCodeCodes = 19;

// The order in which a dynamic block stores the lengths of the code that codes the code lengths.
constexpr uint8_t kLengthCodeOrder[kLengthCodeCodes] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                        11, 4,  12, 3, 13, 2, 14, 1, 15};

constexpr uint16_t kLengthBase[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                      31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
constexpr uint8_t kLengthExtra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                      2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
constexpr uint16_t kDistanceBase[30] = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                        33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                        1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
constexpr uint8_t kDistanceExtra[30] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                        6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

// Code length of a literal or length symbol in a fixed block.
constexpr uint8_t fixed_literal_bits(int symbol) { return symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8; }

constexpr uint32_t reverse_bits(uint32_t code, int count) {
  uint32_t out = 0;
  for (int i = 0; i < count; ++i) out |= (code >> i & 1) << (count - 1 - i);
  return out;
}

// A prefix code: for each symbol its length in bits (0 = unused) and its bits, the first one lowest, as DEFLATE
// writes them.
struct Code {
  std::vector<uint8_t> lengths;
  std::vector<uint16_t> codes;
};

// The canonical code of these lengths (RFC 1951, 3.2.2).
Code code_of(std::vector<uint8_t> lengths);

// The best code for these frequencies whose lengths do not exceed `max_bits`. A single used symbol gets one bit.
Code make_code(const std::vector<uint32_t>& frequencies, int max_bits);

}  // namespace mote::tool::huffman
