// Drawing, checked by what pixels must be.
#include "weights_tool/io/canvas.h"

#include <cmath>
#include <set>
#include <vector>

#include "tests/io/support.h"

using namespace mote::tool;

namespace {

bool same(Colour a, Colour b) { return a.red == b.red && a.green == b.green && a.blue == b.blue; }

// How much black there is, in pixels.
double ink(const Canvas& canvas) {
  double sum = 0;
  for (const uint8_t value : canvas.image().pixels) sum += (255 - value) / 255.0 / 3;
  return sum;
}

std::vector<bool> glyph(char c) {
  Canvas canvas(kGlyphWidth, kGlyphHeight + kGlyphDescent);
  canvas.text(0, 0, std::string_view(&c, 1), kBlack);
  std::vector<bool> out;
  for (int y = 0; y < canvas.height(); ++y) {
    for (int x = 0; x < canvas.width(); ++x) out.push_back(same(canvas.at(x, y), kBlack));
  }
  return out;
}

constexpr Colour kRed{200, 10, 20};

}  // namespace

TEST_CASE("rectangles fill their pixels and are clipped to the canvas") {
  Canvas canvas(10, 8);
  CHECK(canvas.image().channels == 3);
  canvas.rect(2, 3, 4, 2, kRed);
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 10; ++x) CHECK(same(canvas.at(x, y), x >= 2 && x < 6 && y >= 3 && y < 5 ? kRed : kWhite));
  }
  canvas.rect(-5, -5, 100, 100, kBlack);
  CHECK(ink(canvas) == doctest::Approx(80));
  canvas.fill(kWhite);
  canvas.rect(20, 20, 5, 5, kRed);
  canvas.rect(1, 1, -3, 4, kRed);
  CHECK(ink(canvas) == 0);
  canvas.frame(1, 1, 4, 5, kBlack);
  CHECK(ink(canvas) == doctest::Approx(2 * 4 + 2 * 3));
}

TEST_CASE("a level line of whole thickness has sharp edges") {
  Canvas canvas(30, 10);
  canvas.line({5, 5}, {25, 5}, 2, kBlack);
  CHECK(same(canvas.at(15, 4), kBlack));
  CHECK(same(canvas.at(15, 5), kBlack));
  CHECK(same(canvas.at(15, 3), kWhite));
  CHECK(same(canvas.at(15, 6), kWhite));
}

TEST_CASE("a line's ink is its area in every direction") {
  for (int degree = 0; degree < 360; degree += 7) {
    Canvas canvas(100, 100);
    const double angle = degree * 3.14159265358979 / 180, thickness = 3, length = 40;
    canvas.line({50, 50}, {50 + length * std::cos(angle), 50 + length * std::sin(angle)}, thickness, kBlack);
    const double area = length * thickness + 3.14159265358979 * thickness * thickness / 4;
    CAPTURE(degree);
    CHECK(ink(canvas) == doctest::Approx(area).epsilon(0.03));
  }
}

TEST_CASE("a path is no darker where its parts meet") {
  Canvas once(40, 20), twice(40, 20);
  const Colour half{128, 128, 128};
  once.polyline({{5, 10.3}, {35, 10.3}}, 1.5, half);
  twice.polyline({{5, 10.3}, {20, 10.3}, {12, 10.3}, {35, 10.3}}, 1.5, half);
  CHECK(once.image().pixels == twice.image().pixels);
}

TEST_CASE("lines stay inside the clip and survive absurd coordinates") {
  Canvas canvas(20, 20);
  canvas.clip(5, 6, 7, 8);
  canvas.line({-1e300, -50}, {1e300, 80}, 5, kBlack);
  canvas.line({8, -INFINITY}, {8, INFINITY}, 5, kBlack);
  canvas.polyline({{8, 9}}, 3, kBlack);
  canvas.polyline({}, 3, kBlack);
  for (int y = 0; y < 20; ++y) {
    for (int x = 0; x < 20; ++x) {
      const bool inside = x >= 5 && x < 12 && y >= 6 && y < 14;
      if (!inside) CHECK(same(canvas.at(x, y), kWhite));
    }
  }
  CHECK(ink(canvas) > 10);
  canvas.clip(15, 15, 100, 100);
  canvas.clip(-5, -5, 2, 2);
  canvas.line({0, 0}, {20, 20}, 2, kBlack);
  canvas.clip_all();
}

TEST_CASE("every printable character has a shape of its own, blank excepted") {
  std::set<std::vector<bool>> seen;
  for (char c = 32; c < 127; ++c) {
    CAPTURE(c);
    CHECK(seen.insert(glyph(c)).second);
  }
  CHECK(glyph('\t') == glyph('?'));
  CHECK(glyph('\xC3') == glyph('?'));
}

TEST_CASE("letters look like letters") {
  const char* expected[7] = {"####.", "#...#", "#...#", "####.", "#.#..", "#..#.", "#...#"};
  const std::vector<bool> shape = glyph('R');
  for (size_t y = 0; y < 7; ++y) {
    for (size_t x = 0; x < 5; ++x) CHECK(shape[y * 5 + x] == (expected[y][x] == '#'));
  }
}

TEST_CASE("text takes its width, scales by whole pixels, turns by a quarter") {
  CHECK(Canvas::text_width("") == 0);
  CHECK(Canvas::text_width("a") == 5);
  CHECK(Canvas::text_width("ab", 3) == 33);
  Canvas small(12, 9), large(24, 18), turned(9, 12);
  small.text(0, 0, "Ag", kBlack);
  large.text(0, 0, "Ag", kBlack, 2);
  turned.text_upwards(0, 12, "Ag", kBlack);
  for (int y = 0; y < 9; ++y) {
    for (int x = 0; x < 12; ++x) {
      CHECK(same(small.at(x, y), large.at(2 * x, 2 * y)));
      CHECK(same(small.at(x, y), large.at(2 * x + 1, 2 * y + 1)));
      CHECK(same(small.at(x, y), turned.at(y, 11 - x)));
    }
  }
}

TEST_CASE("pictures are copied enlarged, grey as grey, and clipped") {
  Canvas canvas(9, 9);
  Image rgb(1, 2, 3);
  rgb.pixels = {1, 2, 3, 4, 5, 6};
  canvas.blit(rgb, 1, 2, 3);
  CHECK(same(canvas.at(1, 2), {1, 2, 3}));
  CHECK(same(canvas.at(3, 4), {1, 2, 3}));
  CHECK(same(canvas.at(4, 2), {4, 5, 6}));
  CHECK(same(canvas.at(0, 2), kWhite));
  CHECK(same(canvas.at(1, 5), kWhite));
  canvas.blit(Image(5, 5, 1, 77), 6, 6);
  CHECK(same(canvas.at(8, 8), {77, 77, 77}));
}
