#include "weights_tool/commands/export_c.h"

#include <mote/version.h>

#include <algorithm>
#include <vector>

#include "format/verify.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"

namespace mote::tool {
namespace {

// ASCII only: what the C locale calls letters must not depend on the user's.
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

// The end of an operator's name in the library: kernels call signed integers s8, s16.
std::string type_suffix(DType dtype) {
  switch (dtype) {
    case DType::i8: return "s8";
    case DType::i16: return "s16";
    default: return format::dtype_text(dtype);
  }
}

// The operators a model uses, by the names the library gives them, in the order of first use.
std::vector<std::string> operator_names(const format::View& view) {
  std::vector<std::string> names;
  for (const format::OperatorRecord& op : view.operators) {
    const std::string name = std::string("mote_op_") + format::kind_text(static_cast<format::OpKind>(op.kind)) + "_" +
                             type_suffix(format::operator_dtype(view, op));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

// The kernels that an operator may run, by the names of their self-tests; none: it has no kernel.
std::vector<std::string> kernels_of(const std::string& op) {
  if (op == "conv2d_s8" || op == "linear_s8") return {"conv2d_s8", "conv2d_s16"};
  if (op == "group_norm_s8") return {"channel_sums_s8", "affine_s8"};
  if (op == "scale_shift_s8") return {"affine_s8"};
  if (op == "activation_s8") return {"table_s8"};
  if (op == "timestep_embedding_f32" || op == "class_embedding_f32" || op == "step_embedding_s16") return {};
  return {op};
}

// The self-tests of the kernels of these operators, by the names the library gives them.
std::vector<std::string> self_test_names(const std::vector<std::string>& operators) {
  std::vector<std::string> names;
  for (const std::string& op : operators) {
    for (const std::string& kernel : kernels_of(op.substr(std::string("mote_op_").size()))) {
      const std::string name = "mote_self_test_" + kernel;
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

// What mote_sampler_saved_size says for a configuration of defaults.
size_t saved_bytes(const ModelBuffer& model, size_t working_bytes) {
  const AlignedBuffer buffer(working_bytes);
  mote_sampler* sampler = nullptr;
  size_t bytes = 0;
  check_status(mote_sampler_create(&sampler, model.model(), nullptr, buffer.data(), buffer.size()),
               "cannot make a sampler");
  check_status(mote_sampler_saved_size(sampler, &bytes), "cannot size the saved state");
  return bytes;
}

// A table of pointers to objects of the library, ended by NULL.
std::string table_text(const std::string& type, const std::string& name, const std::vector<std::string>& entries) {
  std::string text;
  for (const std::string& each : entries) text += "extern const " + type + " " + each + ";\n";
  text += "\nconst " + type + " *const " + name + "[] = {\n";
  for (const std::string& each : entries) text += "    &" + each + ",\n";
  return text + "    NULL,\n};\n\n";
}

std::string head_comment(const std::string& file, const mote_model_info& info) {
  return "/* " + file + ": made by `weights_tool export` of mote " MOTE_VERSION_STRING ".\n" + " * Pictures of " +
         std::to_string(info.height) + "x" + std::to_string(info.width) + "x" + std::to_string(info.channels) + ", " +
         std::to_string(info.num_classes) + " classes, " + std::to_string(info.parameters) + " parameters, " +
         std::to_string(info.default_steps) + " steps. */\n";
}

std::string header_text(const std::string& name, const mote_model_info& info, size_t working_bytes,
                        size_t saved_bytes) {
  const std::string capital = upper(name), guard = "MOTE_MODEL_" + capital + "_H";
  const auto define = [&](const char* what, size_t value) {
    return "#define MOTE_" + capital + "_" + what + " " + std::to_string(value) + "\n";
  };
  std::string text = head_comment(name + ".h", info);
  text += "#ifndef " + guard + "\n#define " + guard + "\n\n#include <mote/mote.h>\n\n";
  text += "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  text +=
      "/* What mote_sampler_create needs for a configuration of defaults: one thread, the model's steps, nothing\n"
      " * rearranged. Exact on every target. */\n";
  text += define("BYTES", working_bytes);
  text += "/* What mote_sampler_save needs for the same. */\n" + define("SAVED_BYTES", saved_bytes) + "\n";
  text += define("MODEL_BYTES", info.model_bytes) + define("HEIGHT", info.height) + define("WIDTH", info.width) +
          define("CHANNELS", info.channels) + define("CLASSES", info.num_classes) + "\n";
  text += "extern const unsigned char mote_" + name + "_model[MOTE_" + capital + "_MODEL_BYTES];\n";
  text += "/* The operators this model uses; ended by NULL. */\n";
  text += "extern const mote_operator *const mote_" + name + "_operators[];\n";
  text +=
      "/* For mote_self_test: the kernels of these operators. Compile with -fdata-sections and link with "
      "--gc-sections,\n"
      " * and nothing of it is linked where no self-test is run. */\n";
  text += "extern const mote_self_test_case *const mote_" + name + "_self_tests[];\n\n";
  return text + "#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
}

// 24 numbers a line.
std::string array_text(ByteView bytes) {
  std::string text;
  text.reserve(bytes.size * 4 + bytes.size / 24);
  for (size_t i = 0; i < bytes.size; ++i) {
    text += std::to_string(bytes.data[i]);
    if (i + 1 < bytes.size) text += ',';
    if (i % 24 == 23 || i + 1 == bytes.size) text += '\n';
  }
  return text;
}

}  // namespace

std::string c_model_name(const std::string& path) {
  const std::string name = file_name(path);
  bool good = !name.empty() && !is_digit(name[0]);
  for (char c : name) good = good && (is_letter(c) || is_digit(c));
  if (!good)
    throw Error(ExitCode::usage, "weights_tool export: --c " + path +
                                     ": the last part becomes part of C names: letters, "
                                     "digits and '_', no extension, such as --c firmware/fashion");
  return name;
}

CSource make_c_source(const std::string& name, const ModelBuffer& model, ByteView bytes) {
  size_t working_bytes = 0;
  check_status(mote_working_size(model.model(), nullptr, &working_bytes), "cannot size the sampler");
  const mote_model_info& info = model.info();
  CSource source;
  source.header = header_text(name, info, working_bytes, saved_bytes(model, working_bytes));
  const std::vector<std::string> operators = operator_names(model.view());
  source.source = head_comment(name + ".c", info) + "#include \"" + name + ".h\"\n\n" +
                  table_text("mote_operator", "mote_" + name + "_operators", operators) +
                  table_text("mote_self_test_case", "mote_" + name + "_self_tests", self_test_names(operators)) +
                  "MOTE_ALIGNED const unsigned char mote_" + name + "_model[MOTE_" + upper(name) +
                  "_MODEL_BYTES] = {\n" + array_text(bytes.slice(0, info.model_bytes)) + "};\n";
  return source;
}

}  // namespace mote::tool
