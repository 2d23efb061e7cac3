// Classifier-free guidance: out_none + w (out_class - out_none), of the network's outputs as mote_sampler_predict gives
// them; what it costs, and what is plain.
#include <doctest/doctest.h>

#include <cfloat>
#include <cmath>

#include "tests/edit/edit_support.h"

namespace mote::test {
namespace {

mote_config guided(float scale, int32_t class_label = 1) {
  mote_config config = config_of();
  config.class_label = class_label;
  config.guidance_scale = scale;
  return config;
}

// A model with a learned variance: channels of the output behind those of the picture.
Builder with_variance() {
  Builder wide(4, 4, 3, 10, 2);
  wide.model.num_classes = 2;
  wide.model.out_channels = 6;
  const uint32_t both = wide.activation({4, 4, 6});
  wide.conv({0}, both, 1, 1, 0);
  wide.model.output_tensor = both;
  return wide;
}

}  // namespace

TEST_CASE("guidance: a step goes on with none + w (class - none), exactly, of float and int8 models") {
  const Builder floats = every_operator();
  const QuantizedBuilder codes = quantized_with_levels();
  for (const Builder* builder : {&floats, static_cast<const Builder*>(&codes)}) {
    const OpenModel model(*builder);
    for (const float scale : {0.5f, 2.5f, -1.0f}) {
      TestSampler sampler(model, guided(scale));
      const size_t count = sampler.elements;
      std::vector<int32_t> timesteps(progress_of(sampler).steps);
      REQUIRE(mote_model_get_timesteps(model, timesteps.data(), timesteps.size()) == MOTE_OK);
      for (size_t i = 0; i < timesteps.size(); ++i) {
        std::vector<float> x = sampler.x(), none(count), with(count);
        const float t = static_cast<float>(timesteps[i]);
        REQUIRE(mote_sampler_predict(sampler, x.data(), t, MOTE_NO_CLASS, none.data(), count) == MOTE_OK);
        REQUIRE(mote_sampler_predict(sampler, x.data(), t, 1, with.data(), count) == MOTE_OK);
        REQUIRE(none != with);
        format::RowRecord row;
        if (builder == &floats) {
          RowOptions options;
          options.prediction = static_cast<Prediction>(builder->model.prediction);
          options.clip_hi = (builder->model.flags & format::model_clip) != 0 ? builder->model.clip : FLT_MAX;
          options.clip_lo = -options.clip_hi;
          options.rederive_epsilon = (builder->model.flags & format::model_rederive_epsilon) != 0;
          REQUIRE(make_row_of_schedule(options, builder->schedule.data(), 20, timesteps.data(),
                                       static_cast<uint32_t>(timesteps.size()), static_cast<uint32_t>(i),
                                       &row) == MOTE_OK);
        } else {
          row = builder->rows[i];
        }
        for (size_t e = 0; e < count; ++e) none[e] = none[e] + (scale * (with[e] - none[e]));
        sampler_update(row, x.data(), none.data(), nullptr, 0, 0, 0, static_cast<uint32_t>(count), {nullptr, 7, 0, 0});
        mote_sampler_step(sampler);
        CHECK(sampler.x() == x);
      }
      CHECK(sampler.guard_intact());
    }
  }
}

TEST_CASE("guidance costs a plane and a second pass; 0, 1 and no class are plain") {
  const OpenModel model(every_operator());
  TestSampler plain(model, guided(0)), one(model, guided(1)), more(model, guided(3));
  CHECK(one.size == plain.size);
  CHECK(more.size == plain.size + (plain.elements * sizeof(float) + 15) / 16 * 16);
  CHECK(progress_of(one).work_total == progress_of(plain).work_total);
  const uint64_t update = progress_of(plain).steps * plain.elements;
  CHECK(progress_of(more).work_total - update == 2 * (progress_of(plain).work_total - update));
  const std::vector<float> expected = plain.finish();
  CHECK(one.finish() == expected);
  CHECK(more.finish() != expected);
  REQUIRE(mote_sampler_restart(more, 7, 0, MOTE_NO_CLASS) == MOTE_OK);
  REQUIRE(mote_sampler_restart(plain, 7, 0, MOTE_NO_CLASS) == MOTE_OK);
  CHECK(progress_of(more).work_total == progress_of(plain).work_total);
  CHECK(more.finish() == plain.finish());
}

TEST_CASE("guidance: work is counted over both passes, and may be cut anywhere") {
  for (const Builder& builder : {every_operator(), static_cast<Builder>(quantized_with_levels()), with_variance()}) {
    const OpenModel model(builder);
    TestSampler whole(model, guided(2)), cut(model, guided(2));
    const std::vector<float> expected = whole.finish();
    uint64_t last = 0;
    for (uint64_t amount = 1; mote_sampler_run(cut, 1 + amount * 7919 % 5000) == MOTE_PENDING; ++amount) {
      const mote_progress progress = progress_of(cut);
      REQUIRE(progress.work >= last);
      REQUIRE(progress.work < progress.work_total);
      last = progress.work;
    }
    CHECK(progress_of(cut).work == progress_of(cut).work_total);
    CHECK(cut.x() == expected);
    // Begun again in the middle of a second pass.
    REQUIRE(mote_sampler_restart(cut, 7, 0, 1) == MOTE_OK);
    mote_sampler_run(cut, progress_of(cut).work_total / progress_of(cut).steps * 3 / 4);
    REQUIRE(mote_sampler_restart(cut, 7, 0, 1) == MOTE_OK);
    CHECK(progress_of(cut).work == 0);
    CHECK(cut.finish() == expected);
  }
}

TEST_CASE("guidance: of an output with a learned variance the mean is guided") {
  const OpenModel model(with_variance());
  TestSampler plain(model, guided(0)), guiding(model, guided(5));
  // This network does not look at the class: both passes say the same, so guidance changes nothing.
  CHECK(guiding.finish() == plain.finish());
}

TEST_CASE("a guided picture goes on after a restart with the same guidance, and with no other") {
  const OpenModel model(quantized_with_levels());
  TestSampler whole(model, guided(2.5f)), resumed(model, guided(2.5f)), other(model, guided(2)),
      plain(model, guided(0));
  mote_sampler_step(whole);
  const std::vector<uint8_t> block = whole.saved(), of_plain = plain.saved();
  whole.finish();
  REQUIRE(mote_sampler_restore(resumed, block.data(), block.size()) == MOTE_OK);
  CHECK(resumed.finish() == whole.x());
  CHECK(mote_sampler_restore(other, block.data(), block.size()) == MOTE_E_STATE);
  CHECK(mote_sampler_restore(plain, block.data(), block.size()) == MOTE_E_STATE);
  CHECK(mote_sampler_restore(whole, of_plain.data(), of_plain.size()) == MOTE_E_STATE);
}

TEST_CASE("guidance is refused where there is no class, or no number") {
  size_t bytes = 0;
  const OpenModel model(every_operator()), without(smallest());
  for (const float scale : {std::nanf(""), INFINITY, 1025.0f, -1025.0f}) {
    const mote_config config = guided(scale);
    CHECK(mote_working_size(model, &config, &bytes) == MOTE_E_ARGUMENT);
  }
  mote_config config = guided(2, 0);
  CHECK(mote_working_size(without, &config, &bytes) == MOTE_E_CLASS);
  config.reserved3 = 1;
  CHECK(mote_working_size(model, &config, &bytes) == MOTE_E_ARGUMENT);
}

}  // namespace mote::test
