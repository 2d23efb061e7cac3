// PNG against files of Pillow and hand-filtered ones, every way to break one, and the writer.
#include "weights_tool/io/png.h"

#include <functional>
#include <stdexcept>

#include "tests/io/support.h"
#include "weights_tool/io/checksum.h"
#include "weights_tool/io/gzip.h"

using namespace mote::tool;
using test::contains;
using test::data_path;
using test::error_of;
using test::load_data;

namespace {

using Bytes = std::vector<uint8_t>;

std::string decode_error(const Bytes& bytes) {
  return error_of([&] { decode_png(bytes, "x.png"); });
}

void check_pattern(const std::string& name, size_t height, size_t width, size_t channels) {
  CAPTURE(name);
  const Image image = read_png(data_path(name));
  CHECK(image.height == height);
  CHECK(image.width == width);
  CHECK(image.channels == channels);
  CHECK(image.pixels == test::pattern(height, width, channels));
}

struct Chunk {
  std::string type;
  Bytes data;
};

std::vector<Chunk> chunks_of(const Bytes& png) {
  std::vector<Chunk> out;
  for (size_t at = 8; at < png.size();) {
    const size_t length = load_u32_be(png.data() + at);
    const uint8_t* start = png.data() + at + 8;
    out.push_back({std::string(png.begin() + static_cast<std::ptrdiff_t>(at + 4),
                               png.begin() + static_cast<std::ptrdiff_t>(at + 8)),
                   Bytes(start, start + length)});
    at += length + 12;
  }
  return out;
}

Bytes png_of(const std::vector<Chunk>& chunks) {
  Bytes out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  for (const Chunk& chunk : chunks) {
    append_u32_be(out, static_cast<uint32_t>(chunk.data.size()));
    const size_t begin = out.size();
    out.insert(out.end(), chunk.type.begin(), chunk.type.end());
    out.insert(out.end(), chunk.data.begin(), chunk.data.end());
    append_u32_be(out, crc32(out.data() + begin, out.size() - begin));
  }
  return out;
}

// grey.png with its chunks changed and the checksums right.
std::string error_with(const std::function<void(std::vector<Chunk>&)>& change, const char* file = "grey.png") {
  std::vector<Chunk> chunks = chunks_of(load_data(file));
  change(chunks);
  return decode_error(png_of(chunks));
}

std::string error_with_header(size_t at, std::vector<uint8_t> values) {
  return error_with([&](std::vector<Chunk>& chunks) {
    std::copy(values.begin(), values.end(), chunks[0].data.begin() + static_cast<std::ptrdiff_t>(at));
  });
}

size_t position_of(const std::vector<Chunk>& chunks, const std::string& type) {
  size_t i = 0;
  while (chunks[i].type != type) ++i;
  return i;
}

}  // namespace

TEST_CASE("pictures of Pillow are read in all four colour types") {
  check_pattern("grey.png", 33, 19, 1);
  check_pattern("grey_alpha.png", 33, 19, 2);
  check_pattern("rgb.png", 33, 19, 3);
  check_pattern("rgba.png", 33, 19, 4);
}

TEST_CASE("all five filters are undone, over data in many chunks") {
  check_pattern("filters_grey.png", 23, 17, 1);
  check_pattern("filters_rgb.png", 23, 17, 3);
  check_pattern("filters_rgba.png", 11, 7, 4);
}

TEST_CASE("palettes of 1, 2, 4 and 8 bits become RGB, with tRNS RGB and alpha") {
  for (const size_t bits : {1, 2, 4, 8}) {
    for (const bool alpha : {false, true}) {
      if (alpha && bits != 4) continue;
      const Image image = read_png(data_path("palette" + std::to_string(bits) + (alpha ? "_alpha.png" : ".png")));
      const size_t channels = alpha ? 4 : 3, entries = std::min<size_t>(size_t{1} << bits, 200);
      REQUIRE(image.height == 9);
      REQUIRE(image.width == 21);
      REQUIRE(image.channels == channels);
      bool same = true;
      for (size_t y = 0; y < 9; ++y) {
        for (size_t x = 0; x < 21; ++x) {
          const size_t i = (x + 3 * y) % entries;
          const uint8_t* p = image.row(y) + x * channels;
          same =
              same && p[0] == i && p[1] == 2 * i % 256 && p[2] == 255 - i && (!alpha || p[3] == (i < 8 ? 30 * i : 255));
        }
      }
      CHECK(same);
    }
  }
}

TEST_CASE("a colour key adds an alpha channel") {
  const Image image = read_png(data_path("key.png"));
  const Bytes pattern = test::pattern(8, 8, 3);
  REQUIRE(image.channels == 4);
  const uint8_t* key = pattern.data() + (2 * 8 + 3) * 3;
  for (size_t i = 0; i < 64; ++i) {
    CHECK(std::equal(pattern.data() + 3 * i, pattern.data() + 3 * i + 3, image.pixels.data() + 4 * i));
    CHECK(image.pixels[4 * i + 3] == (std::equal(key, key + 3, pattern.data() + 3 * i) ? 0 : 255));
  }
}

TEST_CASE("kinds of PNG that are not supported are refused by name") {
  CHECK(contains(error_of([] { read_png(data_path("bits1.png")); }), "1 bits a sample are not supported, only 8"));
  CHECK(contains(error_of([] { read_png(data_path("bits16.png")); }), "16 bits a sample are not supported, only 8"));
  CHECK(contains(error_of([] { read_png(data_path("interlaced.png")); }), "interlaced (Adam7) PNG is not supported"));
  for (const uint8_t colour : {2, 4, 6})
    CHECK(contains(error_with_header(8, {16, colour}), "16 bits a sample are not supported"));
  CHECK(contains(error_with_header(8, {16, 3}), "a palette with 16 bits does not exist"));
}

TEST_CASE("each wrong field of the header is named") {
  CHECK(error_with_header(0, {0, 0, 0, 0}) == "3: x.png: byte 16: the picture's size is 0 or above 2^31 - 1");
  CHECK(contains(error_with_header(4, {0x80, 0, 0, 0}), "size is 0 or above"));
  CHECK(contains(error_with_header(0, {0, 1, 0, 0, 0, 1, 0, 0}),
                 "65536x65536 is more than the 67108864 pixels allowed here"));
  CHECK(contains(error_with_header(8, {7}), "7 bits a sample"));
  CHECK(contains(error_with_header(9, {1}), "unknown colour type 1"));
  CHECK(contains(error_with_header(9, {5}), "unknown colour type 5"));
  CHECK(contains(error_with_header(10, {1}), "unknown compression method"));
  CHECK(contains(error_with_header(11, {1}), "unknown filter method"));
  CHECK(contains(error_with_header(12, {2}), "unknown interlace method"));
  CHECK(contains(error_with([](auto& chunks) { chunks[0].data.push_back(0); }), "IHDR must have 13 bytes"));
  CHECK(contains(error_of([] { decode_png(load_data("grey.png"), "x", 33 * 19 - 1); }), "pixels allowed here"));
  CHECK(decode_png(load_data("grey.png"), "x", 33 * 19).width == 19);
}

TEST_CASE("chunks must come complete, checked and in order") {
  const Bytes good = load_data("grey.png");
  CHECK(decode_error({}) == "3: x.png: byte 0: not a PNG file (no signature)");
  CHECK(contains(decode_error(Bytes(100, 'x')), "not a PNG file"));
  Bytes flipped = good;
  flipped[50] ^= 1;
  CHECK(contains(decode_error(flipped), "the checksum of the chunk IDAT is wrong"));
  Bytes longer = good;
  longer.push_back(0);
  CHECK(contains(decode_error(longer), "1 bytes behind the end chunk"));
  CHECK(contains(error_with([](auto& chunks) { chunks.erase(chunks.begin()); }),
                 "the first chunk must be IHDR, not IDAT"));
  CHECK(contains(error_with([](auto& chunks) { chunks.insert(chunks.begin(), chunks[0]); }), "a second IHDR chunk"));
  CHECK(contains(error_with([](auto& chunks) { chunks.erase(chunks.begin() + 1); }), "no IDAT chunk"));
  CHECK(contains(error_with([](auto& chunks) { chunks.pop_back(); }), "the file ends inside a chunk"));
  CHECK(contains(error_with([](auto& chunks) { chunks.back().data = {1}; }), "IEND must be empty"));
  CHECK(contains(error_with([](auto& chunks) {
                   chunks.insert(chunks.begin() + 1, {"ABCD", {}});
                 }),
                 "unknown critical chunk ABCD"));
  CHECK(contains(error_with([](auto& chunks) {
                   chunks.insert(chunks.begin() + 1, {"a!cd", {}});
                 }),
                 "not four letters"));
  CHECK(error_with([](auto& chunks) { chunks.insert(chunks.begin() + 1, {"abCd", {1, 2, 3}}); }) == "no error");
  CHECK(contains(error_with([](auto& chunks) {
                   chunks.insert(chunks.end() - 1, {"teXt", {}});
                   chunks.insert(chunks.end() - 1, {"IDAT", {}});
                 }),
                 "the IDAT chunks are not consecutive"));
  Bytes length = good;
  length[33] = 0x7F;
  CHECK(contains(decode_error(length), "the chunk IDAT is longer than the file"));
  length[33] = 0xFF;
  CHECK(contains(decode_error(length), "the chunk IDAT is longer than the file"));
}

TEST_CASE("palettes and transparency must fit the picture") {
  const char* file = "palette4_alpha.png";
  const auto palette = [](std::vector<Chunk>& chunks) -> Chunk& { return chunks[position_of(chunks, "PLTE")]; };
  const auto transparency = [](std::vector<Chunk>& chunks) -> Chunk& { return chunks[position_of(chunks, "tRNS")]; };
  CHECK(error_with([](auto&) {}, file) == "no error");
  CHECK(contains(error_with([&](auto& c) { palette(c).data.pop_back(); }, file), "PLTE must have 1 to 256 entries"));
  CHECK(contains(error_with([&](auto& c) { palette(c).data.clear(); }, file), "PLTE must have 1 to 256 entries"));
  CHECK(contains(error_with([&](auto& c) { palette(c).data.resize(51); }, file),
                 "more entries than the bit depth can name"));
  CHECK(
      contains(error_with([&](auto& c) { palette(c).data.resize(30); }, file), "palette index 10 of only 10 entries"));
  CHECK(contains(error_with([&](auto& c) { transparency(c).data.resize(17); }, file), "tRNS does not fit"));
  CHECK(contains(error_with([&](auto& c) { transparency(c).data.clear(); }, file), "tRNS does not fit"));
  CHECK(contains(error_with([](auto& c) { c.erase(c.begin() + 1, c.begin() + 3); }, file),
                 "without PLTE chunk before its data"));
  CHECK(contains(error_with([](auto& c) { c.insert(c.begin() + 1, c[1]); }, file), "PLTE stands twice"));
  CHECK(contains(error_with([](auto& c) { c.insert(c.begin() + 2, c[2]); }, file), "tRNS stands twice"));
  CHECK(contains(error_with([](auto& c) { std::swap(c[1], c[2]); }, file), "tRNS does not fit"));
  CHECK(contains(error_with([](auto& c) {
                   c.insert(c.begin() + 1, {"PLTE", {1, 2, 3}});
                 }),
                 "a grey picture with a palette"));
  CHECK(contains(error_with([](auto& c) { c.insert(c.begin() + 1, {"tRNS", {1, 2, 3}}); }), "tRNS does not fit"));
  CHECK(contains(error_with(
                     [](auto& c) {
                       c.insert(c.begin() + 1, {"tRNS", {0, 2}});
                     },
                     "grey_alpha.png"),
                 "tRNS does not fit"));
  CHECK(error_with([](auto& c) { c.insert(c.begin() + 1, {"PLTE", {1, 2, 3}}); }, "rgb.png") == "no error");
}

TEST_CASE("the picture data must be exactly what the header promises") {
  const auto with_data = [](const Bytes& rows) {
    return error_with([&](std::vector<Chunk>& chunks) {
      chunks[0].data[3] = 2;  // 2 x 3 grey
      chunks[0].data[7] = 3;
      chunks[1].data = zlib_compress(rows);
    });
  };
  CHECK(with_data({0, 1, 2, 1, 3, 4, 4, 5, 6}) == "no error");
  CHECK(contains(with_data({0, 1, 2, 1, 3, 4, 4, 5}), "picture data: 8 bytes where 9 are expected"));
  CHECK(contains(with_data({0, 1, 2, 1, 3, 4, 4, 5, 6, 7}), "picture data: byte "));
  CHECK(contains(with_data({0, 1, 2, 5, 3, 4, 4, 5, 6}), "row 1: unknown filter 5"));
  CHECK(contains(error_with([](auto& chunks) { chunks[1].data[10] ^= 16; }), "3: x.png: picture data: byte "));
  CHECK(contains(error_with([](auto& chunks) { chunks[1].data.clear(); }),
                 "picture data: byte 0: the zlib header ends too early"));
}

TEST_CASE("a PNG cut off anywhere is an error") {
  for (const char* name : {"grey.png", "palette4_alpha.png"}) {
    const Bytes good = load_data(name);
    for (size_t size = 0; size < good.size(); ++size) {
      CHECK(
          contains(decode_error(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))), "3: x.png: "));
    }
  }
}

TEST_CASE("what is written reads back, for every small size") {
  for (const size_t channels : {size_t{1}, size_t{3}}) {
    for (size_t height = 1; height < 6; ++height) {
      for (size_t width = 1; width < 6; ++width) {
        Image image(height, width, channels);
        image.pixels = test::noise(height * width * channels, static_cast<uint32_t>(height * 10 + width));
        const Image back = decode_png(encode_png(image), "x");
        CHECK(back.height == height);
        CHECK(back.width == width);
        CHECK(back.channels == channels);
        CHECK(back.pixels == image.pixels);
      }
    }
    Image image(100, 120, channels);
    image.pixels = test::pattern(100, 120, channels);
    CHECK(decode_png(encode_png(image), "x").pixels == image.pixels);
  }
}

TEST_CASE("filters are chosen: a gradient takes a fraction of its size") {
  Image image(64, 64, 3);
  for (size_t y = 0; y < 64; ++y) {
    for (size_t x = 0; x < 192; ++x) image.row(y)[x] = static_cast<uint8_t>(x / 3 * 2 + y + x % 3 * 50);
  }
  CHECK(encode_png(image).size() < 400);
}

TEST_CASE("what cannot be a PNG is a programming error, an existing file an error") {
  CHECK_THROWS_AS(encode_png(Image(0, 3, 1)), std::invalid_argument);
  CHECK_THROWS_AS(encode_png(Image(3, 3, 4)), std::invalid_argument);
  Image wrong(3, 3, 1);
  wrong.pixels.pop_back();
  CHECK_THROWS_AS(encode_png(wrong), std::invalid_argument);
  const test::TemporaryFolder folder;
  write_png(folder / "a.png", Image(2, 2, 1), false);
  CHECK(contains(error_of([&] { write_png(folder / "a.png", Image(2, 2, 1), false); }), "use --force"));
  CHECK(read_png(folder / "a.png").width == 2);
}
