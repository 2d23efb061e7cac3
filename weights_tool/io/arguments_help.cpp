// The texts that --help prints, and the table of subcommands.
#include <algorithm>

#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

constexpr size_t kTextWidth = 100;
constexpr size_t kWidestLeft = 30;  // a longer left column gets a line of its own

using Row = std::pair<std::string, std::string>;

// Breaks at spaces; continuation lines start at column `indent`.
std::string wrapped(const std::string& text, size_t indent) {
  std::string out;
  size_t column = indent, at = 0;
  while (at < text.size()) {
    size_t end = std::min(text.find(' ', at), text.size());
    const size_t length = end - at;
    if (column > indent && column + 1 + length > kTextWidth) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out.append(text, at, length);
    column += length;
    at = end + 1;
  }
  return out;
}

std::string two_columns(const std::vector<Row>& rows) {
  size_t widest = 0;
  for (const Row& row : rows) {
    if (row.first.size() <= kWidestLeft) widest = std::max(widest, row.first.size());
  }
  std::string out;
  for (const Row& row : rows) {
    out += "  " + row.first;
    const size_t column = 2 + widest + 2;
    const bool fits = row.first.size() <= widest;
    out += fits ? std::string(widest - row.first.size() + 2, ' ') : "\n" + std::string(column, ' ');
    out += wrapped(row.second, column) + "\n";
  }
  return out;
}

std::string examples_text(const std::vector<Example>& examples) {
  std::string out = "Examples\n";
  for (const Example& example : examples) {
    out += "  " + example.line + "\n      " + wrapped(example.purpose, 6) + "\n";
  }
  return out + "\n";
}

std::string usage_text(const CommandSpec& spec) {
  std::string out = "Usage\n  weights_tool " + spec.name;
  for (const Positional& positional : spec.positionals) {
    switch (positional.arity) {
      case Positional::Arity::one: out += " " + positional.name; break;
      case Positional::Arity::optional: out += " [" + positional.name + "]"; break;
      case Positional::Arity::any: out += " [" + positional.name + "...]"; break;
      case Positional::Arity::at_least_one: out += " " + positional.name + "..."; break;
    }
  }
  return out + (spec.options.empty() ? "\n" : " [options]\n");
}

// " (0 to 1000, default 50)" behind an option's help; "" when there is nothing to say.
std::string details(const Option& option) {
  std::string inside = range_text(option);
  if (!option.fallback.empty()) {
    if (!inside.empty()) inside += option.type == Option::Type::choice ? "; " : ", ";
    inside += "default " + option.fallback;
  }
  return inside.empty() ? "" : " (" + inside + ")";
}

}  // namespace

std::string help_text(const CommandSpec& spec) {
  std::string out;
  if (!spec.examples.empty()) out += examples_text(spec.examples);
  out += usage_text(spec) + "  " + wrapped(spec.summary, 2) + "\n";
  if (!spec.positionals.empty()) {
    std::vector<Row> rows;
    for (const Positional& positional : spec.positionals) rows.emplace_back(positional.name, positional.help);
    out += "\nArguments\n" + two_columns(rows);
  }
  std::vector<Row> rows;
  for (const Option& option : spec.options) {
    const std::string value = option.value_name.empty() ? "" : " " + option.value_name;
    rows.emplace_back("--" + option.name + value, option.help + details(option));
  }
  rows.emplace_back("--help", "print this text");
  out += "\nOptions\n" + two_columns(rows);
  for (size_t at = 0; at < spec.notes.size();) {
    const size_t end = std::min(spec.notes.find('\n', at), spec.notes.size());
    out += "\n" + wrapped(spec.notes.substr(at, end - at), 0) + "\n";
    at = end + 1;
  }
  return out;
}

std::string program_help(const std::string& summary, const std::vector<Example>& examples,
                         const std::vector<Command>& commands) {
  std::string out;
  if (!examples.empty()) out += examples_text(examples);
  out += "Usage\n  weights_tool COMMAND [arguments] [options]\n  " + wrapped(summary, 2) + "\n\nCommands\n";
  std::vector<Row> rows;
  for (const Command& command : commands) rows.emplace_back(command.spec->name, command.spec->summary);
  return out + two_columns(rows) + "\nEach has a help text of its own: weights_tool COMMAND --help\n";
}

const Command& find_command(const std::string& name, const std::vector<Command>& commands) {
  std::vector<std::string> names;
  for (const Command& command : commands) {
    if (command.spec->name == name) return command;
    names.push_back(command.spec->name);
  }
  const std::string near = nearest(name, names);
  throw Error(ExitCode::usage, "weights_tool: unknown command \"" + name + "\"" +
                                   (near.empty() ? ";" : ", did you mean " + near + "?") + " see weights_tool --help");
}

}  // namespace mote::tool
