// Which files of a folder are trained on, and their classes: a text file with a line "file,class" or "file,class,times"
// each, times (1 to 100) being how often an epoch shows the picture. A first line "file,class,times", empty lines and
// lines that begin with # are left out. Classes are numbered in the order in which the list first names them.
#pragma once
#include <string>
#include <vector>

namespace mote::tool {

struct ClassList {
  std::vector<std::string> files;    // as often as an epoch shows them, one after another
  std::vector<int> labels;           // of each of them
  std::vector<std::string> classes;  // names
};

// Error(invalid_input) with the line's number; of an empty list too. File names with a / in them are refused.
ClassList read_class_list(const std::string& path);

}  // namespace mote::tool
