// weights_tool: dispatches on the name of a subcommand and turns errors into one line and an exit code. Nothing else.
#include <mote/version.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "weights_tool/commands/commands.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"

namespace {

using mote::tool::CommandEntry;
using mote::tool::Error;
using mote::tool::ExitCode;

constexpr const char* kVersionLine = "weights_tool (mote) " MOTE_VERSION_STRING "\n";

std::string help() {
  std::string text =
      "weights_tool: train diffusion models on a desktop and export them for any device.\n\n"
      "Examples:\n"
      "  weights_tool train fashion.json --data /usr/share/datasets/fashion-mnist --out run\n"
      "  weights_tool export run/checkpoint.safetensors --out fashion.mote\n"
      "  weights_tool sample fashion.mote --n 64 --steps 10 --out grid.png\n\n"
      "Commands (weights_tool COMMAND --help says more):\n";
  for (const CommandEntry& entry : mote::tool::command_table()) {
    std::string name = entry.name;
    name.resize(name.size() < 10 ? 10 : name.size(), ' ');
    text += "  " + name + "  " + entry.summary + "\n";
  }
  return text + "\nExit codes: 0 ok, 1 failure, 2 usage, 3 invalid input, 4 input or output, 5 over budget.\n";
}

int dispatch(int argc, char** argv) {
  if (argc < 2) {
    std::fputs(help().c_str(), stderr);
    return static_cast<int>(ExitCode::usage);
  }
  const std::string word = argv[1];
  if (word == "--help" || word == "-h" || word == "help") return std::fputs(help().c_str(), stdout), 0;
  if (word == "--version") return std::fputs(kVersionLine, stdout), 0;
  std::vector<std::string> names;
  for (const CommandEntry& entry : mote::tool::command_table()) {
    if (word == entry.name) return entry.run(argc - 1, argv + 1);
    names.push_back(entry.name);
  }
  const std::string close = mote::tool::nearest(word, names);
  throw Error(ExitCode::usage, "there is no command '" + word + "'" +
                                   (close.empty() ? "; see weights_tool --help" : "; did you mean '" + close + "'?"));
}

int report(const char* line, ExitCode code) {
  std::fprintf(stderr, "weights_tool: %s\n", line);
  return static_cast<int>(code);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int code = dispatch(argc, argv);
    if (std::fflush(stdout) != 0) return report("cannot write to standard output", ExitCode::io);
    return code;
  } catch (const Error& error) {
    return report(error.what(), error.code());
  } catch (const std::bad_alloc&) {
    return report("out of memory", ExitCode::failure);
  } catch (const std::exception& error) {
    return report(error.what(), ExitCode::failure);
  }
}
