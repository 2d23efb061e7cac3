// The JSON reader: recursive descent over bytes, strict RFC 8259.
#include <charconv>
#include <unordered_set>

#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

class JsonParser {
 public:
  JsonParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Json document() {
    skip_space();
    Json out = value(0);
    skip_space();
    if (at_ < text_.size()) fail("expected the end of the file after the value");
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { fail_at(at_, what); }

  [[noreturn]] void fail_at(size_t offset, const std::string& what) const {
    size_t line = 1, start = 0;
    for (size_t i = 0; i < offset && i < text_.size(); ++i) {
      if (text_[i] == '\n') {
        ++line;
        start = i + 1;
      }
    }
    throw Error(ExitCode::invalid_input,
                name_ + ":" + std::to_string(line) + ":" + std::to_string(offset - start + 1) + ": " + what);
  }

  bool ended() const { return at_ >= text_.size(); }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_space() {
    while (!ended() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }

  Json value(int depth) {
    if (ended()) fail("expected a value, found the end of the file");
    switch (peek()) {
      case '{': return object(depth + 1);
      case '[': return array(depth + 1);
      case '"': return Json(string());
      case 't': return word("true", Json(true));
      case 'f': return word("false", Json(false));
      case 'n': return word("null", Json());
      default: return number();
    }
  }

  Json word(std::string_view expected, Json meaning) {
    if (text_.substr(at_, expected.size()) != expected) fail("expected a value");
    at_ += expected.size();
    return meaning;
  }

  void enter(int depth) {
    if (depth > kJsonMaxDepth) fail("nested deeper than " + std::to_string(kJsonMaxDepth) + " levels");
    ++at_;
    skip_space();
  }

  // After an element: true when another one follows.
  bool another(char closing) {
    skip_space();
    if (peek() == closing && !ended()) {
      ++at_;
      return false;
    }
    if (ended() || peek() != ',') fail(std::string("expected ',' or '") + closing + "'");
    ++at_;
    skip_space();
    if (!ended() && peek() == closing) fail("a comma before the end is not allowed");
    return true;
  }

  bool is_empty(char closing) {
    if (ended() || peek() != closing) return false;
    ++at_;
    return true;
  }

  Json array(int depth) {
    enter(depth);
    Json out = Json::array();
    if (is_empty(']')) return out;
    do {
      out.items_.push_back(value(depth));
    } while (another(']'));
    return out;
  }

  Json object(int depth) {
    enter(depth);
    Json out = Json::object();
    if (is_empty('}')) return out;
    std::unordered_set<std::string> seen;
    do {
      const size_t key_at = at_;
      if (ended() || peek() != '"') fail("expected a key in double quotes");
      std::string key = string();
      if (!seen.insert(key).second) fail_at(key_at, "the key " + write_json(Json(key), 0) + " appears twice");
      skip_space();
      if (ended() || peek() != ':') fail("expected ':' after the key");
      ++at_;
      skip_space();
      Json member = value(depth);
      out.members_.emplace_back(std::move(key), std::move(member));
    } while (another('}'));
    return out;
  }

  std::string string() {
    const size_t opened = at_++;
    std::string out;
    for (;;) {
      if (ended()) fail_at(opened, "the string does not end");
      const unsigned char c = static_cast<unsigned char>(peek());
      if (c == '"') break;
      if (c < 0x20) fail("a control character in a string must be written as an escape");
      if (c == '\\') {
        escape(&out);
      } else if (c < 0x80) {
        out += static_cast<char>(c);
        ++at_;
      } else {
        utf8(&out);
      }
    }
    ++at_;
    return out;
  }

  void escape(std::string* out) {
    static constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    const size_t start = at_;
    ++at_;
    const size_t which = ended() ? std::string_view::npos : kLetters.find(peek());
    if (which != std::string_view::npos) {
      *out += kMeanings[which];
      ++at_;
      return;
    }
    if (ended() || peek() != 'u') fail_at(start, "unknown escape in a string");
    ++at_;
    uint32_t code = hex4(start);
    if (code >= 0xD800 && code <= 0xDFFF) {
      const bool high = code < 0xDC00 && text_.substr(at_, 2) == "\\u";
      uint32_t low = 0;
      if (high) {
        at_ += 2;
        low = hex4(start);
      }
      if (low < 0xDC00 || low > 0xDFFF) fail_at(start, "half of a surrogate pair in a string");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(out, code);
  }

  uint32_t hex4(size_t start) {
    uint32_t code = 0;
    const std::string_view digits = text_.substr(at_, 4);
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || result.ec != std::errc() || result.ptr != digits.data() + 4) {
      fail_at(start, "\\u needs four hexadecimal digits");
    }
    at_ += 4;
    return code;
  }

  static void append_utf8(std::string* out, uint32_t code) {
    const auto tail = [&](int shift) { *out += static_cast<char>(0x80 | (code >> shift & 0x3F)); };
    if (code < 0x80) {
      *out += static_cast<char>(code);
    } else if (code < 0x800) {
      *out += static_cast<char>(0xC0 | code >> 6);
      tail(0);
    } else if (code < 0x10000) {
      *out += static_cast<char>(0xE0 | code >> 12);
      tail(6), tail(0);
    } else {
      *out += static_cast<char>(0xF0 | code >> 18);
      tail(12), tail(6), tail(0);
    }
  }

  // One character of two to four bytes; no overlong forms, surrogates or values above U+10FFFF.
  void utf8(std::string* out) {
    const unsigned char lead = static_cast<unsigned char>(peek());
    const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    const std::string_view bytes = text_.substr(at_, length);
    static constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    bool good = lead >= 0xC2 && lead <= 0xF4 && bytes.size() == length;
    uint32_t code = lead & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length && good; ++i) {
      const unsigned char c = static_cast<unsigned char>(bytes[i]);
      good = (c & 0xC0) == 0x80;
      code = code << 6 | (c & 0x3F);
    }
    if (!good || code < kSmallest[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
      fail("not valid UTF-8");
    }
    out->append(bytes);
    at_ += length;
  }

  size_t digits() {
    const size_t start = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ - start;
  }

  Json number() {
    const size_t start = at_;
    const bool minus = peek() == '-';
    if (minus) ++at_;
    const bool zero = peek() == '0';
    const size_t whole = digits();
    if (whole == 0) fail_at(start, minus ? "expected digits after '-'" : "expected a value");
    if (zero && whole > 1) fail_at(start, "a number may not start with 0");
    bool integral = true;
    if (peek() == '.') {
      integral = false;
      ++at_;
      if (digits() == 0) fail("expected digits after '.'");
    }
    if (peek() == 'e' || peek() == 'E') {
      integral = false;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (digits() == 0) fail("expected digits in the exponent");
    }
    Json out(Json::Kind::number);
    const char *first = text_.data() + start, *last = text_.data() + at_;
    if (std::from_chars(first, last, out.number_).ec != std::errc())
      fail_at(start, "the number does not fit a float64");
    out.integral_ = integral && std::from_chars(first, last, out.integer_).ec == std::errc();
    return out;
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
};

Json parse_json(std::string_view text, const std::string& name) { return JsonParser(text, name).document(); }

// A value takes some hundred bytes of memory and as little as two bytes of text, hence the low cap.
Json read_json(const std::string& path) { return parse_json(read_text_file(path, uint64_t{16} << 20), path); }

}  // namespace mote::tool
