// Convolution of quantized tensors: every kernel set, with weights as stored and packed, byte for byte against the sums
// and the epilogue of conv2d_s8_case.h.
#include "conv2d_s8_case.h"

#include <cstdio>

#include "kernels/cortexm/workspace_s8.h"

namespace mote::test {
namespace {

const char* describe(const ConvCase& c, KernelSet set, bool packed, size_t workspace) {
  static char text[240];
  std::snprintf(
      text, sizeof text,
      "%s%s, workspace %zu: %dx%dx(%d+%d)->%d kernel %dx%d stride %d pad %d %d %d %d up %d s16 %d f32 %d residual %d "
      "proof %d",
      kernel_set_name(set), packed ? " packed" : "", workspace, c.height, c.width, c.c0, c.c1, c.outputs, c.kh, c.kw,
      c.stride, c.top, c.bottom, c.left, c.right, c.upsample, c.int16, c.float_output, c.residual,
      static_cast<int>(c.proof));
  return text;
}

void check_sums(const ConvData& d, const int32_t* sums) {
  for (int input = 0; input < (d.args.channels[1] != 0 ? 2 : 1); ++input) {
    for (int o = 0; o < d.args.out_channels; ++o) {
      REQUIRE(sums[input * d.args.out_channels + o] == sum_of_weights(d, input, o, false));
    }
  }
}

// None, hardly any, odd multiples of 16 that hold some of a layer, as much as kernels ask for, more than that.
size_t any_workspace(const Conv2dS8& args, Random& random) {
  switch (random.below(5)) {
    case 0: return 0;
    case 1: return product(random.between(1, 40), 16);
    case 2: return product(2 * random.between(20, 2000) + 1, 16);
    case 3: return (conv2d_s8_dsp_useful_workspace(args, args.out_height) + 15) / 16 * 16;
    default: return size_t{1} << 20;
  }
}

// Of weights as stored: without workspace, and by the sets that use it with others too. Of packed ones: any.
int ways_of(KernelSet set, bool packed) { return !packed && (set == KernelSet::dsp || set == KernelSet::mve) ? 3 : 1; }

void check_case(const ConvCase& c, Random& random) {
  ConvData d = make_data(c, random);
  PageArray<int8_t> y;
  PageArray<float> y_f32;
  expected_outputs(d, y, y_f32);
  const auto& table = c.int16 ? conv2d_s16_kernels : conv2d_s8_kernels;
  decltype(Conv2dS8Kernel::run) before = nullptr;
  for (const KernelSet set : available_sets()) {
    const Conv2dS8Kernel& kernel = pick_kernel(table, set);
    if (kernel.run == before) continue;  // this set has no kernel of its own
    before = kernel.run;
    for (const bool packed : {false, true}) {
      PageArray<int8_t> weights, scratch;
      Conv2dS8 args = d.args;
      if (packed) {
        const size_t bytes = kernel.packed_bytes != nullptr ? kernel.packed_bytes(args) : 0;
        if (bytes == 0) continue;
        REQUIRE(bytes % 64 == 0);
        weights = PageArray<int8_t>(bytes);
        kernel.pack(args, weights.data());
        REQUIRE(weights.intact());
        args.packed = weights.data();
        check_sums(d, reinterpret_cast<const int32_t*>(weights.data()));
        scratch = PageArray<int8_t>(kernel.packed_scratch_bytes != nullptr ? kernel.packed_scratch_bytes(args) : 0);
      }
      for (int way = 0; way < ways_of(set, packed); ++way) {
        args.workspace_bytes = way == 0 && !packed ? 0 : any_workspace(args, random);
        const PageArray<int8_t> workspace(args.workspace_bytes);
        args.workspace = args.workspace_bytes != 0 ? workspace.data() : nullptr;
        d.y.erase();
        d.y_f32.erase();
        run_in_pieces(args.out_height, random,
                      [&](int begin, int end) { kernel.run(args, begin, end, packed ? scratch.data() : nullptr); });
        const bool same = args.y != nullptr ? d.y.same_bytes(y) : d.y_f32.same_bytes(y_f32);
        REQUIRE_MESSAGE(same, describe(c, set, packed, args.workspace_bytes));
        const bool intact = d.y.intact() && d.y_f32.intact() && weights.intact() && scratch.intact();
        REQUIRE_MESSAGE((intact && workspace.intact()), describe(c, set, packed, args.workspace_bytes));
      }
    }
  }
}

Proof any_proof(Random& random) { return static_cast<Proof>(random.below(3)); }

// Padding of a kernel that leaves something to compute.
void pad(ConvCase& c, Random& random) {
  const int most = (std::max(c.kh, c.kw) + 1) / 2;
  do {
    c.top = random.between(0, most);
    c.bottom = random.between(0, most);
    c.left = random.between(0, most);
    c.right = random.between(0, most);
  } while (c.height * c.upsample + c.top + c.bottom < c.kh || c.width * c.upsample + c.left + c.right < c.kw);
}

ConvCase random_case(int size, int channels, Random& random) {
  static const int kernels[] = {1, 1, 2, 3, 3, 3, 5, 7};
  ConvCase c = {};
  c.height = random.between(1, size);
  c.width = random.between(1, size);
  c.c0 = random.between(1, channels);
  c.c1 = random.below(3) == 0 ? random.between(1, channels) : 0;
  c.outputs = random.below(4) == 0 ? random.between(1, 4) : random.between(1, channels);
  if (random.below(4) == 0) c.outputs = 8 << random.below(3);  // whole vectors
  c.kh = kernels[random.below(8)];
  c.kw = random.below(4) == 0 ? kernels[random.below(8)] : c.kh;
  c.stride = random.below(3) == 0 ? random.between(2, 3) : 1;
  c.upsample = random.below(4) == 0 ? 2 : 1;
  pad(c, random);
  c.float_output = random.below(4) == 0;
  c.residual = random.coin();
  c.relu = random.below(3) == 0;
  c.weight_limit = 127;
  c.proof = any_proof(random);
  return c;
}

// A 3x3 convolution that keeps its size.
ConvCase same_size(int height, int width, int c0, int c1, int outputs, Proof proof) {
  ConvCase c = {};
  c.height = height;
  c.width = width;
  c.c0 = c0;
  c.c1 = c1;
  c.outputs = outputs;
  c.kh = c.kw = 3;
  c.stride = c.top = c.bottom = c.left = c.right = c.upsample = 1;
  c.weight_limit = 127;
  c.proof = proof;
  return c;
}

}  // namespace

TEST_CASE("quantized convolution of any shape is exact in every kernel set") {
  Random random(1);
  for (int i = 0; i < 500; ++i) check_case(random_case(9, 40, random), random);
}

TEST_CASE("quantized convolution of int16 inputs is exact in every kernel set") {
  Random random(2);
  for (int i = 0; i < 300; ++i) {
    ConvCase c = random_case(9, 20, random);
    c.c1 = 0;
    if (random.coin()) c.c0 = random.between(1, 4);
    c.int16 = true;
    check_case(c, random);
  }
}

TEST_CASE("quantized 3x3 convolution is exact whatever the proofs allow") {
  Random random(3);
  for (int i = 0; i < 250; ++i) {
    ConvCase c = same_size(random.between(1, 19), random.between(1, 19), random.between(8, 70), 0,
                           random.between(8, 50), any_proof(random));
    if (random.below(3) == 0) c.c1 = random.between(8, 70);
    if (random.below(3) == 0) c.upsample = 2;
    if (random.below(5) == 0) pad(c, random);
    c.residual = random.coin();
    c.relu = random.below(3) == 0;
    c.float_output = random.below(4) == 0;
    check_case(c, random);
  }
}

TEST_CASE("quantized convolution of signals, one row under kernels of one row, is exact") {
  Random random(7);
  for (int i = 0; i < 300; ++i) {
    ConvCase c = random_case(9, 40, random);
    c.signal = true;
    c.height = c.kh = 1;
    c.top = c.bottom = 0;
    c.width = random.between(8, 80);
    if (random.coin()) c.kw = 2 * random.between(1, 3) + 1;
    if (random.coin()) c.left = c.right = c.kw / 2;
    if (random.below(4) == 0) c.c0 = c.outputs = 16 * random.between(1, 4);  // whole vectors
    c.upsample = random.below(3) == 0 ? 2 : 1;
    c.int16 = c.c1 == 0 && random.below(5) == 0;
    check_case(c, random);
  }
}

TEST_CASE("quantized linear layers are exact") {
  Random random(4);
  for (int i = 0; i < 150; ++i) {
    ConvCase c = random_case(30, 150, random);
    c.width = c.kh = c.kw = c.stride = c.upsample = 1;
    c.top = c.bottom = c.left = c.right = c.c1 = 0;
    c.int16 = random.coin();
    if (random.coin()) c.height = 1;
    check_case(c, random);
  }
}

TEST_CASE("quantized convolution is exact at the extremes of inputs and weights") {
  Random random(5);
  for (const Values x : {Values::low, Values::high, Values::mixed}) {
    for (const Values weights : {Values::low, Values::high, Values::mixed}) {
      for (const Proof proof : {Proof::none, Proof::below_2_29, Proof::below_2_25}) {
        ConvCase c = same_size(9, 10, 48, weights == Values::mixed ? 33 : 0, 20, proof);
        c.x = x;
        c.weights = weights;
        c.float_output = random.coin();
        check_case(c, random);
        c.kh = c.kw = 1;
        c.int16 = c.c1 == 0;
        check_case(c, random);
      }
    }
  }
}

TEST_CASE("quantized convolution is exact next to the bounds that its proofs promise") {
  Random random(6);
  for (const Values weights : {Values::low, Values::high, Values::mixed}) {
    // 9 * 115 * 127 * 255 is 0.999 of 2^25, 9 * 1840 * 127 * 255 is 0.999 of 2^29; m = 1 shows the sums themselves.
    ConvCase c = same_size(9, 9, 115, 115, 17, Proof::below_2_25);
    c.x = Values::low;
    c.weights = weights;
    c.m = 1.0f;
    c.float_output = true;
    check_case(c, random);
    c.upsample = 2;
    check_case(c, random);
    c = same_size(4, 5, 1840, 0, 9, Proof::below_2_29);
    c.x = Values::high;
    c.weights = weights;
    c.m = 1.0f;
    c.float_output = true;
    check_case(c, random);
  }
}

TEST_CASE("sums of quantized convolution wrap modulo 2^32") {
  Random random(7);
  ConvCase c = same_size(2, 2, 140000, 0, 9, Proof::below_2_25);
  c.kh = c.kw = 1;
  c.top = c.bottom = c.left = c.right = 0;
  c.x = Values::low;
  c.weights = Values::high;
  c.m = 1.0f;
  c.float_output = true;
  check_case(c, random);
}

TEST_CASE("quantized convolution rounds ties to even") {
  Random random(8);
  for (int i = 0; i < 60; ++i) {
    ConvCase c = random_case(8, 24, random);
    c.weight_limit = 1;
    c.float_output = false;
    c.m = i % 2 == 0 ? 0.5f : 0.25f;
    check_case(c, random);
  }
}

}  // namespace mote::test
