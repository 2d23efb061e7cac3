// IDX against records cut out of Fashion-MNIST, and every way to break one.
#include "weights_tool/io/idx.h"

#include <numeric>
#include <stdexcept>

#include "tests/io/support.h"

using namespace mote::tool;
using test::contains;
using test::data_path;
using test::error_of;
using test::load_data;
using test::TemporaryFolder;

namespace {

using Bytes = std::vector<uint8_t>;

std::string parse_error(const Bytes& bytes) {
  return error_of([&] { parse_idx(bytes, "x.idx"); });
}

}  // namespace

TEST_CASE("Fashion-MNIST is read plain and gzipped") {
  for (const char* name : {"fashion.idx", "fashion.idx.gz"}) {
    const ImageSet images = read_idx_images(data_path(name));
    CHECK(images.count == 10);
    CHECK(images.height == 28);
    CHECK(images.width == 28);
    CHECK(images.channels == 1);
    REQUIRE(images.pixels.size() == 7840);
    // Sums of the first two pictures, counted with numpy.
    CHECK(std::accumulate(images.image(0), images.image(1), 0) == 33456);
    CHECK(std::accumulate(images.image(1), images.image(2), 0) == 100994);
    CHECK(images.image(0)[14 * 28 + 20] == 149);
  }
  CHECK(read_idx_labels(data_path("fashion_labels.idx"), 10, 10) == Bytes{9, 2, 1, 1, 6, 1, 4, 6, 5, 7});
}

TEST_CASE("rank 4 is channels last") {
  const ImageSet images = read_idx_images(data_path("colour.idx"));
  CHECK(images.count == 2);
  CHECK(images.height == 5);
  CHECK(images.width == 4);
  CHECK(images.channels == 3);
  CHECK(images.pixels == test::pattern(10, 4, 3));
}

TEST_CASE("each kind of broken IDX is named") {
  const Bytes good = load_data("colour.idx");
  const auto with = [&](size_t at, uint8_t value) {
    Bytes out = good;
    out[at] = value;
    return out;
  };
  CHECK(parse_error({}) == "3: x.idx: byte 0: an IDX file starts with 4 bytes of magic, this one is shorter");
  CHECK(parse_error({0, 0, 8}) == "3: x.idx: byte 3: an IDX file starts with 4 bytes of magic, this one is shorter");
  CHECK(parse_error(with(0, 1)) == "3: x.idx: byte 0: not an IDX file (it starts with two zero bytes)");
  CHECK(parse_error(with(2, 0x0D)) ==
        "3: x.idx: byte 2: IDX of 32-bit floats; only unsigned bytes (type 8) are supported");
  CHECK(parse_error(with(2, 0)) == "3: x.idx: byte 2: IDX of type 0; only unsigned bytes (type 8) are supported");
  CHECK(parse_error(with(3, 2)) == "3: x.idx: byte 3: IDX of rank 2; expected 1 (labels), 3 or 4 (pictures)");
  CHECK(parse_error(with(3, 255)) == "3: x.idx: byte 3: IDX of rank 255; expected 1 (labels), 3 or 4 (pictures)");
  CHECK(parse_error(Bytes(good.begin(), good.begin() + 19)) ==
        "3: x.idx: byte 19: the IDX header ends too early, 20 bytes expected");
  CHECK(parse_error(with(7, 3)) == "3: x.idx: byte 140: the header promises 180 values, the file has 120");
  CHECK(parse_error(with(7, 1)) == "3: x.idx: byte 80: the header promises 60 values, the file has 120");
  CHECK(contains(parse_error(with(4, 255)), "the header promises"));
  CHECK(contains(parse_error({0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}),
                 "multiply to more than an address can hold"));
  for (size_t size = 0; size < good.size(); ++size) {
    CHECK(contains(parse_error(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))),
                   "3: x.idx: byte "));
  }
}

TEST_CASE("pictures and labels are not mistaken for each other") {
  CHECK(contains(error_of([] { read_idx_images(data_path("fashion_labels.idx")); }), "labels (rank 1) where pictures"));
  CHECK(contains(error_of([] { read_idx_labels(data_path("fashion.idx"), 10); }), "pictures where labels"));
}

TEST_CASE("labels must match the pictures in number and range") {
  CHECK(contains(error_of([] { read_idx_labels(data_path("fashion_labels.idx"), 11); }), "10 labels for 11 pictures"));
  CHECK(contains(error_of([] { read_idx_labels(data_path("fashion_labels.idx"), 10, 9); }),
                 "byte 8: label 9 of picture 0 is not below 9"));
}

TEST_CASE("sets without pictures or with odd channels are refused") {
  const TemporaryFolder folder;
  test::save(folder / "empty", encode_idx({{0, 28, 28}, {}}));
  CHECK(contains(error_of([&] { read_idx_images(folder / "empty"); }), "there are no pictures in it"));
  test::save(folder / "two", encode_idx({{1, 1, 1, 2}, {1, 2}}));
  CHECK(contains(error_of([&] { read_idx_images(folder / "two"); }), "2 channels; expected 1, 3 or 4"));
  CHECK(contains(error_of([&] { read_idx_images(folder / "none"); }), "4: "));
}

TEST_CASE("broken gzip around IDX is an error with the path") {
  const TemporaryFolder folder;
  Bytes packed = load_data("fashion.idx.gz");
  packed.pop_back();
  test::save(folder / "cut.gz", packed);
  CHECK(contains(error_of([&] { read_idx_images(folder / "cut.gz"); }), "3: " + (folder / "cut.gz") + ": byte "));
}

TEST_CASE("what is written reads back, plain and gzipped by the name's end") {
  const TemporaryFolder folder;
  for (const size_t channels : {size_t{1}, size_t{3}}) {
    ImageSet images;
    images.count = 3;
    images.height = 4;
    images.width = 5;
    images.channels = channels;
    images.pixels = test::noise(60 * channels, 9);
    for (const char* name : {"a.idx", "a.idx.gz"}) {
      write_idx_images(folder / name, images, true);
      const ImageSet back = read_idx_images(folder / name);
      CHECK(back.count == 3);
      CHECK(back.channels == channels);
      CHECK(back.pixels == images.pixels);
    }
    CHECK(test::load(folder / "a.idx")[3] == (channels == 1 ? 3 : 4));
    CHECK(test::load(folder / "a.idx.gz")[0] == 0x1F);
  }
  write_idx_labels(folder / "l", {1, 2, 3}, false);
  CHECK(test::load(folder / "l") == Bytes{0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3});
  CHECK(contains(error_of([&] { write_idx_labels(folder / "l", {1}, false); }), "use --force"));
  CHECK_THROWS_AS(encode_idx({{2}, {1}}), std::invalid_argument);
  CHECK_THROWS_AS(encode_idx({{1, 1}, {1}}), std::invalid_argument);
}
