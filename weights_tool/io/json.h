// JSON (RFC 8259), strict: nesting at most 64 deep, no duplicate keys, nothing after the value, valid UTF-8, no NaN.
// Objects keep the order of their keys. Json holds values; JsonView walks a parsed file and knows where it is, so that
// a wrong value is reported as
//   model.json: train.batch: expected an integer >= 1, got "x"
// Errors are Error(invalid_input).
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mote::tool {

class Json {
 public:
  enum class Kind { null, boolean, number, string, array, object };
  using Member = std::pair<std::string, Json>;

  // Values. Floats are written with as many digits as a float needs, doubles with as many as a double needs.
  Json() = default;
  Json(std::nullptr_t) {}                                                      // NOLINT: implicit on purpose, as below
  Json(bool value) : kind_(Kind::boolean), boolean_(value) {}                  // NOLINT
  Json(int value) : Json(static_cast<long long>(value)) {}                     // NOLINT
  Json(long value) : Json(static_cast<long long>(value)) {}                    // NOLINT
  Json(long long value);                                                       // NOLINT
  Json(unsigned value) : Json(static_cast<long long>(value)) {}                // NOLINT
  Json(unsigned long value) : Json(static_cast<unsigned long long>(value)) {}  // NOLINT
  Json(unsigned long long value);                                              // NOLINT
  Json(float value);                                                           // NOLINT
  Json(double value);                                                          // NOLINT
  Json(const char* text) : kind_(Kind::string), text_(text) {}                 // NOLINT
  Json(std::string text) : kind_(Kind::string), text_(std::move(text)) {}      // NOLINT
  Json(std::string_view text) : kind_(Kind::string), text_(text) {}            // NOLINT
  template <class T>
  Json(const T*) = delete;  // NOLINT: any other pointer would become a boolean
  static Json array() { return Json(Kind::array); }
  static Json object() { return Json(Kind::object); }
  template <class T>
  static Json array(const std::vector<T>& values) {
    Json out = array();
    for (const T& value : values) out.push(Json(value));
    return out;
  }

  // Building. set() replaces the value of a key that exists and otherwise adds it at the end.
  Json& push(Json value);
  Json& set(std::string_view key, Json value);

  // Looking. Asking a value for what it is not is a mistake of the program: std::logic_error. Use JsonView for files.
  Kind kind() const { return kind_; }
  bool boolean() const;
  double number() const;            // nearest double
  bool is_integer() const;          // a number written without fraction or exponent that fits int64
  int64_t integer() const;          // exact; needs is_integer()
  const std::string& text() const;  // UTF-8, may hold U+0000
  const std::vector<Json>& items() const;
  const std::vector<Member>& members() const;
  const Json* find(std::string_view key) const;  // nullptr when absent

  bool operator==(const Json& other) const;  // same kinds, values and order
  bool operator!=(const Json& other) const { return !(*this == other); }

 private:
  friend std::string write_json(const Json&, int);
  explicit Json(Kind kind) : kind_(kind) {}
  void need(Kind kind) const;

  Kind kind_ = Kind::null;
  bool boolean_ = false;
  bool integral_ = false;
  bool single_ = false;  // came from a float
  double number_ = 0;
  int64_t integer_ = 0;
  std::string text_;
  std::vector<Json> items_;
  std::vector<Member> members_;

  friend class JsonParser;
  friend class JsonWriter;
};

constexpr int kJsonMaxDepth = 64;

// `name` stands in front of errors: "NAME:line:column: what is wrong" (column counts bytes, from 1).
Json parse_json(std::string_view text, const std::string& name);
Json read_json(const std::string& path);

// Two spaces of indent; arrays and objects that hold no other array or object stay on one line when it is short. indent
// = 0: all on one line. Ends without a newline. NaN and infinity, which JSON cannot say, become null.
std::string write_json(const Json& value, int indent = 2);
void write_json_file(const std::string& path, const Json& value, bool force);  // ends with a newline

// A place in a parsed file. Cheap to copy; does not own: the Json (and nothing else) must outlive it.
class JsonView {
 public:
  // `name` is the path shown in errors.
  JsonView(const Json& root, const std::string& name) : value_(&root), name_(name) {}

  const Json& value() const { return *value_; }
  // "train.sizes[2]"; "" at the root.
  const std::string& key_path() const { return path_; }
  bool has(std::string_view key) const;  // of an object
  bool is_null() const { return value_->kind() == Json::Kind::null; }

  // Steps. A missing key or index, or a value that is no object or array, is an Error.
  JsonView at(std::string_view key) const;
  JsonView at(size_t index) const;
  size_t size() const;                    // of an array
  std::vector<JsonView> items() const;    // of an array
  std::vector<std::string> keys() const;  // of an object, in order

  // This value, typed and range-checked (bounds included).
  bool boolean() const;
  int64_t integer(int64_t low = INT64_MIN, int64_t high = INT64_MAX) const;
  double number(double low, double high) const;
  double number() const;
  std::string text() const;
  std::string one_of(const std::vector<std::string>& allowed) const;
  std::vector<int64_t> integers(int64_t low = INT64_MIN, int64_t high = INT64_MAX) const;
  std::vector<double> numbers(double low, double high) const;
  std::vector<std::string> texts() const;

  // The value of a key, or the fallback when the key is absent. A value of the wrong type is an Error all the same.
  bool boolean_or(std::string_view key, bool fallback) const;
  int64_t integer_or(std::string_view key, int64_t fallback, int64_t low = INT64_MIN, int64_t high = INT64_MAX) const;
  double number_or(std::string_view key, double fallback, double low, double high) const;
  std::string text_or(std::string_view key, const std::string& fallback) const;
  std::string one_of_or(std::string_view key, const std::string& fallback,
                        const std::vector<std::string>& allowed) const;

  // Keys of this object that are not among `known`, in order.
  std::vector<std::string> unknown_keys(const std::vector<std::string>& known) const;
  // Throws when there is one, naming it and the nearest known key.
  void refuse_unknown(const std::vector<std::string>& known) const;

  // For checks of the caller's own: throws Error(invalid_input) "NAME: key.path: what".
  [[noreturn]] void fail(const std::string& what) const;

 private:
  [[noreturn]] void expected(const std::string& what) const;
  std::string child_path(std::string_view key) const;

  const Json* value_;
  std::string name_;
  std::string path_;
};

}  // namespace mote::tool
