// Typed access to parsed JSON with errors that name file and key.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/json.h"

namespace mote::tool {
namespace {

// What was found, short enough for an error line.
std::string brief(const Json& value) {
  switch (value.kind()) {
    case Json::Kind::array: return "an array";
    case Json::Kind::object: return "an object";
    default: break;
  }
  std::string text = write_json(value, 0);
  constexpr size_t kLongest = 60;
  if (text.size() > kLongest) {
    size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside a character
    text = text.substr(0, end) + "...";
  }
  return text;
}

std::string integer_wanted(int64_t low, int64_t high) {
  if (low != INT64_MIN && high != INT64_MAX) {
    return "an integer from " + std::to_string(low) + " to " + std::to_string(high);
  }
  if (low != INT64_MIN) return "an integer >= " + std::to_string(low);
  return high == INT64_MAX ? "an integer" : "an integer <= " + std::to_string(high);
}

std::string number_text(double value) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

std::string number_wanted(double low, double high) {
  const bool has_low = std::isfinite(low), has_high = std::isfinite(high);
  if (has_low && has_high) return "a number from " + number_text(low) + " to " + number_text(high);
  if (has_low) return "a number >= " + number_text(low);
  return has_high ? "a number <= " + number_text(high) : "a number";
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + write_json(Json(word), 0);
  return out;
}

// A key as a part of a path: bare when it is a plain word, quoted and escaped otherwise.
std::string key_text(std::string_view key) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  if (!key.empty() && std::all_of(key.begin(), key.end(), plain)) return std::string(key);
  return write_json(Json(key), 0);
}

}  // namespace

void JsonView::fail(const std::string& what) const {
  throw Error(ExitCode::invalid_input, name_ + ": " + (path_.empty() ? "" : path_ + ": ") + what);
}

void JsonView::expected(const std::string& what) const { fail("expected " + what + ", got " + brief(*value_)); }

std::string JsonView::child_path(std::string_view key) const {
  return path_.empty() ? key_text(key) : path_ + "." + key_text(key);
}

bool JsonView::has(std::string_view key) const {
  if (value_->kind() != Json::Kind::object) expected("an object");
  return value_->find(key) != nullptr;
}

JsonView JsonView::at(std::string_view key) const {
  if (value_->kind() != Json::Kind::object) expected("an object");
  JsonView child = *this;
  child.path_ = child_path(key);
  child.value_ = value_->find(key);
  if (child.value_ == nullptr) {
    child.value_ = value_;
    child.fail("missing");
  }
  return child;
}

size_t JsonView::size() const {
  if (value_->kind() != Json::Kind::array) expected("an array");
  return value_->items().size();
}

JsonView JsonView::at(size_t index) const {
  const size_t count = size();
  if (index >= count) fail("expected at least " + std::to_string(index + 1) + " items, got " + std::to_string(count));
  JsonView child = *this;
  child.path_ += "[" + std::to_string(index) + "]";
  child.value_ = &value_->items()[index];
  return child;
}

std::vector<JsonView> JsonView::items() const {
  std::vector<JsonView> out;
  for (size_t i = 0, count = size(); i < count; ++i) out.push_back(at(i));
  return out;
}

std::vector<std::string> JsonView::keys() const {
  if (value_->kind() != Json::Kind::object) expected("an object");
  std::vector<std::string> out;
  for (const Json::Member& member : value_->members()) out.push_back(member.first);
  return out;
}

bool JsonView::boolean() const {
  if (value_->kind() != Json::Kind::boolean) expected("true or false");
  return value_->boolean();
}

int64_t JsonView::integer(int64_t low, int64_t high) const {
  if (!value_->is_integer() || value_->integer() < low || value_->integer() > high) expected(integer_wanted(low, high));
  return value_->integer();
}

double JsonView::number() const {
  if (value_->kind() != Json::Kind::number) expected("a number");
  return value_->number();
}

double JsonView::number(double low, double high) const {
  if (value_->kind() != Json::Kind::number || !(value_->number() >= low && value_->number() <= high)) {
    expected(number_wanted(low, high));
  }
  return value_->number();
}

std::string JsonView::text() const {
  if (value_->kind() != Json::Kind::string) expected("a string");
  return value_->text();
}

std::string JsonView::one_of(const std::vector<std::string>& allowed) const {
  const bool known = value_->kind() == Json::Kind::string &&
                     std::find(allowed.begin(), allowed.end(), value_->text()) != allowed.end();
  if (!known) expected("one of " + joined(allowed));
  return value_->text();
}

std::vector<int64_t> JsonView::integers(int64_t low, int64_t high) const {
  std::vector<int64_t> out;
  for (const JsonView& item : items()) out.push_back(item.integer(low, high));
  return out;
}

std::vector<double> JsonView::numbers(double low, double high) const {
  std::vector<double> out;
  for (const JsonView& item : items()) out.push_back(item.number(low, high));
  return out;
}

std::vector<std::string> JsonView::texts() const {
  std::vector<std::string> out;
  for (const JsonView& item : items()) out.push_back(item.text());
  return out;
}

bool JsonView::boolean_or(std::string_view key, bool fallback) const { return has(key) ? at(key).boolean() : fallback; }

int64_t JsonView::integer_or(std::string_view key, int64_t fallback, int64_t low, int64_t high) const {
  return has(key) ? at(key).integer(low, high) : fallback;
}

double JsonView::number_or(std::string_view key, double fallback, double low, double high) const {
  return has(key) ? at(key).number(low, high) : fallback;
}

std::string JsonView::text_or(std::string_view key, const std::string& fallback) const {
  return has(key) ? at(key).text() : fallback;
}

std::string JsonView::one_of_or(std::string_view key, const std::string& fallback,
                                const std::vector<std::string>& allowed) const {
  return has(key) ? at(key).one_of(allowed) : fallback;
}

std::vector<std::string> JsonView::unknown_keys(const std::vector<std::string>& known) const {
  std::vector<std::string> out;
  for (const std::string& key : keys()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) out.push_back(key);
  }
  return out;
}

void JsonView::refuse_unknown(const std::vector<std::string>& known) const {
  const std::vector<std::string> unknown = unknown_keys(known);
  if (unknown.empty()) return;
  const std::string near = nearest(unknown.front(), known);
  at(unknown.front()).fail("unknown key" + (near.empty() ? "" : ", did you mean " + key_text(near) + "?"));
}

}  // namespace mote::tool
