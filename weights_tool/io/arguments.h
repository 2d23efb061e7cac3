// The command line of a subcommand: declared once, checked whole before any work starts, help text generated.
//
//   const CommandSpec kSample{
//       "sample", "draw pictures from a model",
//       {{"weights_tool sample fashion.mote --n 64 --out grid.png", "64 pictures as one grid"}},
//       {{"MODEL", "a .mote file"}},
//       {Option::integer("n", 64, 1, 1000000, "pictures to draw"), Option::text("out", "FILE", "write a PNG grid"),
//        Option::number("eta", 0.0, 0.0, 1.0, "noise of DDIM"), Option::choice("sampler", "ddim", {"ddim", "ddpm"},
//        "the update rule"), Option::flag("force", "replace existing files")}};
//   Arguments args(kSample, words);          // words after the subcommand's name
//   if (args.help_wanted()) { puts(help_text(kSample).c_str()); return 0; }
//   args.positional("MODEL"); args.integer("n"); args.has("out"); args.text("out"); args.flag("force");
//
// Accepted: --name value, --name=value, --flag, positionals anywhere, "--" before positionals that start with '-', -h
// and --help. Wrong command lines are Error(usage). Asking for a name or type that the spec does not have is a
// std::logic_error.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace mote::tool {

struct Example {
  std::string line;     // what to type
  std::string purpose;  // what it does
};

struct Positional {
  enum class Arity { one, optional, any, at_least_one };
  std::string name;  // in capitals
  std::string help;
  Arity arity = Arity::one;  // `any` and `at_least_one` only for the last one
};

struct Option {
  enum class Type { flag, integer, number, text, choice, integers };
  Type type = Type::flag;
  std::string name;  // without the dashes
  std::string value_name;
  std::string help;
  std::string fallback;  // what stands when the option is not given; "" = nothing
  int64_t integer_low = 0, integer_high = 0;
  double number_low = 0, number_high = 0;
  std::vector<std::string> choices;

  static Option flag(std::string name, std::string help);
  static Option integer(std::string name, int64_t fallback, int64_t low, int64_t high, std::string help);
  static Option integer(std::string name, int64_t low, int64_t high, std::string help);  // no default: ask has() first
  static Option number(std::string name, double fallback, double low, double high, std::string help);
  static Option number(std::string name, double low, double high, std::string help);
  static Option text(std::string name, std::string value_name, std::string help, std::string fallback = "");
  static Option choice(std::string name, std::string fallback, std::vector<std::string> choices, std::string help);
  // Comma-separated: --classes 0,3,9. Default: none.
  static Option integers(std::string name, int64_t low, int64_t high, std::string help);
};

struct CommandSpec {
  std::string name;
  std::string summary;
  std::vector<Example> examples;
  std::vector<Positional> positionals;
  std::vector<Option> options;
  std::string notes;  // paragraphs after the options, '\n' between them; may be empty
};

class Arguments {
 public:
  // The spec must outlive this. Once --help or -h is seen nothing else is checked.
  Arguments(const CommandSpec& spec, const std::vector<std::string>& words);

  bool help_wanted() const { return help_; }
  // True when the user gave it (a default does not count).
  bool has(const std::string& name) const;
  bool flag(const std::string& name) const;
  int64_t integer(const std::string& name) const;  // no default and not given: std::logic_error, as for number()
  double number(const std::string& name) const;
  std::string text(const std::string& name) const;  // also of a choice; "" when not given and without default
  std::vector<int64_t> integers(const std::string& name) const;
  // Error(usage) "weights_tool sample: --out is required" unless given.
  void require(const std::string& name) const;

  std::string positional(const std::string& name) const;  // "" for an optional one that is absent
  std::vector<std::string> positionals(const std::string& name) const;

  // For checks of the command's own: Error(usage) with the command's name in front and the hint to --help behind.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  const Option& option(const std::string& name) const;
  const Option& declared(const std::string& name, Option::Type type) const;
  size_t take_option(const std::vector<std::string>& words, size_t index);
  void check_value(const Option& option, const std::string& value) const;
  void assign_positionals(const std::vector<std::string>& words);
  std::string given_or_default(const Option& option) const;

  const CommandSpec* spec_;
  bool help_ = false;
  std::map<std::string, std::string> given_;
  std::map<std::string, std::vector<std::string>> positionals_;
};

// What --help prints: examples first, then usage, arguments, options with ranges and defaults. Ends with a newline.
std::string help_text(const CommandSpec& spec);

// The whole program: the table that main() dispatches on.
struct Command {
  const CommandSpec* spec;
  int (*run)(const std::vector<std::string>& words);  // words after the subcommand; returns the exit code
};
std::string program_help(const std::string& summary, const std::vector<Example>& examples,
                         const std::vector<Command>& commands);
// Unknown name: Error(usage) with the nearest one.
const Command& find_command(const std::string& name, const std::vector<Command>& commands);

// The candidate with the fewest edits, if it is near enough to be meant; "" otherwise.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

// What values an option takes, in a few words: "1 to 100", "at least 0", "ddim, ddpm"; "" when anything goes.
std::string range_text(const Option& option);

// Whole-string conversions; false when it is no such number or out of the type's range.
bool parse_integer(const std::string& text, int64_t* value);
bool parse_number(const std::string& text, double* value);  // finite

}  // namespace mote::tool
