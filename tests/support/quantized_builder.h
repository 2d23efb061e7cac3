// Writes small quantized models for tests (SPEC.md, "Quantized models"): random weights and tables, scales that keep
// most codes from saturating, no planner. What they compute is in quantized_twin.h.
#pragma once
#include "tests/support/model_builder.h"

namespace mote::test {

struct QuantizedBuilder : Builder {
  bool per_step;  // activations have scales of their own in each step

  // Folded, with `steps` DDIM-like rows. Tensor 1 is x_t as int16.
  QuantizedBuilder(uint32_t height, uint32_t width, uint32_t channels, uint32_t steps, bool per_step);
  uint32_t x_t() const { return 1; }

  uint32_t slot(float scale, int32_t zero);  // one value
  uint32_t slot_of(uint8_t scheme, const std::vector<format::QuantValue>& of);
  uint32_t random_slot();      // one value, random
  uint32_t activation_slot();  // random; one for each step if per_step
  // Activations: int8 unless said otherwise; the slot is made if it is `none`.
  uint32_t codes(const Shape& shape, uint32_t slot = format::none);
  uint32_t codes_at(const Shape& shape, uint32_t offset, uint32_t slot);
  uint32_t wide(const Shape& shape, float scale);  // int16
  uint32_t floats(const Shape& shape) { return activation(shape); }
  uint32_t typed_constant(DType type, const Shape& shape, const std::vector<uint8_t>& bytes, uint32_t slot);
  uint32_t s8_weights(const Shape& shape);
  uint32_t code_table(uint32_t entries, uint32_t slot);  // rising, with bumps: a wrong index shows
  uint32_t exp_table(float step);                        // rne(255 * exp(-d * step))

  format::OperatorRecord& s8_conv(std::initializer_list<uint32_t> x, uint32_t y, uint32_t kernel_height,
                                  uint32_t kernel_width, uint32_t pad);
  format::OperatorRecord& s8_linear(uint32_t x, uint32_t y);
  // entries 0: no activation.
  format::OperatorRecord& s8_group_norm(std::initializer_list<uint32_t> x, std::initializer_list<uint32_t> y,
                                        uint32_t groups, uint32_t entries);
  format::OperatorRecord& s8_scale_shift(uint32_t x, uint32_t y, uint32_t vector, uint32_t entries);
  format::OperatorRecord& s8_activation(uint32_t x, uint32_t y);
  format::OperatorRecord& s8_attention(uint32_t x, uint32_t y, uint32_t heads, uint32_t head_dim);
  format::OperatorRecord& step_embedding(uint32_t y, bool classes, uint8_t activation);
  // A step vector of n values for each step, or each class and step.
  uint32_t step_vector(uint32_t n, bool by_class, float spread);
  // The largest proof flags that hold for the operator's weights.
  void prove(format::OperatorRecord* op) const;

 private:
  void take_scratch(format::OperatorRecord* op, uint32_t bytes);
  void give_table(format::OperatorRecord* op, uint32_t entries);
};

// Every operator of quantized models in every way it can be used. 7 x 6 x 2, 3 classes, 3 steps.
QuantizedBuilder every_quantized_operator(bool per_step);
// quantize, one convolution: 4 x 4 x 1, no classes, 3 steps.
QuantizedBuilder smallest_quantized();
// A small network without classes, of odd sizes that depend on the seed.
QuantizedBuilder random_quantized(uint32_t seed);

}  // namespace mote::test
