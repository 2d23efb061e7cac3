// The bytes of a model file, format 1: the structs that lie in it and their limits. Normative text: SPEC.md beside this.
// Little-endian; on such machines the structs are read where they lie. Nothing here may be used before verify.h
// has passed over the file.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/tensor.h"

namespace mote::format {

using mote::DType;

constexpr uint32_t magic = 0x45544F4Du;  // "MOTE"
constexpr uint16_t version = 1;
constexpr uint32_t none = 0xFFFFFFFFu;  // "no index" in every index field

// Limits a reader may rely on. Larger values are refused with MOTE_E_LIMIT.
constexpr uint32_t max_file_bytes = 0x7FFFFFF0u;
constexpr uint32_t max_sections = 32;
constexpr uint32_t max_tensors = 8192;
constexpr uint32_t max_operators = 4096;
constexpr uint32_t max_dim = 1u << 20;       // any dimension of a tensor
constexpr uint32_t max_elements = 1u << 28;  // of one tensor
constexpr uint32_t max_picture = 1u << 26;   // elements of x_t
constexpr uint32_t max_spatial = 4096;       // height or width of an activation
constexpr uint32_t max_channels = 16384;
constexpr uint32_t max_kernel = 7;  // height or width of a convolution kernel
constexpr uint32_t max_stride = 4;
constexpr uint32_t max_train_steps = 16384;
constexpr uint32_t max_classes = 65536;
constexpr uint32_t max_history = 3;
constexpr uint32_t max_factor = 8;  // of an upsampling, window of a pooling
constexpr uint32_t max_arena_bytes = 0x7FFFFFF0u;
constexpr uint64_t max_macs = uint64_t{1} << 48;  // of one pass through the network
// Of quantized models, so that integer sums fit.
constexpr uint32_t max_norm_pixels = 1u << 18;              // of a group normalisation
constexpr uint32_t max_norm_elements = 1u << 23;            // of one of its groups
constexpr uint32_t max_s8_head_dim = 8192;                  // of attention
constexpr uint32_t max_s8_tokens = 33025;                   // times 255 * 255: below 2^31
constexpr float min_scale = 0x1p-40f, max_scale = 0x1p20f;  // quantisation scales, epsilon, attention scale
constexpr uint32_t alignment = 16;                          // of sections, constants and arena offsets

struct Header {  // at 0
  uint32_t magic;
  uint16_t version;
  uint16_t header_bytes;  // 32
  uint32_t file_bytes;
  uint32_t crc32;          // IEEE CRC-32 of bytes [16, file_bytes)
  uint32_t section_count;  // the table follows the header
  uint32_t reserved[3];    // 0
};
static_assert(sizeof(Header) == 32);

constexpr uint32_t fourcc(char a, char b, char c, char d) {
  return static_cast<uint32_t>(static_cast<uint8_t>(a)) | static_cast<uint32_t>(static_cast<uint8_t>(b)) << 8 |
         static_cast<uint32_t>(static_cast<uint8_t>(c)) << 16 | static_cast<uint32_t>(static_cast<uint8_t>(d)) << 24;
}

constexpr uint16_t section_critical = 1;  // a reader that does not know the section must refuse the file

struct Section {
  uint32_t id;
  uint16_t version;
  uint16_t flags;
  uint32_t offset;  // from the start of the file, a multiple of 16
  uint32_t length;
};
static_assert(sizeof(Section) == 16);

constexpr uint32_t section_model = fourcc('M', 'O', 'D', 'L');    // one ModelRecord; critical, required
constexpr uint32_t section_tensors = fourcc('T', 'E', 'N', 'S');  // TensorRecord[]; critical, required
constexpr uint32_t section_operators =
    fourcc('O', 'P', 'E', 'R');                                // OperatorRecord[], in running order; critical, required
constexpr uint32_t section_data = fourcc('D', 'A', 'T', 'A');  // bytes of the constant tensors; critical, required
constexpr uint32_t section_quant = fourcc('Q', 'U', 'A', 'N');     // QuantHeader, QuantSlot[], QuantValue[]; critical
constexpr uint32_t section_schedule = fourcc('S', 'C', 'H', 'D');  // float alpha_bar[train_steps]; critical
constexpr uint32_t section_rows = fourcc('R', 'O', 'W', 'S');      // RowRecord[default_steps]; critical
constexpr uint32_t section_names = fourcc('N', 'A', 'M', 'E');     // strings ended by 0; optional
constexpr uint32_t section_meta = fourcc('M', 'E', 'T', 'A');      // JSON text: where the model comes from; optional
constexpr uint32_t section_packed = fourcc('P', 'A', 'C', 'K');    // rearranged weights for named kernel sets; optional

enum class Prediction : uint32_t { epsilon = 0, x0 = 1, v = 2 };

constexpr uint32_t model_folded = 1;  // runs exactly the stored rows
constexpr uint32_t model_clip = 2;    // the predicted x0 is clipped to [-clip, clip]
constexpr uint32_t model_rederive_epsilon =
    4;  // DDIM takes epsilon from the clipped x0 instead of the network's output

struct ModelRecord {
  uint32_t height, width, channels;  // of x_t
  uint32_t out_channels;             // of the network's output: channels, or 2 * channels with a learned variance
  uint32_t num_classes;              // 0: not class-conditional; the embedding then has num_classes + 1 rows otherwise
  uint32_t train_steps;              // T
  uint32_t prediction;               // Prediction
  uint32_t default_steps;
  uint32_t flags;
  float clip;
  uint32_t input_tensor, output_tensor;
  uint32_t arena_bytes;           // one worker, nothing packed
  uint32_t worker_scratch_bytes;  // for each worker beyond the first: the largest worker_scratch_bytes of an operator
  uint32_t history;               // how many earlier predictions of x0 the rows use, <= max_history
  uint32_t reserved;              // 0
};
static_assert(sizeof(ModelRecord) == 64);

enum class Storage : uint8_t {
  arena = 1,     // an activation: offset into the arena
  constant = 2,  // offset into section_data
  input = 3,     // x_t: memory of the sampler, offset 0
};

struct TensorRecord {
  uint8_t dtype, storage, rank, reserved;  // rank 1..4
  uint32_t dims[4];  // activations [height, width, channels] or [features]; conv weights [O, KH, KW, I]; unused: 1
  uint32_t offset;   // a multiple of 16
  uint32_t bytes;    // product of dims times the size of dtype
  uint32_t quant;    // QuantSlot index or none
};
static_assert(sizeof(TensorRecord) == 32);

enum class OpKind : uint16_t {
  conv2d = 1,
  linear = 2,
  group_norm = 3,
  activation = 4,
  attention = 5,
  add = 6,
  upsample = 7,
  average_pool = 8,
  timestep_embedding = 9,
  class_embedding = 10,
  scale_shift = 11,
  quantize = 12,        // quantized models: x_t as int16
  step_embedding = 13,  // quantized models: the time (and class) embedding of a step as int16
};

constexpr uint8_t op_flip_sin_cos = 1;  // timestep_embedding: cosines first
constexpr uint8_t op_fourier_time = 8;  // timestep_embedding: angles 2 pi (f log t) instead of f t
// conv2d and linear with int8 weights: proofs about their sums, see SPEC.md, "Proofs".
constexpr uint8_t op_sums_below_2_25 = 2;
constexpr uint8_t op_sums_below_2_29 = 4;

// One operator. Index fields name tensors. What each kind reads, and the shapes it demands, is in SPEC.md, "Operators".
struct OperatorRecord {
  uint16_t kind;      // OpKind
  uint16_t version;   // 1
  uint32_t bytes;     // sizeof(OperatorRecord)
  uint32_t x[2];      // inputs
  uint32_t residual;  // added before the activation; quantized group_norm, scale_shift: the activation's table
  uint32_t vector;    // conv2d: shift [O]; group_norm: scale and shift [2C]; scale_shift: [2C] or [C]
  // conv2d [O,KH,KW,I]; linear [O,I]; group_norm gamma; class and step embedding: table of classes; timestep embedding:
  // frequencies; quantized activation, attention: table [256]
  uint32_t weights;
  uint32_t bias;                                         // conv2d, linear [O]; group_norm beta
  uint32_t y[2];                                         // outputs
  uint32_t scratch_offset, scratch_bytes;                // shared by the workers, in the arena
  uint32_t worker_scratch_offset, worker_scratch_bytes;  // the first worker's, in the arena
  uint8_t kernel_height, kernel_width, stride, upsample;
  uint8_t pad_top, pad_left, pad_bottom, pad_right;
  uint8_t activation, flags, dilation, reserved0;  // dilation: 1
  uint32_t p0, p1;  // group_norm: groups; attention: heads, head_dim; upsample: factor; average_pool: window
  float f0, f1;     // group_norm: epsilon; attention: scale, step of its table
  uint32_t quant;   // QuantSlot index or none: of the index into the table of a quantized group_norm or scale_shift
  uint32_t packed;  // index into section_packed or none
  uint32_t name;    // offset into section_names or none
};
static_assert(sizeof(OperatorRecord) == 96);

constexpr float max_row_level = 1024.0f;  // of signal and noise of a row

constexpr uint8_t quant_shared = 1;    // the same values in all steps
constexpr uint8_t quant_per_step = 2;  // one value for each step

struct QuantHeader {
  uint32_t slot_count, value_count;
};
struct QuantSlot {
  uint8_t scheme;  // quant_shared: one value, or one for each output channel; quant_per_step
  uint8_t reserved[3];
  uint32_t first, count;  // into the values
};
struct QuantValue {
  float scale;
  int32_t zero_point;
};  // 2^-40 <= scale <= 2^20; -128 <= zero_point <= 127
static_assert(sizeof(QuantHeader) == 8 && sizeof(QuantSlot) == 12 && sizeof(QuantValue) == 8);

// One step of the sampler (src/diffusion/rows.h explains the arithmetic).
struct RowRecord {
  int32_t timestep;
  float a, b;        // m' = a * x + b * m
  float A, B, C, D;  // x' = A * clip(m') + B * x + C * m + sum_k H[k] * history_k + D * z
  float H[max_history];
  float clip_lo, clip_hi;
  float fraction;       // [0, 1): the network is told timestep + fraction
  float signal, noise;  // x before this row is signal * x0 + noise * epsilon, and p is x0; 0, 0: not stated
  uint32_t reserved;    // 0
};
static_assert(sizeof(RowRecord) == 64);

}  // namespace mote::format
