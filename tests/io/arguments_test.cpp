// Command lines: what is accepted, how wrong ones are answered, and the help text.
#include "weights_tool/io/arguments.h"

#include <limits>
#include <stdexcept>

#include "tests/io/support.h"

using namespace mote::tool;
using test::contains;
using test::error_of;

namespace {

const CommandSpec& sample_spec() {
  static const CommandSpec spec{
      "sample",
      "draw pictures from a model",
      {{"weights_tool sample fashion.mote --n 64 --out grid.png", "64 pictures as one grid"}},
      {{"MODEL", "a .mote file"}, {"EXTRA", "more files", Positional::Arity::any}},
      {Option::integer("n", 64, 1, 1000000, "pictures to draw"),
       Option::integer("seed", 0, std::numeric_limits<int64_t>::max(), "of the noise"),
       Option::number("eta", 0.0, 0.0, 1.0, "noise of DDIM"),
       Option::number("rate", 0.0, std::numeric_limits<double>::infinity(), "of learning"),
       Option::choice("sampler", "ddim", {"ddim", "ddpm"}, "the update rule"),
       Option::text("out", "FILE", "write a PNG grid"), Option::text("name", "WORD", "what to call it", "plain"),
       Option::integers("classes", 0, 9, "which to draw"), Option::flag("force", "replace existing files")},
      "First paragraph.\nSecond paragraph.",
  };
  return spec;
}

Arguments parse(const std::vector<std::string>& words) { return Arguments(sample_spec(), words); }

std::string usage_error(const std::vector<std::string>& words) {
  return error_of([&] { parse(words); });
}

const std::string kHint = "; see weights_tool sample --help";

}  // namespace

TEST_CASE("options are read with blank or equals sign, in any order") {
  const Arguments args =
      parse({"--n", "5", "m.mote", "--eta=0.5", "--sampler", "ddpm", "--force", "--out=a=b.png", "--classes", "3,0,9"});
  CHECK(args.positional("MODEL") == "m.mote");
  CHECK(args.positionals("EXTRA").empty());
  CHECK(args.integer("n") == 5);
  CHECK(args.number("eta") == 0.5);
  CHECK(args.text("sampler") == "ddpm");
  CHECK(args.text("out") == "a=b.png");
  CHECK(args.flag("force"));
  CHECK(args.integers("classes") == std::vector<int64_t>{3, 0, 9});
  CHECK(args.has("n"));
}

TEST_CASE("defaults stand where nothing is given") {
  const Arguments args = parse({"m.mote"});
  CHECK(args.integer("n") == 64);
  CHECK(args.number("eta") == 0.0);
  CHECK(args.text("sampler") == "ddim");
  CHECK(args.text("out").empty());
  CHECK(args.text("name") == "plain");
  CHECK(!args.flag("force"));
  CHECK(args.integers("classes").empty());
  CHECK(!args.has("n"));
  CHECK_THROWS_AS(args.integer("seed"), std::logic_error);
  CHECK_THROWS_AS(args.number("rate"), std::logic_error);
}

TEST_CASE("positionals: several, behind two dashes, a lone dash") {
  const Arguments args = parse({"m.mote", "-", "--", "--n", "-x"});
  CHECK(args.positional("MODEL") == "m.mote");
  CHECK(args.positionals("EXTRA") == std::vector<std::string>{"-", "--n", "-x"});
  CHECK(usage_error({}) == "2: weights_tool sample: MODEL is missing (a .mote file)" + kHint);
  const CommandSpec one{"one", "", {}, {{"A", "a"}, {"B", "b", Positional::Arity::optional}}, {}, ""};
  CHECK(Arguments(one, {"x"}).positional("B").empty());
  CHECK(Arguments(one, {"x", "y"}).positional("B") == "y");
  CHECK(error_of([&] {
          Arguments(one, {"x", "y", "z"});
        }) == "2: weights_tool one: unexpected argument \"z\"; see weights_tool one --help");
  const CommandSpec many{"many", "", {}, {{"A", "a", Positional::Arity::at_least_one}}, {}, ""};
  CHECK(contains(error_of([&] { Arguments(many, {}); }), "A is missing"));
  CHECK(Arguments(many, {"1", "2"}).positionals("A").size() == 2);
}

TEST_CASE("negative values are values") {
  const CommandSpec spec{"c", "", {}, {}, {Option::integer("k", 0, -5, 5, ""), Option::number("x", 0, -1, 1, "")}, ""};
  const Arguments args(spec, {"--k", "-3", "--x", "-0.5"});
  CHECK(args.integer("k") == -3);
  CHECK(args.number("x") == -0.5);
}

TEST_CASE("wrong values are refused with what is allowed") {
  CHECK(usage_error({"m", "--n", "0"}) ==
        "2: weights_tool sample: --n takes an integer, 1 to 1000000, not \"0\"" + kHint);
  CHECK(usage_error({"m", "--n", "5x"}) ==
        "2: weights_tool sample: --n takes an integer, 1 to 1000000, not \"5x\"" + kHint);
  CHECK(usage_error({"m", "--seed", "-1"}) ==
        "2: weights_tool sample: --seed takes an integer, at least 0, not \"-1\"" + kHint);
  CHECK(usage_error({"m", "--eta", "1.5"}) ==
        "2: weights_tool sample: --eta takes a number, 0 to 1, not \"1.5\"" + kHint);
  CHECK(usage_error({"m", "--rate", "-1"}) ==
        "2: weights_tool sample: --rate takes a number, at least 0, not \"-1\"" + kHint);
  CHECK(usage_error({"m", "--sampler", "dimm"}) ==
        "2: weights_tool sample: --sampler takes one of ddim, ddpm, not \"dimm\"; did you mean ddim? see weights_tool "
        "sample --help");
  CHECK(contains(usage_error({"m", "--classes", "1,,2"}),
                 "--classes takes integers with commas between them, 0 to 9, not \"1,,2\""));
  CHECK(contains(usage_error({"m", "--classes", "10"}), "not \"10\""));
  CHECK(contains(usage_error({"m", "--out="}), "--out takes a value, not \"\""));
  for (const char* text : {"", " 1", "1 ", "+1", "0x1", "1e2", "1.0", "99999999999999999999"}) {
    CHECK(contains(usage_error({"m", std::string("--n=") + text}), "--n takes an integer"));
  }
  for (const char* text : {"", "nan", "inf", "0,5", "1e999", "0x1p0"})
    CHECK(contains(usage_error({"m", std::string("--eta=") + text}), "--eta takes a number"));
}

TEST_CASE("malformed options are refused") {
  CHECK(usage_error({"m", "--n"}) == "2: weights_tool sample: --n needs an integer, 1 to 1000000" + kHint);
  CHECK(usage_error({"m", "--out", "--force"}) == "2: weights_tool sample: --out needs a value" + kHint);
  CHECK(usage_error({"m", "--force=yes"}) == "2: weights_tool sample: --force takes no value" + kHint);
  CHECK(usage_error({"m", "--n", "1", "--n", "2"}) == "2: weights_tool sample: --n is given twice" + kHint);
  CHECK(usage_error({"m", "--smapler", "ddim"}) ==
        "2: weights_tool sample: unknown option \"--smapler\", did you mean --sampler? see weights_tool sample --help");
  CHECK(usage_error({"m", "--xyzzy=1"}) == "2: weights_tool sample: unknown option \"--xyzzy\"" + kHint);
  CHECK(usage_error({"m", "-n", "1"}) ==
        "2: weights_tool sample: unknown option \"-n\", did you mean --n? see weights_tool sample --help");
  CHECK(contains(usage_error({"m", "--a\nb"}), "unknown option \"--a?b\""));
}

TEST_CASE("require names what is missing") {
  CHECK(error_of([] { parse({"m"}).require("out"); }) ==
        "2: weights_tool sample: --out is required (write a PNG grid)" + kHint);
  CHECK(error_of([] { parse({"m", "--out", "x"}).require("out"); }) == "no error");
  CHECK(error_of([] { parse({"m"}).fail("--a and --b exclude each other"); }) ==
        "2: weights_tool sample: --a and --b exclude each other" + kHint);
}

TEST_CASE("help wins over errors, but not behind two dashes") {
  CHECK(parse({"--help"}).help_wanted());
  CHECK(parse({"--nonsense", "-h"}).help_wanted());
  CHECK(!parse({"m", "--", "--help"}).help_wanted());
}

TEST_CASE("asking for what was not declared is a logic error") {
  const Arguments args = parse({"m"});
  CHECK_THROWS_AS(args.integer("eta"), std::logic_error);
  CHECK_THROWS_AS(args.flag("nothing"), std::logic_error);
  CHECK_THROWS_AS(args.text("n"), std::logic_error);
  CHECK_THROWS_AS(args.positional("NOTHING"), std::logic_error);
}

TEST_CASE("the help text opens with examples and lists everything") {
  CHECK(help_text(sample_spec()) == R"(Examples
  weights_tool sample fashion.mote --n 64 --out grid.png
      64 pictures as one grid

Usage
  weights_tool sample MODEL [EXTRA...] [options]
  draw pictures from a model

Arguments
  MODEL  a .mote file
  EXTRA  more files

Options
  --n N              pictures to draw (1 to 1000000, default 64)
  --seed N           of the noise (at least 0)
  --eta X            noise of DDIM (0 to 1, default 0)
  --rate X           of learning (at least 0)
  --sampler NAME     the update rule (ddim, ddpm; default ddim)
  --out FILE         write a PNG grid
  --name WORD        what to call it (default plain)
  --classes N,N,...  which to draw (0 to 9)
  --force            replace existing files
  --help             print this text

First paragraph.

Second paragraph.
)");
}

TEST_CASE("long help is wrapped under its column") {
  const std::string words =
      "word word word word word word word word word word word word word word word word word word word word";
  const CommandSpec spec{"c",
                         words + " " + words,
                         {},
                         {},
                         {Option::flag("an-option-with-a-very-long-name-indeed", words), Option::flag("f", words)},
                         ""};
  const std::string text = help_text(spec);
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = text.find('\n', at);
    CHECK(end - at <= 100);
    at = end + 1;
  }
  CHECK(contains(text, "  --an-option-with-a-very-long-name-indeed\n          word"));
}

TEST_CASE("subcommands are found and misspelt ones corrected") {
  const auto run = [](const std::vector<std::string>&) { return 7; };
  static const CommandSpec train{"train", "train a model", {}, {}, {}, ""};
  const std::vector<Command> commands = {{&train, run}, {&sample_spec(), run}};
  CHECK(find_command("sample", commands).spec == &sample_spec());
  CHECK(find_command("train", commands).run({}) == 7);
  CHECK(error_of([&] { find_command("smaple", commands); }) ==
        "2: weights_tool: unknown command \"smaple\", did you mean sample? see weights_tool --help");
  CHECK(error_of([&] { find_command("quux", commands); }) ==
        "2: weights_tool: unknown command \"quux\"; see weights_tool --help");
  const std::string help =
      program_help("diffusion models for small machines", {{"weights_tool train c.json", "train"}}, commands);
  CHECK(help.rfind("Examples\n", 0) == 0);
  CHECK(contains(help, "  train   train a model\n  sample  draw pictures from a model\n"));
}

TEST_CASE("the nearest word is the one with the fewest edits, or none") {
  const std::vector<std::string> words = {"steps", "seed", "sampler", "out", "n"};
  CHECK(nearest("step", words) == "steps");
  CHECK(nearest("sede", words) == "seed");
  CHECK(nearest("samp", words) == "sampler");
  CHECK(nearest("otu", words) == "out");
  CHECK(nearest("verbose", words).empty());
  CHECK(nearest("x", words).empty());
  CHECK(nearest(std::string(10000, 'a'), words).empty());
}
