// Pictures that are interrupted: the block saved after any step, restored by a program that knows nothing else, ends in
// the same bytes, however the work is cut; and samplers that take turns do not disturb each other.
#include <doctest/doctest.h>
#include <mote/mote.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/api/api_files.h"
#include "tests/support/quantized_builder.h"

namespace mote::test {
namespace {

// How much a bounded run may do: the least, any amount up to `most`, or a whole step.
enum class Cut { least, any, step };

class Budgets {
 public:
  Budgets(Cut cut, uint64_t most) : cut_(cut), most_(most) {}
  uint64_t next() {
    if (cut_ != Cut::any) return cut_ == Cut::least ? 1 : UINT64_MAX;
    return 1 + random() % (random() % 4 == 0 ? most_ : most_ / 32 + 1);
  }
  uint64_t random() {  // xorshift64 (Marsaglia 2003)
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    return state_ ^= state_ << 17;
  }

 private:
  Cut cut_;
  uint64_t most_, state_ = 88172645463325252u;
};

// A program with one model and one sampler: its memory is full of garbage before, between guards, and given back.
class Program {
 public:
  Program(const AlignedBytes& file, const mote_config& config) {
    REQUIRE(mote_open(&model_, file.data(), file.size(), mote_all_operators) == MOTE_OK);
    REQUIRE(mote_working_size(&model_, &config, &size_) == MOTE_OK);
    memory_ = AlignedBytes(guard + size_ + guard);
    memset(memory_.data(), 0xFF, memory_.size());
    REQUIRE(mote_sampler_create(&sampler_, &model_, &config, memory_.data() + guard, size_) == MOTE_OK);
  }
  ~Program() {
    for (size_t i = 0; i < guard; ++i) CHECK((memory_[i] == 0xFF && memory_[guard + size_ + i] == 0xFF));
  }
  mote_sampler* sampler() const { return sampler_; }

  mote_progress progress() const {
    mote_progress progress = {};
    progress.struct_size = sizeof progress;
    REQUIRE(mote_sampler_get_progress(sampler_, &progress) == MOTE_OK);
    return progress;
  }
  uint64_t step_work() const { return progress().work_total / progress().steps; }
  // Until `step` steps are finished (or more, if a run does more than one).
  void run_to(uint32_t step, Budgets* budgets) {
    while (progress().step < step) mote_sampler_run(sampler_, budgets->next());
  }
  void finish(Budgets* budgets) { run_to(progress().steps, budgets); }
  std::vector<float> picture() const {
    mote_model_info info = {};
    info.struct_size = sizeof info;
    REQUIRE(mote_model_get_info(&model_, &info) == MOTE_OK);
    std::vector<float> x(size_t{info.height} * info.width * info.channels);
    REQUIRE(mote_sampler_read_f32(sampler_, x.data(), x.size()) == MOTE_OK);
    return x;
  }
  std::vector<uint8_t> saved() const {
    size_t bytes = 0;
    REQUIRE(mote_sampler_saved_size(sampler_, &bytes) == MOTE_OK);
    std::vector<uint8_t> block(bytes);
    REQUIRE(mote_sampler_save(sampler_, block.data(), block.size()) == MOTE_OK);
    return block;
  }

 private:
  static constexpr size_t guard = 64;
  mote_model model_;
  size_t size_ = 0;
  AlignedBytes memory_;
  mote_sampler* sampler_ = nullptr;
};

mote_config config_of(uint64_t seed, int32_t class_label) {
  mote_config config = {};
  config.struct_size = sizeof config;
  config.seed = seed;
  config.sample_index = 2;
  config.class_label = class_label;
  return config;
}

std::vector<float> drawn_alone(const AlignedBytes& file, const mote_config& config) {
  Program program(file, config);
  Budgets whole(Cut::step, 1);
  program.finish(&whole);
  return program.picture();
}

// Killed in the middle of step k, for every `stride`th k, and restored by a program that knows nothing of it.
void check_resumed_everywhere(const AlignedBytes& file, Cut cut, uint32_t stride = 1) {
  const mote_config config = config_of(11, MOTE_NO_CLASS), other = config_of(99, MOTE_NO_CLASS);
  const std::vector<float> expected = drawn_alone(file, config);
  const uint32_t steps = Program(file, config).progress().steps;
  for (uint32_t k = 0; k < steps; k += stride) {
    CAPTURE(k);
    std::vector<uint8_t> block;
    {
      Program killed(file, config);
      Budgets budgets(cut, killed.step_work());
      killed.run_to(k, &budgets);
      block = killed.saved();
      Budgets bits(Cut::any, killed.step_work() / 2 + 1);
      if (cut != Cut::step) mote_sampler_run(killed.sampler(), bits.next());  // lost
    }
    Program resumed(file, other);  // seed, index and class come from the block
    REQUIRE(mote_sampler_restore(resumed.sampler(), block.data(), block.size()) == MOTE_OK);
    CHECK(resumed.progress().step >= k);
    Budgets budgets(cut, resumed.step_work());
    resumed.finish(&budgets);
    CHECK(resumed.picture() == expected);
  }
}

// Rows that look at the two predictions before.
AlignedBytes with_history() {
  QuantizedBuilder builder = every_quantized_operator(true);
  builder.model.history = 2;
  for (size_t i = 0; i < builder.rows.size(); ++i) {
    builder.rows[i].H[0] = i >= 1 ? 0.25f : 0.0f;
    builder.rows[i].H[1] = i >= 2 ? -0.5f : 0.0f;
  }
  return builder.file();
}

}  // namespace

TEST_CASE("resume: killed in any step and restored, a small model draws the same bytes, with a history too") {
  const AlignedBytes files[] = {with_history(), every_quantized_operator(false).file(), every_operator().file(),
                                read_model_file("tests/golden/models/unet_without_classes.mote"),
                                read_model_file("tests/golden/models/attention_tokens.mote")};
  for (const AlignedBytes& file : files) {
    for (const Cut cut : {Cut::least, Cut::any, Cut::step}) check_resumed_everywhere(file, cut);
  }
}

TEST_CASE("resume: the history is part of the block, and of the picture") {
  const AlignedBytes file = with_history();
  const mote_config config = config_of(11, 0);
  Program program(file, config);
  Budgets whole(Cut::step, 1);
  program.run_to(2, &whole);
  std::vector<uint8_t> block = program.saved();
  const size_t plane = size_t{7} * 6 * 2 * sizeof(float);
  REQUIRE(block.size() == 64 + 3 * plane);
  program.finish(&whole);
  CHECK(memcmp(block.data() + 64 + plane, block.data() + 64 + 2 * plane, plane) != 0);
  CHECK(program.picture() != drawn_alone(every_quantized_operator(true).file(), config));
}

TEST_CASE("resume: the shipped model, killed in any step") {
  const AlignedBytes file = read_model_file(shipped_model);
  check_resumed_everywhere(file, Cut::any, emulated ? 4 : 1);
  // By the least bounded runs there are.
  const mote_config config = config_of(1, 9);
  Program killed(file, config);
  Budgets least(Cut::least, 1);
  killed.run_to(8, &least);
  const std::vector<uint8_t> block = killed.saved();
  Program resumed(file, config_of(5, 0));
  REQUIRE(mote_sampler_restore(resumed.sampler(), block.data(), block.size()) == MOTE_OK);
  resumed.finish(&least);
  CHECK(resumed.picture() == drawn_alone(file, config));
}

TEST_CASE("resume: samplers that take turns, of one model or of two, draw what each draws alone") {
  const AlignedBytes shipped = read_model_file(shipped_model), small = with_history(), floats = every_operator().file();
  const mote_config first = config_of(3, 1), second = config_of(4, 2);
  const AlignedBytes* const pairs[][2] = {
      {&small, &small}, {&small, &floats}, {&shipped, &shipped}, {&shipped, &small}};
  for (const auto& pair : pairs) {
    for (const Cut cut : {Cut::least, Cut::any}) {
      if (pair[0] == &shipped && (emulated || cut == Cut::least) && pair[1] == &shipped) continue;  // slow
      Program a(*pair[0], first), b(*pair[1], second);
      Budgets budgets_a(cut, a.step_work()), budgets_b(cut, b.step_work()), turns(Cut::any, 1);
      bool a_done = false, b_done = false;
      while (!a_done || !b_done) {
        const bool choose_a = turns.random() >> 40 & 1;
        if (choose_a && !a_done) a_done = mote_sampler_run(a.sampler(), budgets_a.next()) == MOTE_OK;
        if (!choose_a && !b_done) b_done = mote_sampler_run(b.sampler(), budgets_b.next()) == MOTE_OK;
      }
      CHECK(a.picture() == drawn_alone(*pair[0], first));
      CHECK(b.picture() == drawn_alone(*pair[1], second));
    }
  }
}

}  // namespace mote::test
