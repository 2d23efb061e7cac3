// PNG: a strict reader of 8-bit grey, grey + alpha, RGB, RGB + alpha and palette pictures (palette indices of 1, 2, 4
// or 8 bits) and a writer of 8-bit grey and RGB. Refused by name: interlacing, grey of 1, 2, 4 or 16 bits and colour of
// 16 bits, animation is ignored. A palette becomes RGB, and RGB + alpha when it has a tRNS chunk; a tRNS colour key
// adds an alpha channel. Gamma and colour profiles are ignored: the bytes come as they are stored. Errors are
// Error(invalid_input): "NAME: byte 33: what is wrong".
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/io/bytes.h"
#include "weights_tool/io/image.h"

namespace mote::tool {

constexpr size_t kDefaultPixelCap = size_t{1} << 26;

// More than `max_pixels` = height x width is an error before anything is allocated.
Image decode_png(ByteView bytes, const std::string& name, size_t max_pixels = kDefaultPixelCap);
Image read_png(const std::string& path, size_t max_pixels = kDefaultPixelCap);

// 1 or 3 channels and at least one pixel, otherwise std::invalid_argument. The same picture always gives the same
// bytes.
std::vector<uint8_t> encode_png(const Image& image);
void write_png(const std::string& path, const Image& image, bool force);

}  // namespace mote::tool
