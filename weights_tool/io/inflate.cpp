// DEFLATE decoding (RFC 1951). Codes are looked up in tables: a first table of kLiteralBits or kDistanceBits bits,
// and for longer codes a second one. Far from both ends a loop without bounds checks does the work, near them one
// that checks every step; both read the same tables. Bits come from a 64-bit buffer, lowest first.
#include "weights_tool/io/inflate.h"

#include <algorithm>
#include <array>

#include "weights_tool/io/error.h"
#include "weights_tool/io/huffman.h"

namespace mote::tool {
namespace {

using namespace huffman;

// A table entry, from the lowest bit: 8 bits length of the code in this table; 4 bits number of extra bits, or of the
// bits that index the second table; 16 bits value: literal, base of a length or distance, or where the second table
// begins; 4 bits flags.
using Entry = uint32_t;
constexpr Entry kLiteral = 1u << 31, kSecondTable = 1u << 30, kEnd = 1u << 29, kInvalid = 1u << 28;
constexpr Entry kException = kSecondTable | kEnd | kInvalid;

constexpr int code_bits(Entry e) { return static_cast<int>(e & 255); }
constexpr int extra_bits(Entry e) { return static_cast<int>(e >> 8 & 15); }
constexpr uint32_t value_of(Entry e) { return e >> 12 & 0xFFFF; }
constexpr Entry make_entry(uint32_t value, int extra, Entry flags) {
  return flags | value << 12 | static_cast<uint32_t>(extra) << 8;
}

constexpr int kLiteralBits = 11, kDistanceBits = 9;
// 288 symbols of at most 15 bits with a first table of 11 bits need fewer than 288 * 16 entries behind it; the bound
// is loose.
constexpr size_t kLiteralEntries = (1u << kLiteralBits) + kLiteralCodes * 16u;
constexpr size_t kDistanceEntries = (1u << kDistanceBits) + kDistanceCodes * 64u;

constexpr size_t kLongestMatch = 258;
constexpr size_t kOverrun = 16;  // bytes that the fast copy may write behind a match

Entry literal_meaning(int symbol) {
  if (symbol < 256) return make_entry(static_cast<uint32_t>(symbol), 0, kLiteral);
  if (symbol == kEndOfBlock) return make_entry(0, 0, kEnd);
  if (symbol >= kUsedLiteralCodes) return kInvalid;
  return make_entry(kLengthBase[symbol - kFirstLength], kLengthExtra[symbol - kFirstLength], 0);
}

Entry distance_meaning(int symbol) {
  if (symbol >= kUsedDistanceCodes) return kInvalid;
  return make_entry(kDistanceBase[symbol], kDistanceExtra[symbol], 0);
}

Entry plain_meaning(int symbol) { return make_entry(static_cast<uint32_t>(symbol), 0, 0); }

enum class CodeKind { good, over_subscribed, incomplete };

// Fills `table` from code lengths (0 = symbol unused), see RFC 1951, 3.2.2. Bits that start no code lead to kInvalid
// entries; such gaps exist only in a code without symbols or with a single one of one bit, which is complete enough
// for `allow_single`.
template <class Meaning>
CodeKind build_table(const uint8_t* lengths, int symbols, int first_bits, bool allow_single, Meaning meaning,
                     Entry* table) {
  std::array<int, kMaxCodeBits + 1> count{};
  for (int s = 0; s < symbols; ++s) ++count[lengths[s]];
  const int used = symbols - count[0];
  count[0] = 0;
  int left = 1;
  for (int bits = 1; bits <= kMaxCodeBits; ++bits) {
    left = 2 * left - count[bits];
    if (left < 0) return CodeKind::over_subscribed;
  }
  if (left > 0 && !(allow_single && (used == 0 || (used == 1 && count[1] == 1)))) return CodeKind::incomplete;

  std::fill(table, table + (size_t{1} << first_bits), kInvalid | 1u);
  std::array<uint32_t, kMaxCodeBits + 2> next{};
  for (int bits = 1; bits <= kMaxCodeBits; ++bits)
    next[bits + 1] = (next[bits] + static_cast<uint32_t>(count[bits])) << 1;
  // Symbols in the order of their codes: the second table of a prefix is complete before the next prefix begins.
  const uint32_t first_size = 1u << first_bits;
  uint32_t end = first_size;
  for (int bits = 1; bits <= kMaxCodeBits; ++bits) {
    for (int s = 0; s < symbols && count[bits] > 0; ++s) {
      if (lengths[s] != bits) continue;
      const int remaining = count[bits]--;
      const uint32_t code = reverse_bits(next[bits]++, bits);
      if (bits <= first_bits) {
        const Entry entry = meaning(s) | static_cast<Entry>(bits);
        for (uint32_t at = code; at < first_size; at += 1u << bits) table[at] = entry;
        continue;
      }
      Entry& link = table[code & (first_size - 1)];
      if ((link & kSecondTable) == 0) {
        // As many bits as the codes of this prefix need: until the codes from here on fill the table.
        int second = bits - first_bits;
        int room = (1 << second) - remaining;
        for (int b = bits + 1; b <= kMaxCodeBits && room > 0; ++b, ++second) room = 2 * room - count[b];
        link = make_entry(end, second, kSecondTable) | static_cast<Entry>(first_bits);
        std::fill(table + end, table + end + (size_t{1} << second), kInvalid | 1u);
        end += 1u << second;
      }
      const Entry entry = meaning(s) | static_cast<Entry>(bits - first_bits);
      for (uint32_t at = code >> first_bits; at < 1u << extra_bits(link); at += 1u << (bits - first_bits)) {
        table[value_of(link) + at] = entry;
      }
    }
  }
  return CodeKind::good;
}

struct Tables {
  std::array<Entry, kLiteralEntries> literal;
  std::array<Entry, kDistanceEntries> distance;
};

class Inflater {
 public:
  Inflater(ByteView input, size_t start, const std::string& name, InflateOutput* output)
      : input_(input), at_(start), name_(name), output_(output), begin_(output->filled) {}

  size_t run() {
    bool last = false;
    while (!last) {
      last = take(1) != 0;
      switch (take(2)) {
        case 0: stored_block(); break;
        case 1:
          fixed_tables();
          coded_block();
          break;
        case 2:
          dynamic_tables();
          coded_block();
          break;
        default: fail("unknown block type 3");
      }
    }
    return at_ - static_cast<size_t>(bit_count_) / 8;  // whole bytes that were looked at but not used
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    const size_t byte = at_ - static_cast<size_t>(bit_count_) / 8;
    throw Error(ExitCode::invalid_input, name_ + ": byte " + std::to_string(byte) + ": " + what);
  }
  [[noreturn]] void fail_short() const { fail("the compressed data ends too early"); }
  [[noreturn]] void fail_cap() const {
    fail("unpacks to more than the " + std::to_string(output_->cap) + " bytes allowed here");
  }

  // At least `count` <= 48 bits in the buffer, or zero bits behind the end of the input.
  void want(int count) {
    while (bit_count_ < count && at_ < input_.size) {
      bits_ |= uint64_t{input_.data[at_++]} << bit_count_;
      bit_count_ += 8;
    }
  }
  void drop(int count) {
    if (count > bit_count_) fail_short();
    bits_ >>= count;
    bit_count_ -= count;
  }
  uint32_t peek(int count) const { return static_cast<uint32_t>(bits_ & ((uint64_t{1} << count) - 1)); }
  uint32_t take(int count) {
    want(count);
    const uint32_t value = peek(count);
    drop(count);
    return value;
  }

  void stored_block();
  void fixed_tables();
  void dynamic_tables();
  void coded_block();
  void read_lengths(int count, uint8_t* lengths);
  bool fast_loop();
  bool careful_symbol();
  Entry careful_lookup(const Entry* table, int first_bits);
  void copy_match(size_t distance, size_t length);

  ByteView input_;
  size_t at_;
  const std::string& name_;
  InflateOutput* output_;
  size_t begin_;  // of this stream in the output: matches may not reach before it
  uint64_t bits_ = 0;
  int bit_count_ = 0;
  Tables tables_;
};

void Inflater::stored_block() {
  drop(bit_count_ % 8);
  const uint32_t length = take(16), complement = take(16);
  if (length != (complement ^ 0xFFFF)) fail("the length of a stored block and its complement disagree");
  at_ -= static_cast<size_t>(bit_count_) / 8;
  bits_ = 0;
  bit_count_ = 0;
  if (length > input_.size - at_) fail_short();
  if (length > output_->cap - output_->filled) fail_cap();
  output_->grow(length);
  if (length > 0) std::memcpy(output_->bytes.data() + output_->filled, input_.data + at_, length);
  output_->filled += length;
  at_ += length;
}

void Inflater::fixed_tables() {
  uint8_t lengths[kLiteralCodes];
  for (int s = 0; s < kLiteralCodes; ++s) lengths[s] = fixed_literal_bits(s);
  build_table(lengths, kLiteralCodes, kLiteralBits, false, literal_meaning, tables_.literal.data());
  std::fill(lengths, lengths + kDistanceCodes, uint8_t{5});
  build_table(lengths, kDistanceCodes, kDistanceBits, false, distance_meaning, tables_.distance.data());
}

void Inflater::dynamic_tables() {
  const int literals = static_cast<int>(take(5)) + 257, distances = static_cast<int>(take(5)) + 1;
  const int length_codes = static_cast<int>(take(4)) + 4;
  if (literals > kUsedLiteralCodes) fail("a block with more than 286 literal and length codes");
  if (distances > kUsedDistanceCodes) fail("a block with more than 30 distance codes");
  uint8_t code_lengths[kLengthCodeCodes] = {};
  for (int i = 0; i < length_codes; ++i) code_lengths[kLengthCodeOrder[i]] = static_cast<uint8_t>(take(3));
  // The distance table has room and is rebuilt below.
  const CodeKind kind = build_table(code_lengths, kLengthCodeCodes, 7, false, plain_meaning, tables_.distance.data());
  if (kind != CodeKind::good) fail("the code of the code lengths is not a complete prefix code");
  uint8_t lengths[kLiteralCodes + kDistanceCodes];
  read_lengths(literals + distances, lengths);
  if (lengths[kEndOfBlock] == 0) fail("a block without an end-of-block code");
  if (build_table(lengths, literals, kLiteralBits, true, literal_meaning, tables_.literal.data()) != CodeKind::good) {
    fail("the literal code of a block is not a complete prefix code");
  }
  if (build_table(lengths + literals, distances, kDistanceBits, true, distance_meaning, tables_.distance.data()) !=
      CodeKind::good) {
    fail("the distance code of a block is not a complete prefix code");
  }
}

void Inflater::read_lengths(int count, uint8_t* lengths) {
  for (int filled = 0; filled < count;) {
    want(7);
    const Entry entry = tables_.distance[peek(7)];
    drop(code_bits(entry));
    const uint32_t symbol = value_of(entry);
    if (symbol < 16) {
      lengths[filled++] = static_cast<uint8_t>(symbol);
      continue;
    }
    if (symbol == 16 && filled == 0) fail("a repeated code length without one before it");
    const uint8_t repeated = symbol == 16 ? lengths[filled - 1] : 0;
    const int times = static_cast<int>(symbol == 16 ? 3 + take(2) : symbol == 17 ? 3 + take(3) : 11 + take(7));
    if (times > count - filled) fail("more code lengths than codes");
    std::fill(lengths + filled, lengths + filled + times, repeated);
    filled += times;
  }
}

void Inflater::coded_block() {
  for (;;) {
    if (fast_loop()) return;
    // Too near to an end for the fast loop: some symbols with care, then see whether there is room again.
    for (int i = 0; i < 32; ++i) {
      if (careful_symbol()) return;
    }
  }
}

// The bit buffer of the fast loop. After refill() 56 to 63 bits are valid; the bits above them are those of the next
// bytes, and the same when they are read again.
struct FastBits {
  uint64_t bits;
  uint32_t count;
  const uint8_t* in;

  void refill() {
    bits |= load_u64_le(in) << count;
    in += (63 - count) >> 3;
    count |= 56;
  }
  void consume(Entry entry) {
    bits >>= entry & 255;
    count -= entry & 255;
  }
  Entry look_up(const Entry* table, int first_bits) const { return table[bits & ((1u << first_bits) - 1)]; }
  Entry second(const Entry* table, Entry link) {
    consume(link);
    return table[value_of(link) + (bits & ((1u << extra_bits(link)) - 1))];
  }
  // Base and extra bits.
  size_t number(Entry entry) {
    consume(entry);
    const size_t value = value_of(entry) + (bits & ((1u << extra_bits(entry)) - 1));
    bits >>= extra_bits(entry);
    count -= static_cast<uint32_t>(extra_bits(entry));
    return value;
  }
};

// May write up to 7 bytes behind the match.
inline uint8_t* copy_fast(uint8_t* out, size_t distance, size_t length) {
  const uint8_t* from = out - distance;
  uint8_t* const stop = out + length;
  if (distance >= 8) {
    do {
      std::memcpy(out, from, 8);
      out += 8;
      from += 8;
    } while (out < stop);
  } else if (distance == 1) {
    std::memset(out, *from, length);
  } else {
    do *out++ = *from++;
    while (out < stop);
  }
  return stop;
}

// Decodes while 16 bytes of input are left and the output has room for the longest symbols. True at the end of the
// block.
bool Inflater::fast_loop() {
  constexpr size_t kInputMargin = 16;  // two refills read 15 bytes
  constexpr size_t kOutputMargin = kLongestMatch + 3 + kOverrun;
  if (input_.size - at_ < kInputMargin) return false;
  if (output_->bytes.size() - output_->filled < kOutputMargin) output_->grow(kOutputMargin);
  if (output_->bytes.size() - output_->filled < kOutputMargin) return false;
  const uint8_t* const in_limit = input_.data + input_.size - kInputMargin;
  uint8_t* const base = output_->bytes.data();
  uint8_t* out = base + output_->filled;
  uint8_t* const out_limit = base + output_->bytes.size() - kOutputMargin;
  uint8_t* const stream_begin = base + begin_;
  const Entry* const literals = tables_.literal.data();
  const Entry* const distances = tables_.distance.data();
  FastBits b{bits_, static_cast<uint32_t>(bit_count_), input_.data + at_};
  const auto store = [&] {
    bits_ = b.bits & ((uint64_t{1} << b.count) - 1);
    bit_count_ = static_cast<int>(b.count);
    at_ = static_cast<size_t>(b.in - input_.data);
    output_->filled = static_cast<size_t>(out - base);
  };
  const auto put_literal = [&](Entry entry) {
    b.consume(entry);
    *out++ = static_cast<uint8_t>(value_of(entry));
  };

  while (b.in <= in_limit && out <= out_limit) {
    b.refill();
    // Up to two literals from the first table (22 bits), then any literal or length (15 + 5 bits) fit one refill.
    Entry entry = b.look_up(literals, kLiteralBits);
    for (int i = 0; i < 2 && (entry & kLiteral) != 0; ++i) {
      put_literal(entry);
      entry = b.look_up(literals, kLiteralBits);
    }
    if ((entry & kSecondTable) != 0) entry = b.second(literals, entry);
    if ((entry & kLiteral) != 0) {
      put_literal(entry);
      continue;
    }
    if ((entry & kException) != 0) {
      store();
      if ((entry & kInvalid) != 0) fail("a code that stands for nothing");
      drop(code_bits(entry));
      return true;
    }
    const size_t length = b.number(entry);
    b.refill();
    entry = b.look_up(distances, kDistanceBits);
    if ((entry & kSecondTable) != 0) entry = b.second(distances, entry);
    if ((entry & kException) != 0) {
      store();
      fail("a distance code that stands for nothing");
    }
    const size_t distance = b.number(entry);
    if (distance > static_cast<size_t>(out - stream_begin)) {
      store();
      fail("a match reaches before the start of the data");
    }
    out = copy_fast(out, distance, length);
  }
  store();
  return false;
}

Entry Inflater::careful_lookup(const Entry* table, int first_bits) {
  want(kMaxCodeBits);
  Entry entry = table[peek(first_bits)];
  if ((entry & kSecondTable) != 0) {
    drop(code_bits(entry));
    entry = table[value_of(entry) + peek(extra_bits(entry))];
  }
  drop(code_bits(entry));
  return entry;
}

// True at the end of the block.
bool Inflater::careful_symbol() {
  const Entry entry = careful_lookup(tables_.literal.data(), kLiteralBits);
  if ((entry & kLiteral) != 0) {
    if (output_->filled == output_->cap) fail_cap();
    output_->grow(1);
    output_->bytes[output_->filled++] = static_cast<uint8_t>(value_of(entry));
    return false;
  }
  if ((entry & kEnd) != 0) return true;
  if ((entry & kInvalid) != 0) fail("a code that stands for nothing");
  const size_t length = value_of(entry) + take(extra_bits(entry));
  const Entry far = careful_lookup(tables_.distance.data(), kDistanceBits);
  if ((far & kInvalid) != 0) fail("a distance code that stands for nothing");
  copy_match(value_of(far) + take(extra_bits(far)), length);
  return false;
}

void Inflater::copy_match(size_t distance, size_t length) {
  if (distance > output_->filled - begin_) fail("a match reaches before the start of the data");
  if (length > output_->cap - output_->filled) fail_cap();
  output_->grow(length);
  uint8_t* out = output_->bytes.data() + output_->filled;
  const uint8_t* from = out - distance;
  for (size_t i = 0; i < length; ++i) out[i] = from[i];
  output_->filled += length;
}

}  // namespace

void InflateOutput::grow(size_t count) {
  if (bytes.size() - filled >= count) return;
  const size_t wanted = std::max(bytes.size() * 2, filled + count + 4096);
  bytes.resize(std::min(wanted, cap));
}

size_t inflate_stream(ByteView input, size_t start, const std::string& name, InflateOutput* output) {
  return Inflater(input, start, name, output).run();
}

}  // namespace mote::tool
