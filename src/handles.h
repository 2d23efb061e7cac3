// What lies behind the opaque handles of mote.h, for api.cpp and edit/.
#pragma once
#include <mote/mote.h>

#include "diffusion/sampler.h"

namespace mote {

// What lies in a mote_model.
struct ModelHandle {
  uint32_t tag;
  Model model;
};
constexpr uint32_t model_tag = format::fourcc('O', 'P', 'E', 'N');
static_assert(sizeof(ModelHandle) <= sizeof(mote_model));
static_assert(alignof(ModelHandle) <= alignof(mote_model));

// Null for a null pointer and for memory that mote_open has not filled (if it happens to be zero, say).
inline const Model* open_model(const mote_model* handle) {
  if (handle == nullptr) return nullptr;
  const auto* model = reinterpret_cast<const ModelHandle*>(handle);
  return model->tag == model_tag ? &model->model : nullptr;
}

inline Sampler* behind(mote_sampler* handle) { return reinterpret_cast<Sampler*>(handle); }
inline const Sampler* behind(const mote_sampler* handle) { return reinterpret_cast<const Sampler*>(handle); }

}  // namespace mote
