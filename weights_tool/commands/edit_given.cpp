#include "weights_tool/commands/edit_given.h"

#include "diffusion/noise.h"
#include "weights_tool/commands/edit_inputs.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

class Reader {
 public:
  Reader(const Arguments& arguments, const mote_model_info& info, EditRequest& request, Shown& shown)
      : arguments_(arguments), info_(info), request_(request), shown_(shown) {}

  void read() {
    if (arguments_.has("init")) request_.image = take("init");
    request_.strength = static_cast<float>(arguments_.number("strength"));
    if (arguments_.has("denoise")) read_noisy();
    if (arguments_.has("inpaint")) read_known();
    if (arguments_.has("measure")) arguments_.has("average") ? read_averages() : read_elements();
  }

 private:
  size_t elements() const { return size_t{info_.height} * info_.width * info_.channels; }
  size_t first() const { return static_cast<size_t>(arguments_.integer("first-input")); }
  size_t most() const { return static_cast<size_t>(arguments_.integer("inputs")); }

  std::vector<float> take(const std::string& option) {
    const std::vector<float> pictures =
        read_pictures(arguments_.text(option), info_.height, info_.width, info_.channels, first(), most());
    count(option, pictures.size() / elements());
    show(pictures, pictures);
    return pictures;
  }

  void count(const std::string& option, size_t inputs) {
    if (request_.inputs != 0 && request_.inputs != inputs)
      arguments_.fail("--" + option + " has " + std::to_string(inputs) + " pictures, the input before it " +
                      std::to_string(request_.inputs));
    request_.inputs = static_cast<uint32_t>(inputs);
  }

  // The first option that reads pictures shows them.
  void show(const std::vector<float>& inputs, const std::vector<float>& given) {
    if (shown_.inputs.empty()) shown_.inputs = inputs;
    shown_.given = given;
  }

  void read_noisy() {
    request_.noisy = take("denoise");
    request_.sigma = static_cast<float>(arguments_.number("sigma"));
    if (arguments_.flag("add-noise")) {
      std::vector<float> z(elements());
      for (uint32_t i = 0; i < request_.inputs; ++i) {
        // A stream that no sampler draws from.
        fill_gaussian(z.data(), 0, static_cast<uint32_t>(z.size()), request_.seed, 0, i, noise_train);
        for (size_t e = 0; e < z.size(); ++e) request_.noisy[i * z.size() + e] += request_.sigma * z[e];
      }
    }
    shown_.given = request_.noisy;
  }

  // Grey where it is open.
  std::vector<float> masked(const std::vector<float>& pictures, const std::vector<uint8_t>& mask) const {
    std::vector<float> out(pictures.size());
    for (size_t e = 0; e < out.size(); ++e) out[e] = pictures[e] * (mask[e % mask.size()] / 255.0f);
    return out;
  }

  std::vector<uint8_t> take_mask() const {
    const std::vector<uint8_t> mask = read_mask(arguments_.text("mask"), info_, first(), request_.inputs);
    const size_t masks = mask.size() / elements();
    if (masks != 1 && masks != request_.inputs)
      arguments_.fail("--mask has " + std::to_string(masks) + " masks for " + std::to_string(request_.inputs) +
                      " inputs");
    return mask;
  }

  void read_known() {
    request_.known = take("inpaint");
    request_.known_mask = take_mask();
    shown_.given = masked(request_.known, request_.known_mask);
  }

  void read_elements() {
    request_.measured = take("measure");
    request_.measured_mask = take_mask();
    request_.weight = static_cast<float>(arguments_.number("weight"));
    shown_.given = masked(request_.measured, request_.measured_mask);
  }

  void read_averages() {
    const uint32_t f = static_cast<uint32_t>(arguments_.integer("average"));
    request_.block_height = info_.height == 1 ? 1 : f;
    request_.block_width = f;
    request_.weight = static_cast<float>(arguments_.number("weight"));
    if (info_.height % request_.block_height != 0 || info_.width % f != 0)
      arguments_.fail("--average " + std::to_string(f) + " does not divide " + std::to_string(info_.height) + " x " +
                      std::to_string(info_.width));
    const size_t down = info_.height / request_.block_height, across = info_.width / f;
    std::vector<float> pictures;
    try {
      request_.measured = read_pictures(arguments_.text("measure"), down, across, info_.channels, first(), most());
      count("measure", request_.measured.size() / (down * across * info_.channels));
      pictures = spread(down, across);
    } catch (const Error&) {  // not of the size of the means: of the model's
      pictures = take("measure");
      request_.measured = block_averages(pictures, info_, request_.block_height, request_.block_width);
    }
    show(pictures, spread(down, across));
  }

  // Every block in its mean.
  std::vector<float> spread(size_t down, size_t across) const {
    std::vector<float> out(request_.inputs * elements());
    const size_t channels = info_.channels;
    for (size_t e = 0; e < out.size(); ++e) {
      const size_t c = e % channels, x = e / channels % info_.width, y = e / channels / info_.width % info_.height;
      const size_t block = (e / elements() * down + y / request_.block_height) * across + x / request_.block_width;
      out[e] = request_.measured[block * channels + c];
    }
    return out;
  }

  const Arguments& arguments_;
  const mote_model_info& info_;
  EditRequest& request_;
  Shown& shown_;
};

}  // namespace

void read_given(const Arguments& arguments, const mote_model_info& info, EditRequest& request, Shown& shown) {
  Reader(arguments, info, request, shown).read();
}

}  // namespace mote::tool
