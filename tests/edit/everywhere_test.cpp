// Edited pictures of the shipped model: the same bytes with every kernel set, any threads, any cut of the work, and when
// saved and restored after any step, in a program that sets its constraints again. The checksums were recorded once, with
// ref on x86-64; every target that runs the tests must give them.
#include <doctest/doctest.h>

#include <string>

#include "core/crc32.h"
#include "tests/api/api_files.h"
#include "tests/edit/edit_support.h"
#include "tests/support/threads.h"

namespace mote::test {
namespace {

constexpr size_t pixels = 784;

// A garment of a kind: something to edit.
std::vector<float> drawing() {
  std::vector<float> x(pixels);
  for (size_t i = 0; i < pixels; ++i) {
    const size_t y = i / 28, col = i % 28;
    x[i] = col > 7 && col < 20 && y > 2 && y < 26 ? 0.5f : -1.0f;
  }
  return x;
}

enum class Task { inpaint, super_resolve, complete, denoise, guide };

// What each task gives the sampler; everything here stays while it runs.
struct Editor {
  AlignedBytes file = read_model_file(shipped_model);
  mote_model model;
  std::vector<float> picture = drawing(), averages = std::vector<float>(49, -0.25f);
  std::vector<uint8_t> lower = std::vector<uint8_t>(pixels, 0), scattered = some_mask(pixels);

  Editor() {
    REQUIRE(mote_open(&model, file.data(), file.size(), mote_all_operators) == MOTE_OK);
    for (size_t i = pixels / 2; i < pixels; ++i) lower[i] = 255;
    averages[24] = 0.75f;
  }

  mote_config config(Task task, const char* kernels) const {
    mote_config config = config_of(kernels);
    config.class_label = 1;
    config.guidance_scale = task == Task::guide ? 3.0f : 0.0f;
    return config;
  }

  // What is not in a saved block.
  void constrain(mote_sampler* sampler, Task task) const {
    mote_status status = MOTE_OK;
    if (task == Task::inpaint) status = mote_sampler_set_known(sampler, picture.data(), lower.data(), pixels);
    if (task == Task::super_resolve) status = mote_sampler_set_measured_averages(sampler, averages.data(), 49, 4, 4, 1);
    if (task == Task::complete)
      status = mote_sampler_set_measured_elements(sampler, picture.data(), scattered.data(), pixels, 0.875f);
    REQUIRE(status == MOTE_OK);
  }

  void begin(mote_sampler* sampler, Task task) const {
    constrain(sampler, task);
    if (task == Task::denoise) REQUIRE(mote_sampler_start_noisy(sampler, picture.data(), pixels, 0.5f) == MOTE_OK);
    if (task == Task::guide) REQUIRE(mote_sampler_start_image(sampler, picture.data(), pixels, 0.7f) == MOTE_OK);
  }
};

struct Drawer {
  AlignedBytes buffer;
  mote_sampler* sampler = nullptr;

  Drawer(const Editor& editor, const mote_config& config) {
    size_t size = 0;
    REQUIRE(mote_working_size(&editor.model, &config, &size) == MOTE_OK);
    buffer = AlignedBytes(size);
    REQUIRE(mote_sampler_create(&sampler, &editor.model, &config, buffer.data(), size) == MOTE_OK);
  }
  uint32_t hash() const {
    std::vector<float> x(pixels);
    REQUIRE(mote_sampler_read_f32(sampler, x.data(), pixels) == MOTE_OK);
    return crc32(0, x.data(), pixels * sizeof(float));
  }
};

struct Expected {
  Task task;
  uint32_t crc;
};
constexpr Expected expected[] = {{Task::inpaint, 0xb5f75a20},
                                 {Task::super_resolve, 0x63c34804},
                                 {Task::complete, 0xe8a4c9fe},
                                 {Task::denoise, 0x3a2b0b65},
                                 {Task::guide, 0xc6ae5f44}};

}  // namespace

TEST_CASE("edited pictures of the shipped model have the recorded bytes with every kernel set") {
  const Editor editor;
  for (const Expected& e : expected) {
    CAPTURE(static_cast<int>(e.task));
    for (uint32_t k = 0; mote_kernels_name(k) != nullptr; ++k) {
      const std::string name = mote_kernels_name(k);
      if (name == "ref" && k > 0 && e.task != Task::inpaint) continue;  // slow
      CAPTURE(name);
      Drawer drawer(editor, editor.config(e.task, name.c_str()));
      editor.begin(drawer.sampler, e.task);
      while (mote_sampler_step(drawer.sampler) == MOTE_PENDING) {
      }
      CHECK(drawer.hash() == e.crc);
    }
  }
}

TEST_CASE("edited pictures: threads, any cut of the work, and power lost after any step change no byte") {
  const Editor editor;
  uint32_t threads = 3;
  for (const Expected& e : expected) {
    CAPTURE(static_cast<int>(e.task));
    mote_config config = editor.config(e.task, nullptr);
    config.parallel_for = parallel_for_threads;
    config.parallel_context = &threads;
    config.workers = 3;
    Drawer cut(editor, config);
    editor.begin(cut.sampler, e.task);
    std::vector<uint8_t> block;
    uint32_t kept = UINT32_MAX;
    const uint32_t lost_at = progress_of(cut.sampler).step + 2;
    for (uint64_t i = 1; mote_sampler_run(cut.sampler, 1 + i * 2654435761u % 5000000) == MOTE_PENDING; ++i) {
      const uint32_t step = progress_of(cut.sampler).step;
      if (kept == UINT32_MAX && step >= lost_at) {
        size_t bytes = 0;
        REQUIRE(mote_sampler_saved_size(cut.sampler, &bytes) == MOTE_OK);
        block.resize(bytes);
        REQUIRE(mote_sampler_save(cut.sampler, block.data(), bytes) == MOTE_OK);
        kept = step;
      }
    }
    CHECK(cut.hash() == e.crc);
    REQUIRE(kept != UINT32_MAX);
    config = editor.config(e.task, nullptr);
    config.seed = 99;
    Drawer resumed(editor, config);
    const bool constrained = e.task != Task::denoise && e.task != Task::guide;
    if (constrained) CHECK(mote_sampler_restore(resumed.sampler, block.data(), block.size()) == MOTE_E_STATE);
    editor.constrain(resumed.sampler, e.task);
    REQUIRE(mote_sampler_restore(resumed.sampler, block.data(), block.size()) == MOTE_OK);
    CHECK(progress_of(resumed.sampler).step == kept);
    while (mote_sampler_step(resumed.sampler) == MOTE_PENDING) {
    }
    CHECK(resumed.hash() == e.crc);
  }
}

}  // namespace mote::test
