#include "weights_tool/train/class_list.h"

#include <algorithm>
#include <map>

#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"

namespace mote::tool {
namespace {

constexpr size_t kMostTimes = 100;

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  for (const char c : line) {
    if (c == ',') {
      fields.emplace_back();
    } else {
      fields.back().push_back(c);
    }
  }
  return fields;
}

// 0: not such a number.
size_t times_of(const std::string& text) {
  size_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || value > kMostTimes) return 0;
    value = 10 * value + static_cast<size_t>(c - '0');
  }
  return value <= kMostTimes ? value : 0;
}

}  // namespace

ClassList read_class_list(const std::string& path) {
  const std::string text = read_text_file(path);
  ClassList list;
  std::map<std::string, int> numbers, seen;
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    const auto refuse = [&](const std::string& what) {
      throw Error(ExitCode::invalid_input, path + ":" + std::to_string(number) + ": " + what);
    };
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> fields = fields_of(line);
    if (list.files.empty() && fields[0] == "file") continue;
    if (fields.size() < 2 || fields.size() > 3 || fields[0].empty() || fields[1].empty()) {
      refuse("expected file,class or file,class,times");
    }
    if (fields[0].find('/') != std::string::npos) refuse("expected the name of a file in the folder, without /");
    if (!seen.emplace(fields[0], 0).second) refuse(fields[0] + " was named before");
    const size_t times = fields.size() == 3 ? times_of(fields[2]) : 1;
    if (times == 0) refuse("times is 1 to " + std::to_string(kMostTimes) + ", not '" + fields[2] + "'");
    const auto [place, added] = numbers.emplace(fields[1], static_cast<int>(numbers.size()));
    if (added) list.classes.push_back(fields[1]);
    list.files.insert(list.files.end(), times, fields[0]);
    list.labels.insert(list.labels.end(), times, place->second);
  }
  if (list.files.empty()) throw Error(ExitCode::invalid_input, path + ": names no files");
  return list;
}

}  // namespace mote::tool
