// Runs a subcommand in this process, its standard output caught.
#pragma once
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "tests/io/support.h"
#include "weights_tool/io/error.h"

namespace mote::test {

struct ToolResult {
  int code = 0;
  std::string error;   // the line of the Error that was thrown; empty: none
  std::string output;  // of stdout
};

using ToolCommand = int (*)(int argc, char** argv);

// words: what follows "weights_tool", the subcommand's name first.
inline ToolResult run_tool(ToolCommand command, std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::fflush(stdout);
  std::FILE* caught = std::tmpfile();
  REQUIRE(caught != nullptr);
  const int saved = dup(1);
  dup2(fileno(caught), 1);
  ToolResult result;
  try {
    result.code = command(static_cast<int>(words.size()), argv.data());
  } catch (const tool::Error& error) {
    result.code = static_cast<int>(error.code());
    result.error = error.what();
  }
  std::fflush(stdout);
  dup2(saved, 1);
  close(saved);
  std::rewind(caught);
  for (int c = std::fgetc(caught); c != EOF; c = std::fgetc(caught)) result.output.push_back(static_cast<char>(c));
  std::fclose(caught);
  CHECK(result.error.find('\n') == std::string::npos);
  return result;
}

}  // namespace mote::test
