// The subcommands of weights_tool: one function each, one file each, and the table that main() dispatches on.
#pragma once
#include <string>
#include <vector>

namespace mote::tool {

// Each takes the words of its own command line, argv[0] being the subcommand's name, and returns the exit code of the
// process. What goes wrong is thrown as Error; main() prints it.
int run_train(int argc, char** argv);
int run_noise(int argc, char** argv);
int run_sample(int argc, char** argv);
int run_edit(int argc, char** argv);
int run_forward(int argc, char** argv);
int run_compare(int argc, char** argv);
int run_import(int argc, char** argv);
int run_export(int argc, char** argv);
int run_quantize(int argc, char** argv);
int run_plan(int argc, char** argv);
int run_inspect(int argc, char** argv);
int run_train_classifier(int argc, char** argv);
int run_eval(int argc, char** argv);
int run_signal(int argc, char** argv);
int run_sweep(int argc, char** argv);
int run_invert(int argc, char** argv);
int run_interpolate(int argc, char** argv);
int run_score(int argc, char** argv);

struct CommandEntry {
  const char* name;
  const char* summary;  // one line, no full stop
  int (*run)(int argc, char** argv);
};

const std::vector<CommandEntry>& command_table();

// The words after the subcommand's name, as Arguments (io/arguments.h) takes them.
inline std::vector<std::string> command_words(int argc, char** argv) {
  return std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc);
}

}  // namespace mote::tool
