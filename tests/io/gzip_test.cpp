// DEFLATE and its wrappers against files of gzip and zlib, hand-made broken streams, and round trips.
#include "weights_tool/io/gzip.h"

#include "tests/io/support.h"
#include "weights_tool/io/checksum.h"

using namespace mote::tool;
using test::contains;
using test::error_of;
using test::load_data;

namespace {

using Bytes = std::vector<uint8_t>;

// Writes bits as DEFLATE does: numbers lowest bit first, Huffman codes highest bit first.
class Bits {
 public:
  Bits& number(uint32_t value, int count) {
    for (int i = 0; i < count; ++i) bit(value >> i & 1);
    return *this;
  }
  Bits& code(uint32_t value, int count) {
    for (int i = count - 1; i >= 0; --i) bit(value >> i & 1);
    return *this;
  }
  Bits& bytes(const Bytes& values) {
    used_ = 8;
    out_.insert(out_.end(), values.begin(), values.end());
    return *this;
  }
  Bytes done() const { return out_; }

 private:
  void bit(uint32_t value) {
    if (used_ == 8) {
      out_.push_back(0);
      used_ = 0;
    }
    out_.back() = static_cast<uint8_t>(out_.back() | value << used_++);
  }
  Bytes out_;
  int used_ = 8;
};

// The head of a dynamic block: final, type 2, and lengths of the code-length code given for symbols 0..18.
Bits dynamic_head(int literals, int distances, const std::vector<int>& code_lengths) {
  static const int kOrder[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  Bits bits;
  bits.number(1, 1)
      .number(2, 2)
      .number(static_cast<uint32_t>(literals - 257), 5)
      .number(static_cast<uint32_t>(distances - 1), 5);
  bits.number(15, 4);
  for (const int symbol : kOrder) bits.number(static_cast<uint32_t>(code_lengths[static_cast<size_t>(symbol)]), 3);
  return bits;
}

// A code-length code of symbols 0, 1, 2, 18 with two bits each: 00, 01, 10, 11.
std::vector<int> four_codes() {
  std::vector<int> lengths(19);
  lengths[0] = lengths[1] = lengths[2] = lengths[18] = 2;
  return lengths;
}
constexpr uint32_t kZero = 0, kOne = 1, kTwo = 2, kZeros = 3;

std::string inflate_error(const Bytes& bytes) {
  return error_of([&] { inflate(bytes, "x"); });
}
std::string gzip_error(const Bytes& bytes) {
  return error_of([&] { gzip_decompress(bytes, "x.gz"); });
}
std::string zlib_error(const Bytes& bytes) {
  return error_of([&] { zlib_decompress(bytes, "x"); });
}

// make_data.py: fibonacci(). The code lengths of a Huffman code for it reach the limit of 15 bits.
Bytes fibonacci(uint32_t symbols) {
  Bytes ordered;
  for (uint32_t symbol = 0, a = 1, b = 1; symbol < symbols; ++symbol) {
    ordered.insert(ordered.end(), a, static_cast<uint8_t>(symbol * 9));
    const uint32_t next = a + b;
    a = b;
    b = next;
  }
  Bytes out;
  for (size_t i = 0; i < ordered.size(); ++i) out.push_back(ordered[i * 7919 % ordered.size()]);
  return out;
}

Bytes joined(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

TEST_CASE("files of gzip and zlib unpack to what went in") {
  CHECK(gzip_decompress(load_data("text.1.gz"), "x") == test::squares_text(400));
  CHECK(gzip_decompress(load_data("text.9.gz"), "x") == test::squares_text(400));
  CHECK(gzip_decompress(load_data("stored.gz"), "x") == test::noise(3000, 1));
  CHECK(gzip_decompress(load_data("fixed.gz"), "x") == test::squares_text(20));
  CHECK(gzip_decompress(load_data("huffman_only.gz"), "x") == test::squares_text(60));
  CHECK(gzip_decompress(load_data("runs.gz"), "x") == joined(Bytes(1000, 'a'), Bytes(700, 'b')));
  CHECK(gzip_decompress(load_data("all_fields.gz"), "x") == test::squares_text(20));
  CHECK(zlib_decompress(load_data("text.zlib"), "x") == test::squares_text(60));
}

TEST_CASE("gzip members follow one another and may be empty") {
  CHECK(gzip_decompress(load_data("members.gz"), "x") == joined(test::squares_text(30), test::noise(300, 7)));
}

TEST_CASE("what was compressed unpacks to the same bytes, whatever it is") {
  std::vector<Bytes> inputs = {
      {}, {0}, {1, 2}, {7, 7, 7}, Bytes(1, 200), Bytes(258, 9), Bytes(259, 9), Bytes(100000, 0)};
  inputs.push_back(test::noise(70000, 11));                                // stored, in two pieces
  inputs.push_back(test::squares_text(6000));                              // several blocks
  inputs.push_back(joined(test::noise(32768, 5), test::noise(32768, 5)));  // matches at the farthest distance
  inputs.push_back(joined(test::noise(32769, 5), test::noise(32769, 5)));  // and one byte too far
  inputs.push_back(joined(joined(Bytes(5000, 1), test::noise(5000, 2)), test::squares_text(300)));
  inputs.push_back(fibonacci(24));
  for (size_t i = 0; i < 40; ++i) {
    Bytes few = test::noise(i * 13, static_cast<uint32_t>(i));
    for (uint8_t& byte : few) byte &= 3;
    inputs.push_back(few);
  }
  for (const Bytes& input : inputs) {
    CAPTURE(input.size());
    CHECK(inflate(deflate(input), "x") == input);
    CHECK(zlib_decompress(zlib_compress(input), "x") == input);
    CHECK(gzip_decompress(gzip_compress(input), "x") == input);
    CHECK(deflate(input).size() <= input.size() + input.size() / 1000 + 16);
    CHECK(deflate(input) == deflate(input));
  }
}

TEST_CASE("compression comes close to gzip -9") {
  // gzip's own result for the same text is in the test data; its header and trailer take as much as ours.
  CHECK(gzip_compress(test::squares_text(400)).size() <= load_data("text.9.gz").size() * 102 / 100);
}

TEST_CASE("a gzip file cut off anywhere is an error") {
  for (const char* name : {"text.9.gz", "members.gz", "all_fields.gz", "stored.gz"}) {
    const Bytes whole = load_data(name);
    for (size_t size = 0; size < whole.size(); ++size) {
      const std::string error = gzip_error(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
      const bool member_end = error == "no error";
      if (member_end) CHECK(std::string(name) == "members.gz");
      if (!member_end) CHECK(contains(error, "3: x.gz: byte "));
    }
  }
}

TEST_CASE("a flipped bit in compressed data never goes unnoticed") {
  const Bytes whole = load_data("fixed.gz");
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Bytes broken = whole;
    broken[bit / 8] = static_cast<uint8_t>(broken[bit / 8] ^ 1 << bit % 8);
    // Time, extra flags and operating system (bytes 4..9) and the text flag (bit 0 of byte 3) mean nothing to the
    // content. So do the five bits that fill up the last byte of the compressed data.
    const bool padding = bit / 8 == whole.size() - 9 && bit % 8 >= 3;
    const bool harmless = (bit / 8 >= 4 && bit / 8 <= 9) || bit == 24 || padding;
    CAPTURE(bit);
    CHECK((gzip_error(broken) == "no error") == harmless);
  }
}

TEST_CASE("each kind of broken gzip wrapper is named") {
  const Bytes good = load_data("text.9.gz");
  const auto with = [&](size_t at, uint8_t value) {
    Bytes out = good;
    out[at] = value;
    return out;
  };
  CHECK(gzip_error({}) == "3: x.gz: byte 0: the gzip header ends too early");
  CHECK(gzip_error(with(0, 'P')) == "3: x.gz: byte 0: not gzip data (no magic bytes)");
  CHECK(gzip_error(with(2, 7)) == "3: x.gz: byte 2: a gzip compression method other than deflate");
  CHECK(gzip_error(with(3, 0x20)) == "3: x.gz: byte 3: reserved gzip flags are set");
  CHECK(contains(gzip_error(with(good.size() - 8, static_cast<uint8_t>(good[good.size() - 8] + 1))),
                 "the CRC-32 checksum does not match"));
  CHECK(contains(gzip_error(with(good.size() - 4, static_cast<uint8_t>(good[good.size() - 4] + 1))),
                 "the stored size does not match"));
  CHECK(contains(gzip_error(joined(good, {0})), "the gzip header ends too early"));
  CHECK(contains(gzip_error(joined(good, Bytes(20))), "byte " + std::to_string(good.size()) + ": not gzip data"));
  Bytes fields = load_data("all_fields.gz");
  fields[14] ^= 1;  // inside the extra field
  CHECK(contains(gzip_error(fields), "the checksum of the gzip header is wrong"));
}

TEST_CASE("each kind of broken zlib wrapper is named") {
  const Bytes good = load_data("text.zlib");
  const auto with = [&](size_t at, uint8_t value) {
    Bytes out = good;
    out[at] = value;
    return out;
  };
  CHECK(contains(zlib_error({0x78}), "the zlib header ends too early"));
  CHECK(contains(zlib_error(with(0, 0x79)), "a zlib compression method other than deflate"));
  CHECK(contains(zlib_error(with(0, 0x88)), "a zlib compression method other than deflate"));
  CHECK(
      contains(zlib_error(with(1, static_cast<uint8_t>(good[1] + 1))), "the check bits of the zlib header are wrong"));
  CHECK(contains(zlib_error(with(1, 0xF9)), "preset dictionary"));
  CHECK(contains(zlib_error(with(good.size() - 1, static_cast<uint8_t>(~good.back()))),
                 "the Adler-32 checksum does not match"));
  CHECK(contains(zlib_error(Bytes(good.begin(), good.end() - 1)), "the zlib checksum is cut off"));
  CHECK(contains(zlib_error(joined(good, {1, 2, 3})), "3 bytes behind the zlib data"));
}

TEST_CASE("each kind of broken DEFLATE stream is named") {
  CHECK(contains(inflate_error({}), "ends too early"));
  CHECK(contains(inflate_error(Bits().number(1, 1).number(3, 2).done()), "unknown block type 3"));
  CHECK(contains(inflate_error(Bits().number(1, 3).bytes({4, 0, 0, 0, 1, 2, 3, 4}).done()), "its complement disagree"));
  CHECK(contains(inflate_error(Bits().number(1, 3).bytes({4, 0, 0xFB, 0xFF, 1, 2, 3}).done()), "ends too early"));
  CHECK(inflate(Bits().number(1, 3).bytes({4, 0, 0xFB, 0xFF, 1, 2, 3, 4}).done(), "x") == Bytes{1, 2, 3, 4});
  CHECK(contains(inflate_error(Bits().number(1, 3).bytes({0, 0, 0xFF, 0xFF, 9}).done()),
                 "1 bytes behind the compressed data"));

  // Fixed codes: 'a' is 0x30 + 'a' in 8 bits, 256 is 0 in 7, 257 (length 3) is 1 in 7, 286 is 0xC6 in 8; distances
  // have 5 bits.
  const auto fixed = [] { return Bits().number(3, 3).code(0x30 + 'a', 8); };
  CHECK(inflate(fixed().code(1, 7).code(0, 5).code(0, 7).done(), "x") == Bytes(4, 'a'));
  CHECK(contains(inflate_error(fixed().code(1, 7).code(1, 5).code(0, 7).done()), "reaches before the start"));
  CHECK(contains(inflate_error(fixed().code(0xC6, 8).code(0, 5).code(0, 7).done()), "a code that stands for nothing"));
  CHECK(contains(inflate_error(fixed().code(1, 7).code(30, 5).code(0, 7).done()),
                 "a distance code that stands for nothing"));
  CHECK(contains(inflate_error(fixed().done()), "ends too early"));

  CHECK(contains(inflate_error(dynamic_head(287, 1, four_codes()).done()), "more than 286 literal"));
  CHECK(contains(inflate_error(dynamic_head(257, 31, four_codes()).done()), "more than 30 distance"));
  CHECK(contains(inflate_error(dynamic_head(257, 1, std::vector<int>(19)).done()), "the code of the code lengths"));
  CHECK(contains(inflate_error(dynamic_head(257, 1, std::vector<int>(19, 1)).done()), "the code of the code lengths"));
  std::vector<int> repeat_only(19);
  repeat_only[16] = repeat_only[0] = 1;
  CHECK(contains(inflate_error(dynamic_head(257, 1, repeat_only).code(1, 1).number(0, 2).done()),
                 "without one before it"));
}

TEST_CASE("code lengths of a dynamic block must form usable codes") {
  const auto zeros = [](Bits& bits, uint32_t count) { bits.code(kZeros, 2).number(count - 11, 7); };
  // Literals: `first` for 'a' (97), `end` for 256; then one distance length.
  const auto block = [&](uint32_t first, uint32_t end, uint32_t distance) {
    Bits bits = dynamic_head(257, 1, four_codes());
    zeros(bits, 97);
    bits.code(first, 2);
    zeros(bits, 138);
    zeros(bits, 20);
    bits.code(end, 2).code(distance, 2);
    return bits;
  };
  CHECK(inflate(block(kOne, kOne, kZero).code(0, 1).code(1, 1).done(), "x") == Bytes{'a'});
  CHECK(inflate(block(kZero, kOne, kZero).code(0, 1).done(), "x") == Bytes{});
  CHECK(contains(inflate_error(block(kZero, kOne, kZero).code(1, 1).number(0, 16).done()),
                 "a code that stands for nothing"));
  CHECK(contains(inflate_error(block(kOne, kZero, kZero).done()), "without an end-of-block code"));
  CHECK(contains(inflate_error(block(kTwo, kTwo, kZero).done()), "the literal code of a block is not"));
  CHECK(contains(inflate_error(block(kOne, kTwo, kZero).done()), "the literal code of a block is not"));
  CHECK(contains(inflate_error(block(kOne, kOne, kTwo).done()), "the distance code of a block is not"));
  Bits run = dynamic_head(257, 1, four_codes());
  zeros(run, 138);
  zeros(run, 130);
  CHECK(contains(inflate_error(run.done()), "more code lengths than codes"));
}

TEST_CASE("codes longer than the first decoding table are found in the second") {
  CHECK(gzip_decompress(load_data("deep.gz"), "x") == fibonacci(20));
}

TEST_CASE("how much spare room the output has makes no difference") {
  const Bytes packed = load_data("text.1.gz"), expected = test::squares_text(400);
  for (const size_t spare : {0, 1, 100, 300, 5000})
    CHECK(gzip_decompress(packed, "x", expected.size() + spare) == expected);
}

TEST_CASE("the output cap holds to the byte") {
  const Bytes packed = load_data("text.9.gz"), runs = load_data("runs.gz"), stored = load_data("stored.gz");
  CHECK(gzip_decompress(packed, "x", test::squares_text(400).size()).size() == test::squares_text(400).size());
  CHECK(error_of([&] {
          gzip_decompress(packed, "x", test::squares_text(400).size() - 1);
        }).find("unpacks to more than the") != std::string::npos);
  CHECK(gzip_decompress(runs, "x", 1700).size() == 1700);
  CHECK(contains(error_of([&] { gzip_decompress(runs, "x", 1699); }), "unpacks to more than the 1699 bytes"));
  CHECK(gzip_decompress(stored, "x", 3000).size() == 3000);
  CHECK(contains(error_of([&] { gzip_decompress(stored, "x", 2999); }), "unpacks to more than"));
  CHECK(contains(error_of([&] { gzip_decompress(stored, "x", 0); }), "unpacks to more than"));
}

TEST_CASE("inflate reports how much it consumed and leaves the rest alone") {
  const Bytes body = deflate(test::squares_text(50));
  size_t consumed = 0;
  CHECK(inflate(joined(body, Bytes(40, 0xAA)), "x", kDefaultInflateCap, &consumed) == test::squares_text(50));
  CHECK(consumed == body.size());
}

TEST_CASE("plain content passes gunzip_if_needed unchanged") {
  CHECK(gunzip_if_needed({1, 2, 3}, "x") == Bytes{1, 2, 3});
  CHECK(gunzip_if_needed({}, "x").empty());
  CHECK(gunzip_if_needed(load_data("fixed.gz"), "x") == test::squares_text(20));
}
