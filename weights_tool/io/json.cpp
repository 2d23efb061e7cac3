// JSON values and their writer.
#include "weights_tool/io/json.h"

#include <charconv>
#include <cmath>
#include <stdexcept>

#include "weights_tool/io/file.h"

namespace mote::tool {

Json::Json(long long value)
    : kind_(Kind::number), integral_(true), number_(static_cast<double>(value)), integer_(value) {}

Json::Json(unsigned long long value) : kind_(Kind::number), number_(static_cast<double>(value)) {
  integral_ = value <= static_cast<unsigned long long>(INT64_MAX);
  if (integral_) integer_ = static_cast<int64_t>(value);
}

Json::Json(float value) : kind_(Kind::number), single_(true), number_(value) {}

Json::Json(double value) : kind_(Kind::number), number_(value) {}

void Json::need(Kind kind) const {
  if (kind_ != kind) throw std::logic_error("a JSON value is used as a kind that it is not");
}

Json& Json::push(Json value) {
  need(Kind::array);
  items_.push_back(std::move(value));
  return *this;
}

Json& Json::set(std::string_view key, Json value) {
  need(Kind::object);
  for (Member& member : members_) {
    if (member.first == key) {
      member.second = std::move(value);
      return *this;
    }
  }
  members_.emplace_back(std::string(key), std::move(value));
  return *this;
}

bool Json::boolean() const {
  need(Kind::boolean);
  return boolean_;
}

double Json::number() const {
  need(Kind::number);
  return number_;
}

bool Json::is_integer() const { return kind_ == Kind::number && integral_; }

int64_t Json::integer() const {
  if (!is_integer()) throw std::logic_error("a JSON value is used as an integer that it is not");
  return integer_;
}

const std::string& Json::text() const {
  need(Kind::string);
  return text_;
}

const std::vector<Json>& Json::items() const {
  need(Kind::array);
  return items_;
}

const std::vector<Json::Member>& Json::members() const {
  need(Kind::object);
  return members_;
}

const Json* Json::find(std::string_view key) const {
  need(Kind::object);
  for (const Member& member : members_) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

bool Json::operator==(const Json& other) const {
  if (kind_ != other.kind_) return false;
  switch (kind_) {
    case Kind::null: return true;
    case Kind::boolean: return boolean_ == other.boolean_;
    case Kind::number:
      return number_ == other.number_ && integral_ == other.integral_ && (!integral_ || integer_ == other.integer_);
    case Kind::string: return text_ == other.text_;
    case Kind::array: return items_ == other.items_;
    case Kind::object: return members_ == other.members_;
  }
  return false;
}

class JsonWriter {
 public:
  explicit JsonWriter(int indent) : indent_(indent) {}

  std::string write(const Json& value) {
    put(value, 0);
    return std::move(out_);
  }

 private:
  static constexpr size_t kShortLine = 100;

  void put(const Json& value, int depth) {
    switch (value.kind_) {
      case Json::Kind::null: out_ += "null"; break;
      case Json::Kind::boolean: out_ += value.boolean_ ? "true" : "false"; break;
      case Json::Kind::number: put_number(value); break;
      case Json::Kind::string: put_string(value.text_); break;
      case Json::Kind::array:
      case Json::Kind::object: put_container(value, depth); break;
    }
  }

  void put_number(const Json& value) {
    char text[40];
    char* end = text;
    if (value.integral_ && !(value.integer_ == 0 && std::signbit(value.number_))) {
      end = std::to_chars(text, text + sizeof text, value.integer_).ptr;
    } else if (value.integral_) {
      out_ += "-0";  // an integer whose sign the double still has
    } else if (!std::isfinite(value.number_)) {
      out_ += "null";
    } else {
      end = value.single_ ? std::to_chars(text, text + sizeof text, static_cast<float>(value.number_)).ptr
                          : std::to_chars(text, text + sizeof text, value.number_).ptr;
      // Says that it is no integer, so that reading it back gives the same value.
      if (std::string_view(text, static_cast<size_t>(end - text)).find_first_of(".e") == std::string_view::npos) {
        *end++ = '.';
        *end++ = '0';
      }
    }
    out_.append(text, static_cast<size_t>(end - text));
  }

  void put_string(const std::string& text) {
    static constexpr std::string_view kSpecial = "\"\\\b\f\n\r\t", kLetters = "\"\\bfnrt";
    static constexpr char kHex[] = "0123456789abcdef";
    out_ += '"';
    for (const char c : text) {
      const size_t which = kSpecial.find(c);
      const unsigned char byte = static_cast<unsigned char>(c);
      if (which != std::string_view::npos) {
        out_ += '\\';
        out_ += kLetters[which];
      } else if (byte < 0x20 || byte == 0x7F) {
        out_ += "\\u00";
        out_ += kHex[byte >> 4];
        out_ += kHex[byte & 15];
      } else {
        out_ += c;
      }
    }
    out_ += '"';
  }

  static bool is_container(const Json& value) {
    return value.kind_ == Json::Kind::array || value.kind_ == Json::Kind::object;
  }

  static bool is_flat(const Json& value) {
    for (const Json& item : value.items_) {
      if (is_container(item)) return false;
    }
    for (const Json::Member& member : value.members_) {
      if (is_container(member.second)) return false;
    }
    return true;
  }

  // On one line when that is short or everything shall be, otherwise a line for each element.
  void put_container(const Json& value, int depth) {
    const bool is_root_object = depth == 0 && value.kind_ == Json::Kind::object;
    if (indent_ == 0 || (is_flat(value) && !is_root_object)) {
      const size_t start = out_.size();
      put_elements(value, depth, false);
      if (indent_ == 0 || out_.size() - start + static_cast<size_t>(indent_ * depth) <= kShortLine) return;
      out_.resize(start);
    }
    put_elements(value, depth, true);
  }

  void put_elements(const Json& value, int depth, bool lines) {
    const bool object = value.kind_ == Json::Kind::object;
    const size_t count = object ? value.members_.size() : value.items_.size();
    lines = lines && count > 0;
    out_ += object ? '{' : '[';
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) out_ += lines || indent_ == 0 ? "," : ", ";
      if (lines) new_line(depth + 1);
      if (object) {
        put_string(value.members_[i].first);
        out_ += indent_ == 0 ? ":" : ": ";
      }
      put(object ? value.members_[i].second : value.items_[i], depth + 1);
    }
    if (lines) new_line(depth);
    out_ += object ? '}' : ']';
  }

  void new_line(int depth) {
    out_ += '\n';
    out_.append(static_cast<size_t>(indent_ * depth), ' ');
  }

  int indent_;
  std::string out_;
};

std::string write_json(const Json& value, int indent) { return JsonWriter(indent).write(value); }

void write_json_file(const std::string& path, const Json& value, bool force) {
  write_file(path, std::string_view(write_json(value) + "\n"), force);
}

}  // namespace mote::tool
