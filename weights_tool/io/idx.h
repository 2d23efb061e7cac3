// IDX files of unsigned bytes, the format of MNIST and Fashion-MNIST: 00 00 08 RANK, RANK big-endian 32-bit sizes, then
// the bytes. Pictures: rank 3 (N, H, W) grey or rank 4 (N, H, W, C). Labels: rank 1. Plain or gzipped, told apart by
// the first bytes. Strict: the file is exactly as long as its header says. Errors are Error(invalid_input) with path
// and byte offset.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/io/bytes.h"
#include "weights_tool/io/image.h"

namespace mote::tool {

struct IdxArray {
  std::vector<uint32_t> shape;  // 1, 3 or 4 sizes
  std::vector<uint8_t> values;
};

// The plain format, no gzip. Ranks other than 1, 3, 4 and sizes whose product overflows are refused; any size may be 0.
IdxArray parse_idx(ByteView bytes, const std::string& name);
// shape and values must agree and the rank be 1, 3 or 4, otherwise std::invalid_argument.
std::vector<uint8_t> encode_idx(const IdxArray& array);

// At least one picture of at least one pixel with 1, 3 or 4 channels; anything else is an error.
ImageSet read_idx_images(const std::string& path);
// One label for each picture, each below `classes` (at most 256), otherwise an error that names the first record at
// fault.
std::vector<uint8_t> read_idx_labels(const std::string& path, size_t expected_count, unsigned classes = 256);

// Rank 3 for one channel, else rank 4. Gzipped when the path ends in ".gz".
void write_idx_images(const std::string& path, const ImageSet& images, bool force);
void write_idx_labels(const std::string& path, const std::vector<uint8_t>& labels, bool force);

}  // namespace mote::tool
