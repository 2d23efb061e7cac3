// The run loop and the operators: results against the double-precision twin, and that neither the cuts of a bounded run
// nor threads nor the kernel set's options change more than they may.
#include "graph/run.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/network.h"
#include "tests/support/threads.h"
#include "tests/support/twin.h"

namespace mote::test {
namespace {

std::vector<double> as_doubles(const std::vector<float>& values) { return {values.begin(), values.end()}; }

double largest_difference(const std::vector<float>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  double largest = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double difference = std::fabs(static_cast<double>(got[i]) - expected[i]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

}  // namespace

TEST_CASE("every operator computes what the twin does, in every kernel set, packed or not") {
  const Builder builder = every_operator();
  Network network(builder);
  for (KernelSet set : available_sets()) {
    for (bool pack : {false, true}) {
      CAPTURE(kernel_set_name(set));
      CAPTURE(pack);
      network.use(set, 1, pack);
      for (uint32_t class_row : {0u, 3u}) {
        const std::vector<double> expected = twin_predict(builder, as_doubles(network.input), 13, class_row);
        CHECK(largest_difference(network.run(13, class_row), expected) < 2e-5);
      }
    }
  }
}

TEST_CASE("the output depends on the timestep and on the class") {
  const Builder builder = every_operator();
  Network network(builder);
  network.use(KernelSet::ref, 1, false);
  const std::vector<float> base = network.run(13, 0);
  CHECK(network.run(12, 0) != base);
  CHECK(network.run(13, 1) != base);
  CHECK(network.run(13, 0) == base);
}

TEST_CASE("a bounded run gives the same bytes for any amount of work, and counts all of it") {
  Network network(every_operator());
  for (KernelSet set : available_sets()) {
    network.use(set, 1, true);
    const std::vector<float> whole = network.run(3, 1);
    const Work work = measure_work(network.model);
    CHECK(network.runner.work_done() == work.total);
    for (uint64_t piece : {uint64_t{0}, uint64_t{1}, uint64_t{777}, uint64_t{5000}, work.total - 1, work.total}) {
      CHECK(network.run(3, 1, piece) == whole);
      CHECK(network.runner.work_done() == work.total);
    }
  }
}

TEST_CASE("one call of a bounded run does at most one band more than it was given") {
  Network network(every_operator());
  network.use(KernelSet::ref, 1, false);
  const Work work = measure_work(network.model);
  for (uint64_t piece : {uint64_t{1}, uint64_t{3000}, uint64_t{20000}}) {
    network.runner.begin(3, 0, 1);
    uint64_t before = 0;
    bool complete = false;
    while (!complete) {
      uint64_t budget = piece;
      complete = network.runner.run(&budget);
      const uint64_t done = network.runner.work_done() - before;
      CHECK(done > 0);
      CHECK(done <= piece + work.largest_band);
      before = network.runner.work_done();
    }
  }
}

TEST_CASE("any number of workers gives the same bytes") {
  // Large enough that phases are really spread: see parallel_work.
  Builder builder(33, 30, 3, 10, 2);
  const uint32_t a = builder.activation({33, 30, 16}), b = builder.activation({33, 30, 16});
  const uint32_t qkv = builder.activation({33, 30, 24}), mixed = builder.activation({33, 30, 8});
  const uint32_t out = builder.activation({33, 30, 3});
  builder.conv({0}, a, 3, 3, 1);
  builder.group_norm({a}, {b}, 4).activation = 1;
  builder.linear(b, qkv);
  builder.attention(qkv, mixed, 2, 4, 0.5f);
  builder.conv({mixed, b}, out, 3, 3, 1);
  builder.model.output_tensor = out;
  Network network(builder);
  for (KernelSet set : available_sets()) {
    for (bool pack : {false, true}) {
      network.use(set, 1, pack);
      const std::vector<float> expected = network.run(3, 0);
      for (uint32_t workers : {2u, 3u, 4u}) {
        CAPTURE(workers);
        network.use(set, workers, pack);
        const uint32_t calls = parallel_calls();
        CHECK(network.run(3, 0) == expected);
        CHECK(parallel_calls() > calls);
        CHECK(network.run(3, 0, 100000) == expected);
      }
    }
  }
}

TEST_CASE("vectors of a folded model are chosen by step, or by class and step") {
  Builder builder(4, 4, 1, 10, 3);
  builder.model.num_classes = 1;
  builder.model.flags = format::model_folded;
  builder.rows.resize(3);
  for (int i = 0; i < 3; ++i) builder.rows[static_cast<size_t>(i)].timestep = 9 - 3 * i;
  const uint32_t a = builder.activation({4, 4, 3}), b = builder.activation({4, 4, 1});
  std::vector<float> by_step(3 * 4), by_class(2 * 3 * 4);
  for (size_t i = 0; i < by_step.size(); ++i) by_step[i] = static_cast<float>(i + 1);
  for (size_t i = 0; i < by_class.size(); ++i) by_class[i] = -static_cast<float>(i + 1) / 8;
  const uint32_t step_vector = builder.constant({3, 4}, by_step);
  const uint32_t class_vector = builder.constant({2, 3, 4}, by_class);
  builder.conv({0}, a, 3, 3, 1).vector = step_vector;
  builder.conv({a}, b, 1, 1, 0).vector = class_vector;
  builder.model.output_tensor = b;
  Network network(builder);
  network.use(KernelSet::ref, 1, false);
  for (uint32_t step = 0; step < 3; ++step) {
    for (uint32_t class_row = 0; class_row < 2; ++class_row) {
      network.runner.begin(0, step, class_row);
      uint64_t budget = UINT64_MAX;
      REQUIRE(network.runner.run(&budget));
      const std::vector<float> got(network.runner.output(), network.runner.output() + 16);
      CHECK(largest_difference(got, twin_predict(builder, as_doubles(network.input), 0, class_row, step)) < 2e-5);
    }
  }
}

TEST_CASE("a table must hold every operator of the model, and may hold no other") {
  Network network(smallest());
  CHECK(check_operator_table(network.model) == MOTE_OK);
  const mote_operator* const only[] = {&mote_op_conv2d_f32, nullptr};
  network.model.operators = only;
  CHECK(check_operator_table(network.model) == MOTE_OK);
  const mote_operator* const other[] = {&mote_op_linear_f32, nullptr};
  network.model.operators = other;
  CHECK(check_operator_table(network.model) == MOTE_E_MISSING_OPERATOR);
  const mote_operator* const empty[] = {nullptr};
  network.model.operators = empty;
  CHECK(check_operator_table(network.model) == MOTE_E_MISSING_OPERATOR);
}

TEST_CASE("work is counted in multiply-accumulates of the shapes") {
  Network network(smallest());
  const Work work = measure_work(network.model);
  CHECK(work.total == 4 * 4 * 9);
  CHECK(work.largest_band == 4 * 4 * 9);  // four rows are one band
  CHECK(network.model.view.macs == 4 * 4 * 9);
}

}  // namespace mote::test
