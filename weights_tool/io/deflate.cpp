// DEFLATE encoding. Matches are found with hash chains over the last 32 KiB and taken lazily (one byte later if that
// match is longer); blocks of up to kBlockSymbols symbols are written stored, with the fixed codes or with their own,
// whichever is smallest.
#include <algorithm>
#include <array>
#include <utility>

#include "weights_tool/io/gzip.h"
#include "weights_tool/io/huffman.h"

namespace mote::tool {
namespace {

using namespace huffman;

constexpr size_t kWindow = 32768, kLongest = 258, kShortest = 3;
constexpr size_t kBlockSymbols = 32768;
constexpr int kMostHashBits = 15;        // the window has as many places
constexpr int kChainLimit = 128;         // candidates looked at for a match
constexpr size_t kGoodEnough = 128;      // a match of this length is not searched on
constexpr size_t kLazyLimit = 64;        // and after one of this length the next byte is not tried
constexpr size_t kFarShortMatch = 4096;  // a match of 3 bytes from farther away costs more than 3 literals

// A literal (distance 0) or a match.
struct Symbol {
  uint16_t value;  // byte or length
  uint16_t distance;
};

class BitWriter {
 public:
  explicit BitWriter(std::vector<uint8_t>* out) : out_(out) {}
  void put(uint32_t value, int count) {
    bits_ |= uint64_t{value} << count_;
    for (count_ += count; count_ >= 8; count_ -= 8, bits_ >>= 8) out_->push_back(static_cast<uint8_t>(bits_));
  }
  void align() {
    if (count_ > 0) put(0, 8 - count_);
  }

 private:
  std::vector<uint8_t>* out_;
  uint64_t bits_ = 0;
  int count_ = 0;
};

Code fixed_literal_code() {
  std::vector<uint8_t> lengths;
  for (int s = 0; s < kLiteralCodes; ++s) lengths.push_back(fixed_literal_bits(s));
  return code_of(std::move(lengths));
}

Code fixed_distance_code() { return code_of(std::vector<uint8_t>(kDistanceCodes, 5)); }

// The last index whose base is not above the value.
template <size_t N>
size_t index_of(const uint16_t (&bases)[N], size_t value) {
  return static_cast<size_t>(std::upper_bound(bases, bases + N, value) - bases) - 1;
}

// Length and distance symbols by table: they are looked up for every match.
struct SymbolTables {
  std::array<uint8_t, kLongest + 1> length{};
  std::array<uint8_t, 512> distance{};  // of distance - 1 below 256, and of (distance - 1) >> 7 above

  SymbolTables() {
    for (size_t n = kShortest; n <= kLongest; ++n) length[n] = static_cast<uint8_t>(index_of(kLengthBase, n));
    for (size_t d = 0; d < 256; ++d) {
      distance[d] = static_cast<uint8_t>(index_of(kDistanceBase, d + 1));
      distance[256 + d] = static_cast<uint8_t>(index_of(kDistanceBase, (d << 7) + 1));
    }
  }
  size_t of_length(size_t n) const { return length[n]; }
  size_t of_distance(size_t d) const { return d <= 256 ? distance[d - 1] : distance[256 + ((d - 1) >> 7)]; }
};

// Finds the longest earlier occurrence of what follows a position.
class Matcher {
 public:
  // Tables no larger than the input can make use of.
  explicit Matcher(ByteView input) : input_(input) {
    while (bits_ < kMostHashBits && size_t{1} << bits_ < input.size) ++bits_;
    head_.assign(size_t{1} << bits_, -1);
    previous_.assign(size_t{1} << bits_, -1);
  }

  // Makes the position findable. In order, each once.
  void insert(size_t at) {
    if (at + kShortest > input_.size) return;
    int64_t& head = head_[hash(at)];
    previous_[at & (previous_.size() - 1)] = head;
    head = static_cast<int64_t>(at);
  }

  // The best match longer than `longer_than`; length 0 if there is none. Call it before insert(at).
  size_t find(size_t at, size_t longer_than, size_t* distance) const {
    const size_t limit = std::min(kLongest, input_.size - at);
    size_t best = std::max(longer_than, kShortest - 1);
    if (limit <= best) return 0;
    bool found = false;
    const uint8_t* const here = input_.data + at;
    int64_t candidate = head_[hash(at)];
    const int64_t oldest = static_cast<int64_t>(at) - static_cast<int64_t>(kWindow);
    for (int chain = kChainLimit; candidate >= 0 && candidate >= oldest && chain > 0; --chain) {
      const uint8_t* const there = input_.data + candidate;
      if (there[best] == here[best] && there[0] == here[0]) {
        size_t length = 0;
        while (length < limit && there[length] == here[length]) ++length;
        const size_t far = at - static_cast<size_t>(candidate);
        if (length > best && !(length == kShortest && far > kFarShortMatch)) {
          best = length;
          *distance = far;
          found = true;
          if (length >= kGoodEnough || length == limit) break;
        }
      }
      candidate = previous_[static_cast<size_t>(candidate) & (previous_.size() - 1)];
    }
    return found ? best : 0;
  }

 private:
  size_t hash(size_t at) const {
    const uint8_t* p = input_.data + at;
    const uint32_t three = uint32_t{p[0]} | uint32_t{p[1]} << 8 | uint32_t{p[2]} << 16;
    return three * 2654435761u >> (32 - bits_);
  }

  ByteView input_;
  int bits_ = 8;
  // The last position of each hash value, and for each position of the window the one before it with the same hash
  // value.
  std::vector<int64_t> head_, previous_;
};

// The code lengths of a dynamic block, run-length coded: symbols 0..15 are lengths, 16 repeats the last one 3..6
// times, 17 and 18 stand for 3..10 and 11..138 zeros.
struct LengthSymbol {
  uint8_t symbol, extra, extra_bits;
};

std::vector<LengthSymbol> run_lengths(const std::vector<uint8_t>& lengths) {
  std::vector<LengthSymbol> out;
  for (size_t at = 0; at < lengths.size();) {
    const uint8_t value = lengths[at];
    size_t run = 1;
    while (at + run < lengths.size() && lengths[at + run] == value) ++run;
    at += run;
    if (value != 0) {
      out.push_back({value, 0, 0});
      --run;
    }
    while (run >= 3) {
      const size_t most = value != 0 ? 6 : 138, now = std::min(run, most);
      if (value != 0) {
        out.push_back({16, static_cast<uint8_t>(now - 3), 2});
      } else if (now <= 10) {
        out.push_back({17, static_cast<uint8_t>(now - 3), 3});
      } else {
        out.push_back({18, static_cast<uint8_t>(now - 11), 7});
      }
      run -= now;
    }
    for (; run > 0; --run) out.push_back({value, 0, 0});
  }
  return out;
}

// Everything about writing one block, given its symbols.
class BlockWriter {
 public:
  BlockWriter(const std::vector<Symbol>& symbols, const SymbolTables& tables) : symbols_(symbols), tables_(tables) {
    std::vector<uint32_t> literals(kUsedLiteralCodes), distances(kUsedDistanceCodes);
    for (const Symbol& symbol : symbols) {
      if (symbol.distance == 0) {
        ++literals[symbol.value];
      } else {
        ++literals[kFirstLength + tables.of_length(symbol.value)];
        ++distances[tables.of_distance(symbol.distance)];
      }
    }
    literals[kEndOfBlock] = 1;
    literal_ = make_code(literals, kMaxCodeBits);
    distance_ = make_code(distances, kMaxCodeBits);
    make_header();
    dynamic_bits_ = header_bits() + body_bits(literals, distances, literal_, distance_);
    fixed_bits_ = body_bits(literals, distances, fixed_literal_code(), fixed_distance_code());
  }

  // `raw`: the bytes that the symbols stand for.
  void write(ByteView raw, bool last, BitWriter* out) {
    const size_t chunks = std::max<size_t>(1, (raw.size + kStoredMost - 1) / kStoredMost);
    const size_t stored_bits = chunks * (3 + 7 + 32) + raw.size * 8;
    if (stored_bits < std::min(fixed_bits_, dynamic_bits_)) {
      write_stored(raw, last, out);
      return;
    }
    const bool fixed = fixed_bits_ <= dynamic_bits_;
    out->put(last ? 1 : 0, 1);
    out->put(fixed ? 1 : 2, 2);
    if (fixed) {
      literal_ = fixed_literal_code();
      distance_ = fixed_distance_code();
    } else {
      write_header(out);
    }
    write_body(out);
  }

 private:
  static constexpr size_t kStoredMost = 65535;

  static void write_stored(ByteView raw, bool last, BitWriter* out) {
    size_t at = 0;
    do {
      const size_t count = std::min(raw.size - at, kStoredMost);
      out->put(last && at + count == raw.size ? 1 : 0, 1);
      out->put(0, 2);
      out->align();
      out->put(static_cast<uint32_t>(count), 16);
      out->put(static_cast<uint32_t>(count ^ 0xFFFF), 16);
      for (size_t i = 0; i < count; ++i) out->put(raw.data[at + i], 8);
      at += count;
    } while (at < raw.size);
  }

  static size_t body_bits(const std::vector<uint32_t>& literals, const std::vector<uint32_t>& distances,
                          const Code& literal, const Code& distance) {
    size_t bits = 0;
    for (size_t s = 0; s < literals.size(); ++s) {
      const size_t extra = s < kFirstLength ? 0 : kLengthExtra[s - kFirstLength];
      bits += literals[s] * (literal.lengths[s] + extra);
    }
    for (size_t s = 0; s < distances.size(); ++s)
      bits += distances[s] * size_t{distance.lengths[s]} + distances[s] * size_t{kDistanceExtra[s]};
    return bits;
  }

  void make_header() {
    literal_count_ = kUsedLiteralCodes;
    while (literal_count_ > 257 && literal_.lengths[literal_count_ - 1] == 0) --literal_count_;
    distance_count_ = kUsedDistanceCodes;
    while (distance_count_ > 1 && distance_.lengths[distance_count_ - 1] == 0) --distance_count_;
    std::vector<uint8_t> lengths(literal_.lengths.begin(),
                                 literal_.lengths.begin() + static_cast<std::ptrdiff_t>(literal_count_));
    lengths.insert(lengths.end(), distance_.lengths.begin(),
                   distance_.lengths.begin() + static_cast<std::ptrdiff_t>(distance_count_));
    runs_ = run_lengths(lengths);
    std::vector<uint32_t> frequencies(kLengthCodeCodes);
    for (const LengthSymbol& run : runs_) ++frequencies[run.symbol];
    length_code_ = make_code(frequencies, 7);
    length_code_count_ = kLengthCodeCodes;
    while (length_code_count_ > 4 && length_code_.lengths[kLengthCodeOrder[length_code_count_ - 1]] == 0)
      --length_code_count_;
  }

  size_t header_bits() const {
    size_t bits = 5 + 5 + 4 + 3 * length_code_count_;
    for (const LengthSymbol& run : runs_) bits += length_code_.lengths[run.symbol] + size_t{run.extra_bits};
    return bits;
  }

  void write_header(BitWriter* out) const {
    out->put(static_cast<uint32_t>(literal_count_ - 257), 5);
    out->put(static_cast<uint32_t>(distance_count_ - 1), 5);
    out->put(static_cast<uint32_t>(length_code_count_ - 4), 4);
    for (size_t i = 0; i < length_code_count_; ++i) out->put(length_code_.lengths[kLengthCodeOrder[i]], 3);
    for (const LengthSymbol& run : runs_) {
      put_symbol(length_code_, run.symbol, out);
      out->put(run.extra, run.extra_bits);
    }
  }

  static void put_symbol(const Code& code, size_t symbol, BitWriter* out) {
    out->put(code.codes[symbol], code.lengths[symbol]);
  }

  void write_body(BitWriter* out) const {
    for (const Symbol& symbol : symbols_) {
      if (symbol.distance == 0) {
        put_symbol(literal_, symbol.value, out);
        continue;
      }
      const size_t length = tables_.of_length(symbol.value), distance = tables_.of_distance(symbol.distance);
      put_symbol(literal_, kFirstLength + length, out);
      out->put(symbol.value - uint32_t{kLengthBase[length]}, kLengthExtra[length]);
      put_symbol(distance_, distance, out);
      out->put(symbol.distance - uint32_t{kDistanceBase[distance]}, kDistanceExtra[distance]);
    }
    put_symbol(literal_, kEndOfBlock, out);
  }

  const std::vector<Symbol>& symbols_;
  const SymbolTables& tables_;
  Code literal_, distance_, length_code_;
  size_t literal_count_ = 0, distance_count_ = 0, length_code_count_ = 0;
  std::vector<LengthSymbol> runs_;
  size_t dynamic_bits_ = 0, fixed_bits_ = 0;
};

class Deflater {
 public:
  explicit Deflater(ByteView input) : input_(input), matcher_(input), writer_(&out_) {}

  std::vector<uint8_t> run() {
    for (size_t at = 0; at < input_.size;) at = step(at);
    flush_block(input_.size, true);
    writer_.align();
    return std::move(out_);
  }

 private:
  // Emits a literal or a match, or as many literals as better matches behind them are found and then that match.
  // Returns the position after it.
  size_t step(size_t at) {
    size_t distance = 0, length = matcher_.find(at, 0, &distance);
    matcher_.insert(at);
    while (length > 0 && length < kLazyLimit) {
      size_t later_distance = 0;
      const size_t later = matcher_.find(at + 1, length, &later_distance);
      if (later == 0) break;
      emit({input_.data[at], 0}, at + 1);
      ++at;
      matcher_.insert(at);
      length = later;
      distance = later_distance;
    }
    if (length == 0) {
      emit({input_.data[at], 0}, at + 1);
      return at + 1;
    }
    for (size_t i = 1; i < length; ++i) matcher_.insert(at + i);
    emit({static_cast<uint16_t>(length), static_cast<uint16_t>(distance)}, at + length);
    return at + length;
  }

  void emit(Symbol symbol, size_t end) {
    symbols_.push_back(symbol);
    if (symbols_.size() == kBlockSymbols) flush_block(end, false);
  }

  void flush_block(size_t end, bool last) {
    BlockWriter(symbols_, tables_).write(input_.slice(block_begin_, end - block_begin_), last, &writer_);
    symbols_.clear();
    block_begin_ = end;
  }

  ByteView input_;
  SymbolTables tables_;
  Matcher matcher_;
  std::vector<Symbol> symbols_;
  size_t block_begin_ = 0;
  std::vector<uint8_t> out_;
  BitWriter writer_;
};

}  // namespace

std::vector<uint8_t> deflate(ByteView input) { return Deflater(input).run(); }

}  // namespace mote::tool
