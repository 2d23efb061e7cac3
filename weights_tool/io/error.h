// The one exception of the host program: a line for the person at the terminal and the exit code of the process.
#pragma once
#include <stdexcept>
#include <string>

namespace mote::tool {

enum class ExitCode : int {
  ok = 0,
  failure = 1,        // something inside did not work
  usage = 2,          // the command line is wrong
  invalid_input = 3,  // a file's content is wrong
  io = 4,             // a file cannot be read or written
  over_budget = 5,    // a stated limit (bytes, multiply-accumulates) is exceeded
  interrupted = 130,  // Ctrl-C, after saving
};

// what(): one line without a newline: what is wrong, where (path, byte offset or line:column), what to do.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& line) : std::runtime_error(line), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

}  // namespace mote::tool
