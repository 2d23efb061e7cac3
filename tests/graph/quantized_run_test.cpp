// Quantized models: the same bytes as the twin, in every kernel set, packed or not, on any number of threads and however
// the work is cut.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "diffusion/noise.h"
#include "tests/support/network.h"
#include "tests/support/quantized_builder.h"
#include "tests/support/quantized_twin.h"
#include "tests/support/sampler_fixture.h"

namespace mote::test {
namespace {

// Tensors that nothing writes over after them, by where they lie.
std::vector<uint32_t> lasting_tensors(const Builder& b) {
  std::vector<uint32_t> lasting;
  for (size_t i = 0; i < b.operators.size(); ++i) {
    for (uint32_t y : b.operators[i].y) {
      if (y == format::none) continue;
      const auto hits = [&](uint32_t offset, uint32_t bytes) {
        return offset < b.tensors[y].offset + b.tensors[y].bytes && b.tensors[y].offset < offset + bytes;
      };
      bool whole = true;
      for (size_t k = i + 1; k < b.operators.size(); ++k) {
        const format::OperatorRecord& op = b.operators[k];
        for (uint32_t other : op.y) {
          if (other != format::none && hits(b.tensors[other].offset, b.tensors[other].bytes)) whole = false;
        }
        if (hits(op.scratch_offset, op.scratch_bytes)) whole = false;
        if (hits(op.worker_scratch_offset, op.worker_scratch_bytes)) whole = false;
      }
      if (whole) lasting.push_back(y);
    }
  }
  return lasting;
}

// The bytes of a tensor as the twin has them.
std::vector<uint8_t> expected_bytes(const Builder& b, const QuantizedTensors& twin, uint32_t tensor) {
  std::vector<uint8_t> bytes(b.tensors[tensor].bytes);
  const DType type = static_cast<DType>(b.tensors[tensor].dtype);
  if (type == DType::f32) {
    memcpy(bytes.data(), twin.floats.at(tensor).data(), bytes.size());
    return bytes;
  }
  size_t at = 0;
  for (int32_t code : twin.codes.at(tensor)) {
    for (uint32_t k = 0; k < dtype_bytes(type); ++k) bytes[at++] = static_cast<uint8_t>(code >> 8 * k);
  }
  return bytes;
}

bool equals_twin(const Network& network, const Builder& b, const QuantizedTensors& twin) {
  bool equal = true;
  for (uint32_t tensor : lasting_tensors(b)) {
    const std::vector<uint8_t> expected = expected_bytes(b, twin, tensor);
    const bool same = memcmp(network.arena.data() + b.tensors[tensor].offset, expected.data(), expected.size()) == 0;
    INFO("tensor ", tensor);
    CHECK(same);
    equal = equal && same;
  }
  return equal;
}

// One operator after the other, each phase cut into bands of random sizes that threads take in random order.
void run_in_random_bands(Network* network, uint32_t step, uint32_t class_row, uint32_t threads, uint64_t seed,
                         const uint8_t* packed) {
  Builder random(1, 1, 1, 1, 1);
  random.random_state = seed;
  const auto below = [&](size_t n) { return static_cast<size_t>(random.uniform(0, static_cast<float>(n))) % n; };
  RunContext context = network->context;
  context.step = step;
  context.class_index = class_row;
  memset(network->arena.data(), 0xFF, network->arena.size());
  for (const format::OperatorRecord& op : network->model.view.operators) {
    const mote_operator& implementation = *find_operator(network->model.operators, network->model.view, op);
    const void* weights = nullptr;
    if (packed != nullptr && implementation.packed_bytes != nullptr) {
      const size_t bytes = implementation.packed_bytes(context, op);
      weights = bytes == 0 ? nullptr : packed;
      packed += (bytes + packed_alignment - 1) / packed_alignment * packed_alignment;
    }
    Phase phases[max_phases];
    const uint32_t count = implementation.phases(network->model.view, op, phases);
    for (uint32_t p = 0; p < count; ++p) {
      std::vector<Band> bands;
      for (uint32_t row = 0; row < phases[p].rows;) {
        const uint32_t quanta = 1 + static_cast<uint32_t>(below(3));
        const uint32_t end = std::min(phases[p].rows, row + quanta * phases[p].quantum);
        bands.push_back({p, row, end, 0, weights});
        row = end;
      }
      for (size_t i = bands.size(); i > 1; --i) std::swap(bands[i - 1], bands[below(i)]);
      std::atomic<size_t> next{0};
      const auto work = [&](uint32_t worker) {
        for (size_t i = next++; i < bands.size(); i = next++) {
          Band band = bands[i];
          band.worker = worker;
          implementation.run(context, op, band);
        }
      };
      std::vector<std::thread> team;
      for (uint32_t w = 1; w < threads; ++w) team.emplace_back(work, w);
      work(0);
      for (std::thread& thread : team) thread.join();
    }
  }
}

std::vector<uint8_t> bytes_of(const std::vector<float>& values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(float));
  if (!values.empty()) memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// The sampler's step in the order of SPEC.md, "Steps", on the twin's output.
std::vector<float> twin_sample(const Builder& b, uint64_t seed, uint32_t sample, uint32_t class_row) {
  const uint32_t count = b.model.height * b.model.width * b.model.channels;
  std::vector<float> x(count), z(count);
  fill_gaussian(x.data(), 0, count, seed, 0, sample, 0);
  for (uint32_t i = 0; i < b.model.default_steps; ++i) {
    const std::vector<float> m = quantized_twin(b, x, i, class_row).floats.at(b.model.output_tensor);
    fill_gaussian(z.data(), 0, count, seed, i, sample, 1);
    const format::RowRecord& row = b.rows[i];
    for (uint32_t e = 0; e < count; ++e) {
      const float ax = row.a * x[e], bm = row.b * m[e];
      const float p = std::min(std::max(ax + bm, row.clip_lo), row.clip_hi);
      const float Ap = row.A * p, Bx = row.B * x[e], Cm = row.C * m[e], Dz = row.D * z[e];
      float next = Ap + Bx;
      next = next + Cm;
      x[e] = next + Dz;
    }
  }
  return x;
}

}  // namespace

TEST_CASE("every quantized operator writes the twin's bytes, in every kernel set, packed or not") {
  for (bool per_step : {false, true}) {
    const QuantizedBuilder builder = every_quantized_operator(per_step);
    Network network(builder);
    for (uint32_t step = 0; step < builder.model.default_steps; ++step) {
      const uint32_t class_row = step == 0 ? 3 : step;
      const QuantizedTensors twin = quantized_twin(builder, network.input, step, class_row);
      for (KernelSet set : available_sets()) {
        for (bool pack : {false, true}) {
          CAPTURE(kernel_set_name(set));
          CAPTURE(pack);
          CAPTURE(per_step);
          CAPTURE(step);
          network.use(set, 1, pack);
          network.run(0, class_row, UINT64_MAX, step);
          CHECK(equals_twin(network, builder, twin));
        }
      }
    }
  }
}

TEST_CASE("the networks of these tests use their codes: few saturate, and few are alike") {
  const QuantizedBuilder b = every_quantized_operator(true);
  std::vector<float> x(84);
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i)) * 2;
  const QuantizedTensors twin = quantized_twin(b, x, 1, 2);
  for (const auto& entry : twin.codes) {
    const uint32_t tensor = entry.first;
    const std::vector<int32_t>& codes = entry.second;
    if (b.tensors[tensor].dtype != static_cast<uint8_t>(DType::i8)) continue;
    const auto [low, high] = std::minmax_element(codes.begin(), codes.end());
    const auto saturated = std::count_if(codes.begin(), codes.end(), [](int32_t c) { return c == -128 || c == 127; });
    CAPTURE(tensor);
    CHECK(*high - *low > 25);
    CHECK(saturated * 3 < static_cast<ptrdiff_t>(codes.size()));
  }
}

TEST_CASE("random quantized networks of odd sizes write the twin's bytes") {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    const QuantizedBuilder builder = random_quantized(seed);
    Network network(builder);
    const uint32_t step = seed % builder.model.default_steps;
    const QuantizedTensors twin = quantized_twin(builder, network.input, step, 0);
    for (KernelSet set : available_sets()) {
      for (bool pack : {false, true}) {
        CAPTURE(seed);
        CAPTURE(kernel_set_name(set));
        CAPTURE(pack);
        network.use(set, 1, pack);
        network.run(0, 0, UINT64_MAX, step);
        CHECK(equals_twin(network, builder, twin));
      }
    }
  }
}

TEST_CASE("quantized operators write the same bytes on 1 to 4 threads, however their rows are cut") {
  const QuantizedBuilder builder = every_quantized_operator(true);
  Network network(builder);
  const QuantizedTensors twin = quantized_twin(builder, network.input, 2, 1);
  for (KernelSet set : available_sets()) {
    for (uint32_t threads = 1; threads <= 4; ++threads) {
      for (uint64_t seed = 0; seed < 6; ++seed) {
        CAPTURE(kernel_set_name(set));
        CAPTURE(threads);
        network.use(set, threads, seed % 2 != 0);
        const bool packed =
            seed % 2 != 0 && network.packed.size() != 0 && measure_packed(network.model, set).weights != 0;
        run_in_random_bands(&network, 2, 1, threads, seed * 4 + threads,
                            packed ? Network::align(&network.packed) : nullptr);
        CHECK(equals_twin(network, builder, twin));
      }
    }
  }
}

TEST_CASE("packed weights begin with the sums that the constants of a convolution need") {
  const QuantizedBuilder builder = every_quantized_operator(true);
  Network network(builder);
  for (KernelSet set : available_sets()) {
    network.use(set, 1, true);
    const format::View& view = network.model.view;
    for (const format::OperatorRecord& op : view.operators) {
      const mote_operator& implementation = *find_operator(mote_all_operators, view, op);
      if (implementation.packed_bytes == nullptr) continue;
      const size_t bytes = implementation.packed_bytes(network.context, op);
      if (bytes == 0) continue;
      AlignedBytes packed(bytes + packed_alignment);
      implementation.pack(network.context, op, Network::align(&packed));
      Phase phases[max_phases];
      implementation.phases(view, op, phases);
      const uint8_t* scratch = network.arena.data() + op.scratch_offset;
      memset(network.arena.data(), 0, network.arena.size());
      implementation.run(network.context, op, {0, 0, phases[0].rows, 0, nullptr});
      const std::vector<uint8_t> expected(scratch, scratch + op.scratch_bytes);
      memset(network.arena.data(), 0, network.arena.size());
      implementation.run(network.context, op, {0, 0, phases[0].rows, 0, Network::align(&packed)});
      CHECK(std::equal(expected.begin(), expected.end(), scratch));
    }
  }
}

TEST_CASE("a bounded run of a quantized model gives the same bytes for any amount of work, and counts all of it") {
  const QuantizedBuilder builder = every_quantized_operator(false);
  Network network(builder);
  const QuantizedTensors twin = quantized_twin(builder, network.input, 1, 0);
  for (KernelSet set : available_sets()) {
    network.use(set, 1, true);
    const Work work = measure_work(network.model);
    for (uint64_t piece : {uint64_t{1}, uint64_t{500}, work.total - 1, work.total}) {
      network.run(0, 0, piece, 1);
      CHECK(equals_twin(network, builder, twin));
      CHECK(network.runner.work_done() == work.total);
    }
  }
}

TEST_CASE("through the C API a quantized model draws the twin's picture, whatever runs it") {
  for (bool per_step : {false, true}) {
    const QuantizedBuilder builder = every_quantized_operator(per_step);
    const OpenModel model(builder);
    REQUIRE(mote_check(model) == MOTE_OK);
    const std::vector<uint8_t> expected = bytes_of(twin_sample(builder, 7, 4, 2));
    for (KernelSet set : available_sets()) {
      for (uint32_t workers = 1; workers <= 4; ++workers) {
        mote_config config = config_of(kernel_set_name(set));
        config.class_label = 2;
        config.sample_index = 4;
        config.workers = workers;
        config.parallel_for = workers > 1 ? parallel_for_threads : nullptr;
        config.parallel_context = &workers;
        size_t packed_bytes = 0;
        REQUIRE(mote_packed_size(model, &config, &packed_bytes) == MOTE_OK);
        AlignedBytes packed(packed_bytes);
        if (workers % 2 == 0 && packed_bytes != 0) {
          config.packed = packed.data();
          config.packed_bytes = packed.size();
        }
        CAPTURE(kernel_set_name(set));
        CAPTURE(workers);
        TestSampler whole(model, config), pieces(model, config);
        CHECK(bytes_of(whole.finish()) == expected);
        while (mote_sampler_run(pieces, workers == 1 ? 1 : 1000 * workers) == MOTE_PENDING) {
        }
        CHECK(bytes_of(pieces.x()) == expected);
        CHECK(whole.guard_intact());
      }
    }
  }
}

TEST_CASE("a quantized sampler goes on from a saved state, and predicts at its stored steps only") {
  const QuantizedBuilder builder = every_quantized_operator(true);
  const OpenModel model(builder);
  mote_config config = config_of();
  config.class_label = MOTE_NO_CLASS;
  TestSampler whole(model, config), first(model, config);
  config.kernels = nullptr;  // the fastest goes on where ref stopped
  TestSampler second(model, config);
  const std::vector<float> expected = whole.finish();
  CHECK(bytes_of(expected) == bytes_of(twin_sample(builder, 7, 0, 3)));
  CHECK(mote_sampler_step(first) == MOTE_PENDING);
  const std::vector<uint8_t> block = first.saved();
  REQUIRE(mote_sampler_restore(second, block.data(), block.size()) == MOTE_OK);
  CHECK(bytes_of(second.finish()) == bytes_of(expected));

  std::vector<float> x(84), out(84);
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i));
  for (uint32_t step = 0; step < 3; ++step) {
    const float timestep = static_cast<float>(builder.rows[step].timestep);
    REQUIRE(mote_sampler_predict(whole, x.data(), timestep, 1, out.data(), out.size()) == MOTE_OK);
    CHECK(bytes_of(out) == bytes_of(quantized_twin(builder, x, step, 1).floats.at(builder.model.output_tensor)));
  }
  CHECK(mote_sampler_predict(whole, x.data(), 18, 1, out.data(), out.size()) == MOTE_E_STEPS);
  config.steps = 2;
  size_t size = 0;
  CHECK(mote_working_size(model, &config, &size) == MOTE_E_STEPS);
}

TEST_CASE("x_t of any size is taken: it saturates") {
  const QuantizedBuilder builder = smallest_quantized();
  Network network(builder);
  network.use(KernelSet::ref, 1, false);
  for (float size : {3e38f, 4.001f, 1e-30f, -3e38f}) {
    std::fill(network.input.begin(), network.input.end(), size);
    network.run(0, 0, UINT64_MAX, 0);
    CHECK(equals_twin(network, builder, quantized_twin(builder, network.input, 0, 0)));
  }
}

TEST_CASE("large pictures are spread over threads, constants too, and the bytes stay the same") {
  QuantizedBuilder builder(33, 30, 3, 2, true);
  const uint32_t a = builder.codes({33, 30, 16}), n = builder.codes({33, 30, 16}, builder.random_slot());
  const uint32_t qkv = builder.codes({33, 30, 24}), mixed = builder.codes({33, 30, 8}),
                 out = builder.floats({33, 30, 3});
  builder.s8_conv({builder.x_t()}, a, 3, 3, 1);
  builder.s8_group_norm({a}, {n}, 4, 512);
  builder.s8_linear(n, qkv);
  builder.s8_attention(qkv, mixed, 2, 4);
  builder.s8_conv({mixed, n}, out, 3, 3, 1);
  builder.model.output_tensor = out;
  Network network(builder);
  const QuantizedTensors twin = quantized_twin(builder, network.input, 1, 0);
  for (KernelSet set : available_sets()) {
    for (bool pack : {false, true}) {
      for (uint32_t workers : {1u, 2u, 3u, 4u}) {
        CAPTURE(kernel_set_name(set));
        CAPTURE(pack);
        CAPTURE(workers);
        network.use(set, workers, pack);
        const uint32_t calls = parallel_calls();
        network.run(0, 0, UINT64_MAX, 1);
        CHECK(equals_twin(network, builder, twin));
        CHECK((parallel_calls() > calls) == (workers > 1));
        network.run(0, 0, 100000, 1);
        CHECK(equals_twin(network, builder, twin));
      }
    }
  }
}

TEST_CASE("a table of a quantized model's operators holds no float ones") {
  Network network(smallest_quantized());
  const mote_operator* const two[] = {&mote_op_quantize_s16, &mote_op_conv2d_s8, nullptr};
  network.model.operators = two;
  CHECK(check_operator_table(network.model) == MOTE_OK);
  const mote_operator* const other[] = {&mote_op_quantize_s16, &mote_op_conv2d_f32, nullptr};
  network.model.operators = other;
  CHECK(check_operator_table(network.model) == MOTE_E_MISSING_OPERATOR);
  CHECK(std::string(format::operator_suffix(DType::i8)) == "s8");
}

}  // namespace mote::test
