// An RGB picture to draw figures on: filled and outlined rectangles, anti-aliased lines, text in a 5x7 bitmap font,
// pictures. Coordinates are pixels from the top left; everything is clipped to the canvas.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "weights_tool/io/image.h"

namespace mote::tool {

struct Colour {
  uint8_t red = 0, green = 0, blue = 0;
};
constexpr Colour kWhite{255, 255, 255}, kBlack{0, 0, 0};

struct Point {
  double x = 0, y = 0;
};

constexpr int kGlyphWidth = 5, kGlyphHeight = 7;
constexpr int kGlyphDescent = 2;  // rows below the baseline that g, p, q, y and commas reach into
constexpr int kGlyphAdvance = 6;  // width and one column of space

class Canvas {
 public:
  Canvas(int width, int height, Colour background = kWhite);

  int width() const { return static_cast<int>(image_.width); }
  int height() const { return static_cast<int>(image_.height); }
  const Image& image() const { return image_; }

  void fill(Colour colour);
  void rect(int x, int y, int width, int height, Colour colour);   // filled
  void frame(int x, int y, int width, int height, Colour colour);  // its outline, one pixel wide, inside
  // Anti-aliased, `thickness` pixels wide, round ends. Pixel (0, 0) covers [0, 1) x [0, 1).
  void line(Point from, Point to, double thickness, Colour colour);
  // A path drawn as one shape: joints are not darker than the rest.
  void polyline(const std::vector<Point>& points, double thickness, Colour colour);
  // (x, y) is the top left of the first glyph. Bytes outside of 32..126 are drawn as '?'.
  void text(int x, int y, std::string_view text, Colour colour, int scale = 1);
  // Turned by 90 degrees to be read from below; (x, y) is the bottom left of the turned text, which goes up from there.
  void text_upwards(int x, int y, std::string_view text, Colour colour, int scale = 1);
  static int text_width(std::string_view text, int scale = 1);
  // A picture of 1 or 3 channels, each pixel `scale` x `scale`.
  void blit(const Image& tile, int x, int y, int scale = 1);
  void blit(const uint8_t* pixels, size_t height, size_t width, size_t channels, int x, int y, int scale = 1);

  Colour at(int x, int y) const;

  // Restricts polyline() and line() to a rectangle; clip_all() lifts it.
  void clip(int x, int y, int width, int height);
  void clip_all();

 private:
  void blend(int x, int y, Colour colour, double coverage);
  void set(int x, int y, Colour colour);

  Image image_;
  int clip_left_ = 0, clip_top_ = 0, clip_right_ = 0, clip_bottom_ = 0;
};

}  // namespace mote::tool
