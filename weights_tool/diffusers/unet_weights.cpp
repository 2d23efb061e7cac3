#include "weights_tool/diffusers/unet_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <utility>

#include "weights_tool/io/error.h"
#include "weights_tool/io/json.h"

namespace mote::tool {
namespace {

bool is_float(SafeDType type) {
  return type == SafeDType::f32 || type == SafeDType::f16 || type == SafeDType::bf16 || type == SafeDType::f64;
}

// [o, i, h, w] -> [o, h, w, i], times a factor.
void permute(const std::vector<uint64_t>& shape, const float* from, float factor, float* to) {
  const size_t in = shape[1], pixels = shape[2] * shape[3];
  for (size_t o = 0; o < shape[0]; ++o, from += in * pixels, to += in * pixels)
    for (size_t p = 0; p < pixels; ++p)
      for (size_t i = 0; i < in; ++i) to[p * in + i] = from[i * pixels + p] * factor;
}

// A part of a parameter, as the parameter wants it. Only `copy` has several.
void transform(WeightForm form, const std::vector<uint64_t>& shape, const float* from, size_t count,
               const Tensor& tensor, float* to) {
  switch (form) {
    case WeightForm::copy: std::copy_n(from, count, to); break;
    case WeightForm::convolution: permute(shape, from, 1.0f, to); break;
    case WeightForm::doubled: permute(shape, from, 2.0f, to); break;
    case WeightForm::less_inputs_sum: {
      const size_t pixels = shape[2] * shape[3];
      for (size_t o = 0; o < shape[0]; ++o) {
        for (size_t p = 0; p < pixels; ++p) {
          double sum = 0;
          for (size_t i = 0; i < shape[1]; ++i) sum += double{from[(o * shape[1] + i) * pixels + p]};
          to[o * pixels + p] = static_cast<float>(-sum);
        }
      }
      break;
    }
    case WeightForm::table:
      std::copy_n(from, count, to);
      std::fill_n(to + count, shape[1], 0.0f);
      break;
    case WeightForm::first_columns: {
      const size_t kept = static_cast<size_t>(tensor.dims[1]);
      for (size_t o = 0; o < shape[0]; ++o) std::copy_n(from + o * shape[1], kept, to + o * kept);
      break;
    }
    case WeightForm::over_time: {
      const std::array<float, 2> factors = reciprocal_factors();
      for (size_t i = 0; i < count; ++i) {
        for (size_t k = 0; k < 4; ++k) to[4 * i + k] = k < 2 ? from[i] * factors[k] : 0.0f;
      }
      break;
    }
  }
}

bool all_finite(const float* values, size_t count) {
  uint32_t largest[4] = {};  // bits without the sign; four, so that one does not wait for the other
  for (size_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, values + i, sizeof bits);
    largest[i % 4] = std::max(largest[i % 4], bits & 0x7FFFFFFFu);
  }
  return std::max(std::max(largest[0], largest[1]), std::max(largest[2], largest[3])) < 0x7F800000u;
}

// Where the file stores float32 at an address for it, the values lie there; else they are converted.
const float* values_of(const SafeTensor& tensor, std::vector<float>* converted) {
  if (tensor.dtype == SafeDType::f32 && reinterpret_cast<uintptr_t>(tensor.bytes.data) % alignof(float) == 0)
    return reinterpret_cast<const float*>(tensor.bytes.data);
  converted->resize(static_cast<size_t>(tensor.elements()));
  copy_as_f32(tensor, converted->data());
  return converted->data();
}

// A name as the messages of io/safetensors.h show it; strange ones escaped, to stay on one line.
std::string quoted(const SafeTensor& tensor) {
  const std::string text = write_json(Json(tensor.name), 0);
  return text.size() == tensor.name.size() + 2 ? "'" + tensor.name + "'" : text;
}

void check_finite(const StoredTensor& stored, const float* values, size_t count) {
  if (!all_finite(values, count))
    throw Error(ExitCode::invalid_input, stored.file->view().name + ": tensor " + quoted(*stored.tensor) +
                                             ": holds infinities or what is no number, as float32");
}

}  // namespace

UnetCheckpoint::UnetCheckpoint(const std::vector<std::string>& paths, const std::string& name) : name_(name) {
  std::set<std::string> names;
  for (const std::string& path : paths) {
    files_.push_back(std::make_shared<const SafetensorsFile>(path));
    for (const SafeTensor& tensor : files_.back()->tensors())
      if (!names.insert(tensor.name).second)
        throw Error(ExitCode::invalid_input, path + ": tensor " + quoted(tensor) + " is in another file of it too");
  }
}

StoredTensor UnetCheckpoint::find(const std::string& tensor) const {
  for (const auto& file : files_)
    if (const SafeTensor* const found = file->find(tensor)) return {file, found};
  return {};
}

std::vector<StoredTensor> UnetCheckpoint::parts_of(const ExpectedWeight& expected) const {
  std::vector<StoredTensor> current, old;
  for (const WeightPart& part : expected.parts) {
    if (const StoredTensor stored = find(part.name); stored.tensor != nullptr) current.push_back(stored);
    if (part.old_name.empty()) continue;
    if (const StoredTensor stored = find(part.old_name); stored.tensor != nullptr) old.push_back(stored);
  }
  if (current.size() == expected.parts.size()) return current;
  if (old.size() == expected.parts.size()) return old;
  return {};
}

std::vector<std::string> UnetCheckpoint::problems(const std::vector<ExpectedWeight>& expected) const {
  std::vector<std::string> lines;
  std::set<std::string> wanted;
  const auto look_at = [&](const SafeTensor& tensor, const WeightPart& part) {
    if (!wanted.insert(tensor.name).second) return;  // of two parameters
    if (tensor.shape != part.shape) {
      lines.push_back(quoted(tensor) + " has the shape " + safe_shape_text(tensor.shape) + ", not " +
                      safe_shape_text(part.shape));
    } else if (!is_float(tensor.dtype)) {
      lines.push_back(quoted(tensor) + " is of type " + safe_dtype_name(tensor.dtype) + ", not F32, F16, BF16 or F64");
    }
  };
  for (const ExpectedWeight& weight : expected) {
    const auto has = [&](const std::string& name) { return !name.empty() && find(name).tensor != nullptr; };
    const bool any = std::any_of(weight.parts.begin(), weight.parts.end(),
                                 [&](const WeightPart& p) { return has(p.name) || has(p.old_name); });
    const bool old = std::any_of(weight.parts.begin(), weight.parts.end(),
                                 [&](const WeightPart& p) { return has(p.old_name) && !has(p.name); });
    if (!any && weight.may_lack) continue;
    for (const WeightPart& part : weight.parts) {
      const std::string& name = old && !part.old_name.empty() ? part.old_name : part.name;
      if (const StoredTensor stored = find(name); stored.tensor != nullptr) {
        look_at(*stored.tensor, part);
      } else if (wanted.insert(name).second) {
        lines.push_back("'" + name + "' " + safe_shape_text(part.shape) + " is missing");
      }
    }
  }
  for (const auto& file : files_)
    for (const SafeTensor& tensor : file->tensors())
      if (wanted.count(tensor.name) == 0)
        lines.push_back(quoted(tensor) + " " + safe_shape_text(tensor.shape) + " is not part of this network");
  return lines;
}

void bind_weights(const UnetCheckpoint& checkpoint, UnetGraph* unet) {
  const std::vector<std::string> lines = checkpoint.problems(unet->weights);
  if (!lines.empty()) {
    std::string all;
    for (const std::string& line : lines) all += (all.empty() ? "" : "; ") + line;
    throw Error(ExitCode::invalid_input, checkpoint.name() + ": " + std::to_string(lines.size()) +
                                             (lines.size() == 1 ? " tensor does" : " tensors do") +
                                             " not fit its configuration: " + all);
  }
  for (const ExpectedWeight& expected : unet->weights) {
    if (expected.tensor < 0) continue;
    Tensor& tensor = unet->graph.tensors[static_cast<size_t>(expected.tensor)];
    const std::vector<StoredTensor> stored = checkpoint.parts_of(expected);
    const WeightForm form = expected.form;
    tensor.fill = [stored, form](const Tensor& of, float* to) {
      if (stored.empty()) std::fill_n(to, of.elements(), 0.0f);
      std::vector<float> converted;
      for (const StoredTensor& part : stored) {
        const size_t count = static_cast<size_t>(part.tensor->elements());
        const float* const values = values_of(*part.tensor, &converted);
        check_finite(part, values, count);
        transform(form, part.tensor->shape, values, count, of, to);
        to += count;
        part.file->forget(*part.tensor);
      }
    };
  }
}

bool has_old_names(const UnetCheckpoint& checkpoint, const UnetGraph& unet) {
  for (const ExpectedWeight& expected : unet.weights)
    for (const WeightPart& part : expected.parts)
      if (!part.old_name.empty() && checkpoint.find(part.old_name).tensor != nullptr) return true;
  return false;
}

std::vector<float> read_tensor(const UnetCheckpoint& checkpoint, const std::string& tensor) {
  const StoredTensor stored = checkpoint.find(tensor);
  std::vector<float> values = as_f32(*stored.tensor);
  check_finite(stored, values.data(), values.size());
  return values;
}

std::vector<float> timestep_class_table(const UnetCheckpoint& checkpoint, const Unet2DConfig& config, int classes) {
  const size_t in = static_cast<size_t>(config.channels[0]), features = static_cast<size_t>(config.time_features);
  const std::vector<float> frequencies = sinusoid_frequencies(config);
  const std::string name = "class_embedding.linear_";
  const std::vector<float> w1 = read_tensor(checkpoint, name + "1.weight"),
                           b1 = read_tensor(checkpoint, name + "1.bias");
  const std::vector<float> w2 = read_tensor(checkpoint, name + "2.weight"),
                           b2 = read_tensor(checkpoint, name + "2.bias");
  std::vector<float> table(static_cast<size_t>(classes + 1) * features);
  for (size_t c = 0; c < static_cast<size_t>(classes); ++c) {
    std::vector<double> x(in), hidden(features);
    for (size_t i = 0; i < frequencies.size(); ++i) {
      const double angle = double{static_cast<float>(c) * frequencies[i]};
      x[i] = config.flip_sin_to_cos ? std::cos(angle) : std::sin(angle);
      x[i + frequencies.size()] = config.flip_sin_to_cos ? std::sin(angle) : std::cos(angle);
    }
    for (size_t o = 0; o < features; ++o) {
      double sum = double{b1[o]};
      for (size_t i = 0; i < in; ++i) sum += double{w1[o * in + i]} * x[i];
      hidden[o] = sum / (1.0 + std::exp(-sum));
    }
    for (size_t o = 0; o < features; ++o) {
      double sum = double{b2[o]};
      for (size_t i = 0; i < features; ++i) sum += double{w2[o * features + i]} * hidden[i];
      table[c * features + o] = static_cast<float>(sum);
    }
  }
  return table;
}

}  // namespace mote::tool
