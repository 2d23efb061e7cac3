// Pictures made what a model wants.
#include "weights_tool/io/image_fit.h"

#include <vector>

#include "tests/io/support.h"

using namespace mote::tool;
using test::contains;
using test::error_of;

namespace {

Image image_of(size_t height, size_t width, size_t channels, const std::vector<uint8_t>& pixels) {
  Image image(height, width, channels);
  image.pixels = pixels;
  return image;
}

}  // namespace

TEST_CASE("a picture that is as wanted stays as it is") {
  const Image picture = image_of(1, 2, 3, {1, 2, 3, 4, 5, 6});
  CHECK(fit_picture(picture, {}, "p").pixels == picture.pixels);
  PictureWish wish;
  wish.height = 1;
  wish.width = 2;
  wish.channels = 3;
  wish.background = 255;
  CHECK(fit_picture(picture, wish, "p").pixels == picture.pixels);
}

TEST_CASE("transparent colours lie on the background in the share of alpha") {
  PictureWish wish;
  wish.background = 200;
  // 100 * 51/255 + 200 * 204/255 = 180; nothing of the colour at alpha 0, all of it at 255
  const Image out = fit_picture(image_of(1, 3, 4, {100, 0, 255, 51, 9, 9, 9, 0, 7, 8, 9, 255}), wish, "p");
  CHECK(out.channels == 3);
  CHECK(out.pixels == std::vector<uint8_t>{180, 160, 211, 200, 200, 200, 7, 8, 9});
  CHECK(fit_picture(image_of(1, 1, 2, {100, 51}), wish, "p").pixels == std::vector<uint8_t>{180});
}

TEST_CASE("shrinking takes means of blocks, of what is seen and not of hidden colours") {
  PictureWish wish;
  wish.height = wish.width = 1;
  CHECK(fit_picture(image_of(2, 2, 1, {10, 20, 30, 41}), wish, "p").pixels == std::vector<uint8_t>{25});  // 25.25
  CHECK(fit_picture(image_of(2, 2, 1, {10, 20, 30, 42}), wish, "p").pixels == std::vector<uint8_t>{26});  // 25.5
  wish.background = 255;
  const Image hidden = image_of(2, 2, 2, {0, 255, 0, 255, 77, 0, 123, 0});  // two black, two of no alpha
  CHECK(fit_picture(hidden, wish, "p").pixels == std::vector<uint8_t>{128});
  wish.width = 2;  // blocks of 2 x 2 in a picture of 2 x 4
  CHECK(fit_picture(image_of(2, 4, 1, {0, 4, 100, 100, 8, 12, 100, 104}), wish, "p").pixels ==
        std::vector<uint8_t>{6, 101});
}

TEST_CASE("grey becomes RGB when that is wanted") {
  PictureWish wish;
  wish.channels = 3;
  CHECK(fit_picture(image_of(1, 2, 1, {5, 6}), wish, "p").pixels == std::vector<uint8_t>{5, 5, 5, 6, 6, 6});
}

TEST_CASE("what cannot be made to fit is refused by name") {
  PictureWish wish;
  CHECK(contains(error_of([&] { fit_picture(Image(2, 2, 4), wish, "p.png"); }), "3: p.png: has an alpha channel"));
  wish.height = 2;
  wish.width = 2;
  CHECK(contains(error_of([&] { fit_picture(Image(3, 3, 1), wish, "p.png"); }),
                 "p.png: 3x3 grey, wanted is 2x2 grey or a whole multiple of that size"));
  CHECK(contains(error_of([&] { fit_picture(Image(4, 2, 1), wish, "p.png"); }), "p.png: 2x4 grey"));
  CHECK(contains(error_of([&] { fit_picture(Image(1, 1, 1), wish, "p.png"); }), "p.png: 1x1 grey"));
  wish.channels = 1;
  CHECK(contains(error_of([&] { fit_picture(Image(2, 2, 3), wish, "p.png"); }), "p.png: 2x2 RGB, wanted is 2x2 grey"));
}
