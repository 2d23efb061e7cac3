#include "weights_tool/diffusers/folder.h"

#include <algorithm>
#include <set>

#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"

namespace mote::tool {
namespace {

const std::string weights_stem = "diffusion_pytorch_model";
const std::string extension = ".safetensors";

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// In quotes, on one line whatever it holds.
std::string quoted(const std::string& text) { return write_json(Json(text), 0); }

// A shard of several: "NAME-00001-of-00003".
bool is_shard(const std::string& stem) { return stem.find("-of-") != std::string::npos; }

// "" for the plain file, "fp16" for diffusion_pytorch_model.fp16.safetensors and for the indices
// diffusion_pytorch_model.safetensors.index.fp16.json and diffusion_pytorch_model.fp16.safetensors.index.json.
struct WeightsFile {
  std::string name, variant;
  bool index = false;
};

std::vector<WeightsFile> weights_in(const std::vector<std::string>& names) {
  std::vector<WeightsFile> files;
  for (const std::string& name : names) {
    if (name.rfind(weights_stem, 0) != 0) continue;
    std::string rest = name.substr(weights_stem.size());  // ".fp16.safetensors", ".safetensors.index.fp16.json"
    const bool index = ends_with(rest, ".json") && rest.find(extension + ".index") != std::string::npos;
    if (!index && (!ends_with(rest, extension) || is_shard(rest))) continue;
    std::string variant;
    for (size_t begin = 0; begin < rest.size();) {
      const size_t end = std::min(rest.find('.', begin + 1), rest.size());
      const std::string word = rest.substr(begin + 1, end - begin - 1);
      if (word != "safetensors" && word != "index" && word != "json") variant += (variant.empty() ? "" : ".") + word;
      begin = end;
    }
    files.push_back({name, variant, index});
  }
  return files;
}

[[noreturn]] void no_weights(const std::string& folder, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    for (const char* const other : {".bin", ".ckpt", ".pt", ".msgpack"}) {
      if (ends_with(name, other))
        throw Error(ExitCode::invalid_input,
                    join_path(folder, name) +
                        ": weights in this form are not read; save the model again with "
                        "save_pretrained(DIR, safe_serialization=True), which writes safetensors");
    }
  }
  throw Error(ExitCode::io, folder + ": holds no " + weights_stem + extension + ", whole or in shards with an index");
}

// The plain file before its shards; the only variant when there is no plain one.
WeightsFile choose(const std::string& folder, const std::vector<std::string>& names, const std::string& variant) {
  const std::vector<WeightsFile> files = weights_in(names);
  std::set<std::string> variants;
  for (const WeightsFile& file : files) variants.insert(file.variant);
  if (variants.empty()) no_weights(folder, names);
  const std::string wanted =
      variant.empty() && variants.count("") == 0 && variants.size() == 1 ? *variants.begin() : variant;
  const WeightsFile* chosen = nullptr;
  for (const WeightsFile& file : files)
    if (file.variant == wanted && (chosen == nullptr || (chosen->index && !file.index))) chosen = &file;
  if (chosen != nullptr) return *chosen;
  std::string list;
  for (const std::string& each : variants) list += (list.empty() ? "" : ", ") + (each.empty() ? "(none)" : each);
  throw Error(ExitCode::invalid_input,
              folder + ": has no weights of the variant \"" + wanted + "\"; name one of these with --variant: " + list);
}

void find_weights(const std::string& folder, const std::string& variant, DiffusersFolder* found) {
  const std::vector<std::string> names = list_directory(folder);
  const WeightsFile file = choose(folder, names, variant);
  const std::string path = join_path(folder, file.name);
  found->name = path;
  if (!file.index) {
    found->weights = {path};
    return;
  }
  const Json index = read_json(path);
  for (const std::string& shard : shard_names(JsonView(index, path))) {
    if (!has(names, shard)) throw Error(ExitCode::io, join_path(folder, shard) + ": is missing; " + path + " names it");
    found->weights.push_back(join_path(folder, shard));
  }
}

// A pipeline of another kind has other networks beside this one.
void read_model_index(const std::string& path, DiffusersFolder* found) {
  const Json json = read_json(path);
  const JsonView view(json, path);
  found->pipeline_class = view.text_or("_class_name", "");
  if (!view.has("unet")) view.fail("names no \"unet\"; supported: pipelines of a UNet2DModel and a scheduler");
  const JsonView unet = view.at("unet");
  if (unet.value().kind() != Json::Kind::array || unet.size() != 2) unet.fail("expected [library, class]");
  const std::string name = unet.at(1).text();
  if (name != "UNet2DModel") unet.at(1).fail(quoted(name) + " is not supported; supported: \"UNet2DModel\"");
}

}  // namespace

std::vector<std::string> shard_names(const JsonView& index) {
  const JsonView map = index.at("weight_map");
  if (map.value().kind() != Json::Kind::object) map.fail("expected an object: tensor to file");
  std::set<std::string> names;
  for (const std::string& tensor : map.keys()) {
    const std::string name = map.at(tensor).text();
    const auto leads_away = [](char c) { return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20; };
    const bool plain =
        ends_with(name, extension) && name[0] != '.' && std::none_of(name.begin(), name.end(), leads_away);
    if (!plain) map.at(tensor).fail(quoted(name) + " is no plain name of a safetensors file beside the index");
    names.insert(name);
  }
  if (names.empty()) map.fail("names no files");
  return {names.begin(), names.end()};
}

DiffusersFolder find_diffusers_files(const std::string& folder, const std::string& variant) {
  if (!is_directory(folder))
    throw Error(ExitCode::io, folder + ": is no folder; give the one that save_pretrained wrote");
  DiffusersFolder found;
  if (const std::string path = join_path(folder, "model_index.json"); path_exists(path)) read_model_index(path, &found);
  const std::string inner = join_path(folder, "unet");
  const std::string unet = path_exists(join_path(inner, "config.json")) ? inner : folder;
  found.unet_path = join_path(unet, "config.json");
  if (!path_exists(found.unet_path))
    throw Error(ExitCode::io, folder + ": holds neither unet/config.json nor config.json; give the folder that " +
                                  "save_pretrained wrote");
  found.unet = read_json(found.unet_path);
  find_weights(unet, variant, &found);
  for (const char* const place : {"scheduler/scheduler_config.json", "scheduler_config.json"}) {
    const std::string path = join_path(folder, place);
    if (!found.scheduler_path.empty() || !path_exists(path)) continue;
    found.scheduler_path = path;
    found.scheduler_text = read_text_file(path);
  }
  return found;
}

}  // namespace mote::tool
