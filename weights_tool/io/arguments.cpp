// Parsing, typed access and the help text of command lines.
#include "weights_tool/io/arguments.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

constexpr const char* kProgram = "weights_tool";

std::string number_text(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value);
  return std::string(text, end.ptr);
}

// Errors are one line: control characters, which a shell's $'...' can bring in, become '?'.
std::string quoted(const std::string& text) {
  std::string out = text;
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  }
  return '"' + out + '"';
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

std::string integer_range(const Option& option) {
  const bool low = option.integer_low != INT64_MIN, high = option.integer_high != INT64_MAX;
  if (low && high) return std::to_string(option.integer_low) + " to " + std::to_string(option.integer_high);
  if (low) return "at least " + std::to_string(option.integer_low);
  return high ? "at most " + std::to_string(option.integer_high) : "";
}

std::string number_range(const Option& option) {
  const bool low = std::isfinite(option.number_low), high = std::isfinite(option.number_high);
  if (low && high) return number_text(option.number_low) + " to " + number_text(option.number_high);
  if (low) return "at least " + number_text(option.number_low);
  return high ? "at most " + number_text(option.number_high) : "";
}

bool integer_in_range(const Option& option, const std::string& text) {
  int64_t value;
  return parse_integer(text, &value) && value >= option.integer_low && value <= option.integer_high;
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool acceptable(const Option& option, const std::string& value) {
  switch (option.type) {
    case Option::Type::flag: return false;
    case Option::Type::integer: return integer_in_range(option, value);
    case Option::Type::number: {
      double number;
      return parse_number(value, &number) && number >= option.number_low && number <= option.number_high;
    }
    case Option::Type::text: return !value.empty();
    case Option::Type::choice:
      return std::find(option.choices.begin(), option.choices.end(), value) != option.choices.end();
    case Option::Type::integers: {
      const std::vector<std::string> parts = split_at_commas(value);
      return std::all_of(parts.begin(), parts.end(), [&](const std::string& p) { return integer_in_range(option, p); });
    }
  }
  return false;
}

std::string what_it_takes(const Option& option) {
  const std::string range = range_text(option);
  const std::string suffix = range.empty() ? "" : ", " + range;
  switch (option.type) {
    case Option::Type::integer: return "an integer" + suffix;
    case Option::Type::number: return "a number" + suffix;
    case Option::Type::choice: return "one of " + range;
    case Option::Type::integers: return "integers with commas between them" + suffix;
    default: return "a value";
  }
}

// Insertions, deletions, substitutions and swaps of neighbours (Damerau-Levenshtein, optimal string alignment).
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
      cost[i][j] = std::min({change, cost[i - 1][j] + 1, cost[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

Option make_option(Option::Type type, std::string name, std::string value_name, std::string help) {
  Option option;
  option.type = type;
  option.name = std::move(name);
  option.value_name = std::move(value_name);
  option.help = std::move(help);
  return option;
}

}  // namespace

Option Option::flag(std::string name, std::string help) {
  return make_option(Type::flag, std::move(name), "", std::move(help));
}

Option Option::integer(std::string name, int64_t low, int64_t high, std::string help) {
  Option option = make_option(Type::integer, std::move(name), "N", std::move(help));
  option.integer_low = low;
  option.integer_high = high;
  return option;
}

Option Option::integer(std::string name, int64_t fallback, int64_t low, int64_t high, std::string help) {
  Option option = integer(std::move(name), low, high, std::move(help));
  option.fallback = std::to_string(fallback);
  return option;
}

Option Option::number(std::string name, double low, double high, std::string help) {
  Option option = make_option(Type::number, std::move(name), "X", std::move(help));
  option.number_low = low;
  option.number_high = high;
  return option;
}

Option Option::number(std::string name, double fallback, double low, double high, std::string help) {
  Option option = number(std::move(name), low, high, std::move(help));
  option.fallback = number_text(fallback);
  return option;
}

Option Option::text(std::string name, std::string value_name, std::string help, std::string fallback) {
  Option option = make_option(Type::text, std::move(name), std::move(value_name), std::move(help));
  option.fallback = std::move(fallback);
  return option;
}

Option Option::choice(std::string name, std::string fallback, std::vector<std::string> choices, std::string help) {
  Option option = make_option(Type::choice, std::move(name), "NAME", std::move(help));
  option.fallback = std::move(fallback);
  option.choices = std::move(choices);
  return option;
}

Option Option::integers(std::string name, int64_t low, int64_t high, std::string help) {
  Option option = make_option(Type::integers, std::move(name), "N,N,...", std::move(help));
  option.integer_low = low;
  option.integer_high = high;
  return option;
}

Arguments::Arguments(const CommandSpec& spec, const std::vector<std::string>& words) : spec_(&spec) {
  std::vector<std::string> loose;
  for (const std::string& word : words) {
    if (word == "--") break;
    if (word == "--help" || word == "-h") help_ = true;
  }
  if (help_) return;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      loose.insert(loose.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (word.size() > 1 && word[0] == '-') {
      i = take_option(words, i);
    } else {
      loose.push_back(word);
    }
  }
  assign_positionals(loose);
}

// Returns the index of the last word it used.
size_t Arguments::take_option(const std::vector<std::string>& words, size_t index) {
  const std::string& word = words[index];
  const size_t equals = word.find('=');
  const bool dashes = word.rfind("--", 0) == 0;
  const std::string name =
      word.substr(dashes ? 2 : 1, equals == std::string::npos ? equals : equals - (dashes ? 2 : 1));
  const auto found =
      std::find_if(spec_->options.begin(), spec_->options.end(), [&](const Option& o) { return o.name == name; });
  if (!dashes || found == spec_->options.end()) {
    std::vector<std::string> names;
    for (const Option& option : spec_->options) names.push_back(option.name);
    const std::string near = nearest(name, names);
    fail("unknown option " + quoted(word.substr(0, equals)) + (near.empty() ? "" : ", did you mean --" + near + "?"));
  }
  if (given_.count(name) != 0) fail("--" + name + " is given twice");
  if (found->type == Option::Type::flag) {
    if (equals != std::string::npos) fail("--" + name + " takes no value");
    given_[name] = "yes";
    return index;
  }
  std::string value;
  if (equals != std::string::npos) {
    value = word.substr(equals + 1);
  } else {
    if (index + 1 == words.size() || words[index + 1].rfind("--", 0) == 0) {
      fail("--" + name + " needs " + what_it_takes(*found));
    }
    value = words[++index];
  }
  check_value(*found, value);
  given_[name] = value;
  return index;
}

void Arguments::check_value(const Option& option, const std::string& value) const {
  if (acceptable(option, value)) return;
  const std::string near = option.type == Option::Type::choice ? nearest(value, option.choices) : "";
  fail("--" + option.name + " takes " + what_it_takes(option) + ", not " + quoted(value) +
       (near.empty() ? "" : "; did you mean " + near + "?"));
}

void Arguments::assign_positionals(const std::vector<std::string>& words) {
  size_t next = 0;
  for (const Positional& positional : spec_->positionals) {
    using Arity = Positional::Arity;
    const bool needed = positional.arity == Arity::one || positional.arity == Arity::at_least_one;
    const bool many = positional.arity == Arity::any || positional.arity == Arity::at_least_one;
    if (needed && next == words.size()) fail(positional.name + " is missing (" + positional.help + ")");
    const size_t last = many ? words.size() : std::min(next + 1, words.size());
    for (; next < last; ++next) positionals_[positional.name].push_back(words[next]);
  }
  if (next < words.size()) fail("unexpected argument " + quoted(words[next]));
}

const Option& Arguments::option(const std::string& name) const {
  for (const Option& option : spec_->options) {
    if (option.name == name) return option;
  }
  throw std::logic_error("the command " + spec_->name + " declares no option --" + name);
}

const Option& Arguments::declared(const std::string& name, Option::Type type) const {
  const Option& found = option(name);
  if (found.type != type) throw std::logic_error("the option --" + name + " was declared with another type");
  return found;
}

std::string Arguments::given_or_default(const Option& option) const {
  const auto found = given_.find(option.name);
  return found != given_.end() ? found->second : option.fallback;
}

bool Arguments::has(const std::string& name) const { return given_.count(option(name).name) != 0; }

bool Arguments::flag(const std::string& name) const {
  return given_.count(declared(name, Option::Type::flag).name) != 0;
}

int64_t Arguments::integer(const std::string& name) const {
  int64_t value = 0;
  if (!parse_integer(given_or_default(declared(name, Option::Type::integer)), &value)) {
    throw std::logic_error("--" + name + " was not given and has no default");
  }
  return value;
}

double Arguments::number(const std::string& name) const {
  double value = 0;
  if (!parse_number(given_or_default(declared(name, Option::Type::number)), &value)) {
    throw std::logic_error("--" + name + " was not given and has no default");
  }
  return value;
}

std::string Arguments::text(const std::string& name) const {
  const Option& found = option(name);
  return given_or_default(declared(name, found.type == Option::Type::choice ? found.type : Option::Type::text));
}

std::vector<int64_t> Arguments::integers(const std::string& name) const {
  const std::string text = given_or_default(declared(name, Option::Type::integers));
  std::vector<int64_t> values;
  if (text.empty()) return values;
  for (const std::string& part : split_at_commas(text)) {
    int64_t value = 0;
    parse_integer(part, &value);  // check_value has been here
    values.push_back(value);
  }
  return values;
}

void Arguments::require(const std::string& name) const {
  if (!has(name)) fail("--" + name + " is required (" + option(name).help + ")");
}

std::string Arguments::positional(const std::string& name) const {
  const std::vector<std::string> values = positionals(name);
  return values.empty() ? "" : values.front();
}

std::vector<std::string> Arguments::positionals(const std::string& name) const {
  const auto is_it = [&](const Positional& p) { return p.name == name; };
  if (std::none_of(spec_->positionals.begin(), spec_->positionals.end(), is_it)) {
    throw std::logic_error("the command " + spec_->name + " declares no argument " + name);
  }
  const auto found = positionals_.find(name);
  return found == positionals_.end() ? std::vector<std::string>() : found->second;
}

void Arguments::fail(const std::string& what) const {
  const std::string command = std::string(kProgram) + " " + spec_->name;
  throw Error(ExitCode::usage, command + ": " + what + (what.back() == '?' ? "" : ";") + " see " + command + " --help");
}

std::string nearest(const std::string& word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t best_distance = SIZE_MAX;
  if (word.size() > 64) return best;
  for (const std::string& candidate : candidates) {
    const bool is_start = word.size() >= 2 && candidate.rfind(word, 0) == 0;
    const size_t distance = is_start ? 1 : edit_distance(word, candidate);
    // Half of a word changed is another word.
    if (distance < best_distance && distance * 2 <= std::max(word.size(), candidate.size())) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best_distance <= 3 ? best : "";
}

std::string range_text(const Option& option) {
  switch (option.type) {
    case Option::Type::integer:
    case Option::Type::integers: return integer_range(option);
    case Option::Type::number: return number_range(option);
    case Option::Type::choice: return joined(option.choices, ", ");
    default: return "";
  }
}

bool parse_integer(const std::string& text, int64_t* value) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, *value);
  return result.ec == std::errc() && result.ptr == end && !text.empty();
}

bool parse_number(const std::string& text, double* value) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, *value);
  return result.ec == std::errc() && result.ptr == end && !text.empty() && std::isfinite(*value);
}

}  // namespace mote::tool
