#include "tests/support/model_exercise.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "tests/support/model_builder.h"

namespace mote::test {
namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "exercise_model: %s\n", what);
  abort();
}

void exercise_sampler(mote_sampler* sampler, const mote_model_info& info, float timestep) {
  const size_t elements = size_t{info.height} * info.width * info.channels;
  mote_progress progress = {};
  progress.struct_size = sizeof progress;
  for (int i = 0; i < 5 && mote_sampler_run(sampler, 1000) == MOTE_PENDING; ++i) {
  }
  mote_sampler_step(sampler);
  require(mote_sampler_get_progress(sampler, &progress) == MOTE_OK && progress.step >= 1, "no step was done");
  size_t block_size = 0;
  require(mote_sampler_saved_size(sampler, &block_size) == MOTE_OK, "no saved size");
  std::vector<uint8_t> block(block_size), again(block_size), pixels(elements);
  require(mote_sampler_save(sampler, block.data(), block.size()) == MOTE_OK, "cannot save");
  mote_sampler_run(sampler, 1);
  require(mote_sampler_restore(sampler, block.data(), block.size()) == MOTE_OK, "cannot restore");
  require(mote_sampler_save(sampler, again.data(), again.size()) == MOTE_OK && again == block,
          "restored another state");
  require(mote_sampler_read_u8(sampler, pixels.data(), pixels.size()) == MOTE_OK, "cannot read the picture");
  std::vector<float> x(elements, 1e30f), out(size_t{info.height} * info.width * info.out_channels);
  require(mote_sampler_predict(sampler, x.data(), timestep, MOTE_NO_CLASS, out.data(), out.size()) == MOTE_OK,
          "cannot predict at a timestep of its own");
}

}  // namespace

mote_status exercise_model(const uint8_t* bytes, size_t size, const char* kernels) {
  mote_model model;
  const mote_status opened = mote_open(&model, bytes, size, mote_all_operators);
  if (opened != MOTE_OK) return opened;
  mote_check(&model);
  mote_model_info info = {};
  info.struct_size = sizeof info;
  require(mote_model_get_info(&model, &info) == MOTE_OK, "no info");
  std::vector<int32_t> timesteps(info.default_steps);
  require(mote_model_get_timesteps(&model, timesteps.data(), timesteps.size()) == MOTE_OK, "no timesteps");
  mote_config config = {};
  config.struct_size = sizeof config;
  config.class_label = MOTE_NO_CLASS;
  config.kernels = kernels;
  size_t needed = 0, packed_needed = 0;
  const mote_status sized = mote_working_size(&model, &config, &needed);
  if (sized != MOTE_OK || needed > exercise_memory || info.macs > exercise_macs) return opened;
  require(mote_packed_size(&model, &config, &packed_needed) == MOTE_OK, "no packed size");
  AlignedBytes packed(packed_needed <= exercise_memory ? packed_needed : 0);
  for (int pack = 0; pack < (packed.size() != 0 ? 2 : 1); ++pack) {
    config.packed = pack != 0 ? packed.data() : nullptr;
    config.packed_bytes = packed.size();
    require(mote_working_size(&model, &config, &needed) == MOTE_OK, "no working size");
    AlignedBytes buffer(needed);
    mote_sampler* sampler = nullptr;
    if (mote_sampler_create(&sampler, &model, &config, buffer.data(), buffer.size()) != MOTE_OK) continue;
    exercise_sampler(sampler, info, static_cast<float>(timesteps.back()));
  }
  return opened;
}

}  // namespace mote::test
