// mote.hpp: the C API of mote.h for C++17 programs that have a standard library: handles that own their memory, errors
// as exceptions. No logic: every function is one call of mote.h, whose comments hold here too.
//
//   mote::Model model(bytes, size);                // bytes of the program; or of a mote::Buffer, which the model keeps
//   mote::Config config;
//   config.seed = 1;
//   mote::Sampler sampler(model, config);
//   while (sampler.run(1000000)) {}
//   std::vector<uint8_t> pixels = sampler.pixels();
#ifndef MOTE_HPP
#define MOTE_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "mote.h"

// The inner namespace keeps these names apart from those inside the library, which link into the same program.
namespace mote {
inline namespace wrapper {

// What a failed call returned. what() is mote_status_text.
class Error : public std::exception {
 public:
  explicit Error(mote_status status) : status_(status) {}
  mote_status status() const { return status_; }
  const char* what() const noexcept override { return mote_status_text(status_); }

 private:
  mote_status status_;
};

// Throws for errors; true for MOTE_OK, false for MOTE_PENDING.
inline bool check(mote_status status) {
  if (status < 0) throw Error(status);
  return status == MOTE_OK;
}

// `size` bytes at a multiple of MOTE_ALIGNMENT.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t size) : size_(size), blocks_(new Block[size / sizeof(Block) + 1]) {}
  uint8_t* data() { return blocks_ ? blocks_[0].bytes : nullptr; }
  const uint8_t* data() const { return blocks_ ? blocks_[0].bytes : nullptr; }
  size_t size() const { return size_; }

 private:
  struct alignas(MOTE_ALIGNMENT) Block {
    uint8_t bytes[MOTE_ALIGNMENT];
  };
  size_t size_ = 0;
  std::unique_ptr<Block[]> blocks_;
};

// mote_config with its size filled in and the rest 0.
struct Config : mote_config {
  Config() : mote_config{} { struct_size = sizeof(mote_config); }
};

// An open model.
class Model {
 public:
  // Bytes of the caller, aligned, which must stay.
  Model(const void* bytes, size_t size, const mote_operator* const* operators = mote_all_operators)
      : model_(std::make_unique<mote_model>()) {
    mote::check(mote_open(model_.get(), bytes, size, operators));
  }
  // Bytes that the model keeps.
  explicit Model(Buffer bytes, const mote_operator* const* operators = mote_all_operators)
      : Model(bytes.data(), bytes.size(), operators) {
    bytes_ = std::move(bytes);
  }

  void check() const { mote::check(mote_check(get())); }
  mote_model_info info() const {
    mote_model_info info = {};
    info.struct_size = sizeof info;
    mote::check(mote_model_get_info(get(), &info));
    return info;
  }
  size_t elements() const {
    const mote_model_info i = info();
    return size_t{i.height} * i.width * i.channels;
  }
  std::vector<int32_t> timesteps() const {
    std::vector<int32_t> timesteps(info().default_steps);
    mote::check(mote_model_get_timesteps(get(), timesteps.data(), timesteps.size()));
    return timesteps;
  }
  int32_t find_timestep(float sigma) const {
    int32_t timestep = 0;
    mote::check(mote_model_find_timestep(get(), sigma, &timestep));
    return timestep;
  }
  size_t working_size(const mote_config& config) const {
    size_t bytes = 0;
    mote::check(mote_working_size(get(), &config, &bytes));
    return bytes;
  }
  size_t packed_size(const mote_config& config) const {
    size_t bytes = 0;
    mote::check(mote_packed_size(get(), &config, &bytes));
    return bytes;
  }
  const mote_model* get() const { return model_.get(); }

 private:
  Buffer bytes_;
  std::unique_ptr<mote_model> model_;  // handles do not move, this object may
};

// A sampler with memory of its own. The model must stay where it is as long as the sampler lives.
class Sampler {
 public:
  Sampler(const Model& model, const mote_config& config = Config())
      : elements_(model.elements()),
        output_elements_(elements_ / model.info().channels * model.info().out_channels),
        memory_(model.working_size(config)) {
    mote::check(mote_sampler_create(&sampler_, model.get(), &config, memory_.data(), memory_.size()));
  }
  Sampler(Sampler&&) = default;
  Sampler& operator=(Sampler&&) = default;

  void restart(uint64_t seed, uint32_t sample_index, int32_t class_label = 0) {
    mote::check(mote_sampler_restart(sampler_, seed, sample_index, class_label));
  }
  void set_x(const std::vector<float>& x) { mote::check(mote_sampler_set_x(sampler_, x.data(), x.size())); }
  void start_image(const std::vector<float>& x0, float strength) {
    mote::check(mote_sampler_start_image(sampler_, x0.data(), x0.size(), strength));
  }
  void start_noisy(const std::vector<float>& noisy, float sigma) {
    mote::check(mote_sampler_start_noisy(sampler_, noisy.data(), noisy.size(), sigma));
  }
  // What the next three are given must stay as long as it is used, like the arguments in mote.h.
  void set_known(const std::vector<float>& known, const std::vector<uint8_t>& mask) {
    if (known.size() != mask.size()) throw Error(MOTE_E_ARGUMENT);
    mote::check(mote_sampler_set_known(sampler_, known.data(), mask.data(), known.size()));
  }
  void set_measured(const std::vector<float>& y, const std::vector<uint8_t>& mask, float weight = 1) {
    if (y.size() != mask.size()) throw Error(MOTE_E_ARGUMENT);
    mote::check(mote_sampler_set_measured_elements(sampler_, y.data(), mask.data(), y.size(), weight));
  }
  void set_measured(const std::vector<float>& averages, uint32_t block_height, uint32_t block_width, float weight = 1) {
    mote::check(mote_sampler_set_measured_averages(sampler_, averages.data(), averages.size(), block_height,
                                                   block_width, weight));
  }
  void set_rounds(uint32_t rounds) { mote::check(mote_sampler_set_rounds(sampler_, rounds)); }
  void clear_known() { mote::check(mote_sampler_set_known(sampler_, nullptr, nullptr, 0)); }
  void clear_measured() { mote::check(mote_sampler_set_measured_elements(sampler_, nullptr, nullptr, 0, 0)); }
  // Both return true while there is more to do.
  bool step() { return !mote::check(mote_sampler_step(sampler_)); }
  bool run(uint64_t work) { return !mote::check(mote_sampler_run(sampler_, work)); }
  mote_progress progress() const {
    mote_progress progress = {};
    progress.struct_size = sizeof progress;
    mote::check(mote_sampler_get_progress(sampler_, &progress));
    return progress;
  }
  std::vector<float> x() const {
    std::vector<float> x(elements_);
    mote::check(mote_sampler_read_f32(sampler_, x.data(), x.size()));
    return x;
  }
  std::vector<uint8_t> pixels() const {
    std::vector<uint8_t> pixels(elements_);
    mote::check(mote_sampler_read_u8(sampler_, pixels.data(), pixels.size()));
    return pixels;
  }
  std::vector<uint8_t> save() const {
    size_t bytes = 0;
    mote::check(mote_sampler_saved_size(sampler_, &bytes));
    std::vector<uint8_t> block(bytes);
    mote::check(mote_sampler_save(sampler_, block.data(), block.size()));
    return block;
  }
  void restore(const std::vector<uint8_t>& block) {
    mote::check(mote_sampler_restore(sampler_, block.data(), block.size()));
  }
  std::vector<float> predict(const std::vector<float>& x, float timestep, int32_t class_label = 0) {
    if (x.size() != elements_) throw Error(MOTE_E_ARGUMENT);
    std::vector<float> out(output_elements_);
    mote::check(mote_sampler_predict(sampler_, x.data(), timestep, class_label, out.data(), out.size()));
    return out;
  }
  const char* kernels() const { return mote_sampler_kernels(sampler_); }
  size_t working_bytes() const { return memory_.size(); }
  mote_sampler* get() const { return sampler_; }

 private:
  size_t elements_, output_elements_;
  Buffer memory_;
  mote_sampler* sampler_ = nullptr;
};

// Null if the kernels do what they must; else the name of the first that does not.
inline const char* self_test(const char* kernels = nullptr,
                             const mote_self_test_case* const* tests = mote_all_self_tests) {
  Buffer buffer(4 * MOTE_SELF_TEST_BYTES);
  const char* failed = nullptr;
  const mote_status status = mote_self_test(tests, kernels, buffer.data(), buffer.size(), &failed);
  if (status != MOTE_E_SELF_TEST) mote::check(status);
  return failed;
}

}  // namespace wrapper
}  // namespace mote

#endif
