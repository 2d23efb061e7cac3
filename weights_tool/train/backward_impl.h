// All backward kernels of a vector trait (kernels/simd/vec_*.h) as a table: what the files of the sets export. The
// elementwise and resampling ones are here.
#pragma once
#include "weights_tool/train/backward_attention.h"
#include "weights_tool/train/backward_norm.h"

namespace mote::tool {
namespace {

// ---- sums and elementwise -------------------------------------------------------------------------------------------

template <class V>
void column_sums(const float* x, int rows, int cols, float* sums, bool add_to) {
  for_vectors<V>(cols, [&](ptrdiff_t c, int lanes) {
    V even = add_to ? load_some<V>(sums + c, lanes) : V::zero(), odd = V::zero();
    int row = 0;
    for (; row + 1 < rows; row += 2) {
      even = add(even, load_some<V>(x + static_cast<ptrdiff_t>(row) * cols + c, lanes));
      odd = add(odd, load_some<V>(x + static_cast<ptrdiff_t>(row + 1) * cols + c, lanes));
    }
    if (row < rows) even = add(even, load_some<V>(x + static_cast<ptrdiff_t>(row) * cols + c, lanes));
    store_some(add(even, odd), sums + c, lanes);
  });
}

template <class V>
void add_to(const float* from, float* to, size_t n) {
  for_vectors<V>(static_cast<ptrdiff_t>(n), [&](ptrdiff_t i, int lanes) {
    store_some(add(load_some<V>(to + i, lanes), load_some<V>(from + i, lanes)), to + i, lanes);
  });
}

template <class V>
void activation_grad(const float* x, const float* dy, float* dx, size_t n, Activation activation, bool add_to_dx) {
  with_activation(activation, [&](auto tag) {
    for_vectors<V>(static_cast<ptrdiff_t>(n), [&](ptrdiff_t i, int lanes) {
      V d = mul(load_some<V>(dy + i, lanes), slope<decltype(tag)::value>(load_some<V>(x + i, lanes)));
      if (add_to_dx) d = add(d, load_some<V>(dx + i, lanes));
      store_some(d, dx + i, lanes);
    });
  });
}

inline void mask(const float* x, const uint8_t* random, int threshold, float scale, float* y, size_t n, bool add_to_y) {
  if (add_to_y) {
    for (size_t i = 0; i < n; ++i) y[i] += random[i] < threshold ? 0.0f : x[i] * scale;
  } else {
    for (size_t i = 0; i < n; ++i) y[i] = random[i] < threshold ? 0.0f : x[i] * scale;
  }
}

// ---- resampling -----------------------------------------------------------------------------------------------------

template <class V>
void sum_windows(const float* dy, int height, int width, int channels, int rows, int factor, float* dx,
                 bool add_to_dx) {
  const ptrdiff_t row = static_cast<ptrdiff_t>(width) * factor * channels;
  for (int h = 0; h < height; ++h) {
    for (int w = 0; w < width; ++w, dx += channels) {
      const float* window = dy + h * rows * row + static_cast<ptrdiff_t>(w) * factor * channels;
      for_vectors<V>(channels, [&](ptrdiff_t c, int lanes) {
        V sum = add_to_dx ? load_some<V>(dx + c, lanes) : V::zero();
        for (int i = 0; i < rows; ++i) {
          for (int j = 0; j < factor; ++j) sum = add(sum, load_some<V>(window + i * row + j * channels + c, lanes));
        }
        store_some(sum, dx + c, lanes);
      });
    }
  }
}

template <class V>
void spread_windows(const float* dy, int height, int width, int channels, int window_rows, int factor, float scale,
                    float* dx, bool add_to_dx) {
  const int rows = height / window_rows, cols = width / factor;
  for (int h = 0; h < height; ++h) {
    for (int w = 0; w < width; ++w, dx += channels) {
      const bool inside = h / window_rows < rows && w / factor < cols;
      const float* from = dy + (static_cast<ptrdiff_t>(h / window_rows) * cols + w / factor) * channels;
      for_vectors<V>(channels, [&](ptrdiff_t c, int lanes) {
        V d = inside ? mul(load_some<V>(from + c, lanes), V::set1(scale)) : V::zero();
        if (add_to_dx) d = add(d, load_some<V>(dx + c, lanes));
        store_some(d, dx + c, lanes);
      });
    }
  }
}

// ---- the table ------------------------------------------------------------------------------------------------------

template <class V>
constexpr BackwardKernels backward_table() {
  return {correlate<V>, column_sums<V>, group_norm_grad<V>, attention_grad<V>, scale_shift_grad<V>, activation_grad<V>,
          add_to<V>,    mask,           sum_windows<V>,     spread_windows<V>};
}

}  // namespace
}  // namespace mote::tool
