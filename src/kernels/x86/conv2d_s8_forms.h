// Chooses, by shape and proofs alone, between the forms of Winograd filtering, packed weights and weights as stored.
#pragma once
#include "kernels/x86/conv2d_s8_direct.h"
#include "kernels/x86/conv2d_s8_plain.h"
#include "kernels/x86/conv2d_s8_winograd.h"

namespace mote {
namespace {

enum class Form { direct, wino2, wino4, wino2_halved, wino4_halved };

// What a form takes, in the time of a multiplication, from measurements on a Zen 5: about 28 in a cycle in AVX2 and 56
// in AVX-512, where all else is not much faster and so counts twice.
constexpr int all_else = wide ? 2 : 1;
// Transforms: of a tile, for 16 input channels and for 8 output channels.
struct FormCost {
  int tile, points, input, output;
};
template <class Form>
constexpr FormCost form_cost(int input, int output) {
  return {Form::tile, Form::points * Form::points, input, output};
}

// Fetching so many packed weights of 2 bytes: beyond a cache of the size below they come from memory, 32 bytes in the
// time of 90 multiplications (AVX2).
int64_t fetch_cost(int64_t weights) {
  constexpr int64_t cached_bytes = 1 << 20;
  return weights * 2 > cached_bytes ? all_else * weights * 2 * 90 / 32 : 0;
}
int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

int64_t wino_cost(const Conv2dS8& args, const FormCost& form) {
  const int64_t tiles =
      static_cast<int64_t>(ceil_div(args.out_height, form.tile)) * ceil_div(args.out_width, form.tile);
  const int64_t inputs = args.channels[0] + args.channels[1], vectors = ceil_div(args.out_channels, lanes32);
  const int64_t weights = form.points * inputs * vectors * lanes32;
  // A single tile does not use the multipliers to the full.
  const int64_t products = tiles == 1 ? weights * 3 / 2 : weights * tiles;
  const int64_t outputs = vectors * form.output * (args.channels[1] != 0 ? 2 : 1);
  return larger(products, fetch_cost(weights)) + all_else * tiles * ((inputs + 15) / 16 * form.input + outputs);
}
int64_t direct_cost(const Conv2dS8& args) {
  const int64_t vectors = ceil_div(args.out_channels, lanes32);
  const int64_t pixels = static_cast<int64_t>(args.out_height) * args.out_width;
  const int64_t weights = 9 * vectors * lanes32 * (args.channels[0] + args.channels[1]);
  const int64_t products = pixels * weights, outputs = pixels * vectors * (args.channels[1] != 0 ? 260 : 130);
  // Weights are not asked for ahead of their use, which shows when the products are fast.
  const int64_t fetch = fetch_cost(weights), both = wide ? products + fetch : larger(products, fetch);
  return both + all_else * outputs;
}

// Where two forms are about as fast, the one with the smaller packed weights.
Form choose_form(const Conv2dS8& args) {
  if (args.kernel_height != 3 || args.kernel_width != 3 || args.stride != 1) return Form::direct;
  if (args.out_channels <= few_outputs_most || !(args.below_2_25 || args.below_2_29)) return Form::direct;
  const bool halved = args.upsample == 2 && args.pad_top % 2 == 1 && args.pad_left % 2 == 1;
  const int64_t direct = direct_cost(args);
  const int64_t two =
      wino_cost(args, halved ? form_cost<WinoForm<2, true>>(500, 1000) : form_cost<WinoForm<2, false>>(700, 1100));
  const int64_t four =
      wino_cost(args, halved ? form_cost<WinoForm<4, true>>(1200, 2800) : form_cost<WinoForm<4, false>>(2200, 3600));
  if (args.below_2_25 && four * 21 < two * 20 && four * 20 < direct * 19) {
    return halved ? Form::wino4_halved : Form::wino4;
  }
  if (two * 20 < direct * 19) return halved ? Form::wino2_halved : Form::wino2;
  return Form::direct;
}

// What `call` returns for the type of the form that is chosen.
template <class Direct, class Winograd>
MOTE_INLINE auto with_form(const Conv2dS8& args, const Direct& direct, const Winograd& winograd) {
  switch (choose_form(args)) {
    case Form::wino2: return winograd(WinoForm<2, false>());
    case Form::wino4: return winograd(WinoForm<4, false>());
    case Form::wino2_halved: return winograd(WinoForm<2, true>());
    case Form::wino4_halved: return winograd(WinoForm<4, true>());
    default: return direct();
  }
}

MOTE_INLINE void conv_s8(const Conv2dS8& args, int row_begin, int row_end, void* scratch) {
  if (args.packed == nullptr) return conv_plain(args, args.x[0], row_begin, row_end);
  with_form(
      args, [&] { conv_direct(args, args.x[0], row_begin, row_end, scratch); },
      [&](auto form) { conv_winograd<decltype(form)>(args, row_begin, row_end, scratch); });
}
MOTE_INLINE size_t conv_s8_packed_bytes(const Conv2dS8& args) {
  return with_form(
      args, [&] { return direct_packed_bytes(args); },
      [&](auto form) { return wino_packed_bytes<decltype(form)>(args); });
}
MOTE_INLINE void conv_s8_pack(const Conv2dS8& args, void* packed) {
  with_form(
      args, [&] { direct_pack(args, packed); }, [&](auto form) { wino_pack<decltype(form)>(args, packed); });
}
MOTE_INLINE size_t conv_s8_packed_scratch_bytes(const Conv2dS8& args) {
  return with_form(
      args, [&] { return direct_scratch_bytes(args); },
      [&](auto form) { return wino_scratch_bytes<decltype(form)>(args); });
}

}  // namespace
}  // namespace mote
