// JSON: what is accepted, what is refused and where, typed access, and the writer.
#include "weights_tool/io/json.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "tests/io/support.h"

using namespace mote::tool;
using test::contains;
using test::error_of;

namespace {

std::string parse_error(const std::string& text) {
  return error_of([&] { parse_json(text, "x.json"); });
}

std::string nested(int depth, const std::string& open, const std::string& close) {
  std::string out;
  for (int i = 0; i < depth; ++i) out += open;
  for (int i = 0; i < depth; ++i) out += close;
  return out;
}

}  // namespace

TEST_CASE("values of every kind are read") {
  const Json json = parse_json(" {\"a\": [1, -2.5, true, false, null, \"t\"], \"b\": {}} \r\n\t", "x");
  CHECK(json.kind() == Json::Kind::object);
  REQUIRE(json.members().size() == 2);
  CHECK(json.members()[0].first == "a");
  CHECK(json.members()[1].first == "b");
  const std::vector<Json>& items = json.find("a")->items();
  REQUIRE(items.size() == 6);
  CHECK(items[0].integer() == 1);
  CHECK(items[0].number() == 1.0);
  CHECK(!items[1].is_integer());
  CHECK(items[1].number() == -2.5);
  CHECK(items[2].boolean());
  CHECK(!items[3].boolean());
  CHECK(items[4].kind() == Json::Kind::null);
  CHECK(items[5].text() == "t");
  CHECK(json.find("c") == nullptr);
  CHECK(parse_json("3", "x").integer() == 3);
}

TEST_CASE("numbers keep the nearest double and, when whole, the exact integer") {
  CHECK(parse_json("9223372036854775807", "x").integer() == INT64_MAX);
  CHECK(parse_json("-9223372036854775808", "x").integer() == INT64_MIN);
  CHECK(!parse_json("9223372036854775808", "x").is_integer());
  CHECK(parse_json("9223372036854775808", "x").number() == 9223372036854775808.0);
  CHECK(parse_json("9007199254740993", "x").integer() == 9007199254740993);  // not a double
  CHECK(!parse_json("1.0", "x").is_integer());
  CHECK(!parse_json("1e2", "x").is_integer());
  CHECK(parse_json("1e2", "x").number() == 100.0);
  CHECK(parse_json("1E+2", "x").number() == 100.0);
  CHECK(parse_json("0.1", "x").number() == 0.1);
  CHECK(parse_json("2.2250738585072014e-308", "x").number() == std::numeric_limits<double>::min());
  CHECK(parse_json("1.7976931348623157e308", "x").number() == std::numeric_limits<double>::max());
  CHECK(parse_json("-0", "x").integer() == 0);
  CHECK(std::signbit(parse_json("-0", "x").number()));
  CHECK(parse_json("0e999", "x").number() == 0.0);
}

TEST_CASE("strings hold any Unicode character, escaped or not") {
  CHECK(parse_json("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "x").text() == "\"\\/\b\f\n\r\t");
  CHECK(parse_json("\"\\u0041\\u00e9\\u20AC\"", "x").text() == "A\xC3\xA9\xE2\x82\xAC");
  CHECK(parse_json("\"\\ud83d\\ude00\"", "x").text() == "\xF0\x9F\x98\x80");
  CHECK(parse_json("\"\xF0\x9F\x98\x80 \xC3\xA9\"", "x").text() == "\xF0\x9F\x98\x80 \xC3\xA9");
  CHECK(parse_json("\"\\u0000\"", "x").text() == std::string(1, '\0'));
  CHECK(parse_json("\"\x7F\"", "x").text() == "\x7F");
}

TEST_CASE("what is not JSON is refused with line and column") {
  CHECK(parse_error("") == "3: x.json:1:1: expected a value, found the end of the file");
  CHECK(parse_error("{\n  \"a\": 1,\n  \"b\" 2\n}") == "3: x.json:3:7: expected ':' after the key");
  CHECK(parse_error("[1, 2") == "3: x.json:1:6: expected ',' or ']'");
  CHECK(parse_error("[1 2]") == "3: x.json:1:4: expected ',' or ']'");
  CHECK(parse_error("{\"a\":1") == "3: x.json:1:7: expected ',' or '}'");
  CHECK(parse_error("[1,]") == "3: x.json:1:4: a comma before the end is not allowed");
  CHECK(parse_error("{\"a\":1,}") == "3: x.json:1:8: a comma before the end is not allowed");
  CHECK(parse_error("{a:1}") == "3: x.json:1:2: expected a key in double quotes");
  CHECK(parse_error("{1:1}") == "3: x.json:1:2: expected a key in double quotes");
  CHECK(parse_error("1 2") == "3: x.json:1:3: expected the end of the file after the value");
  CHECK(parse_error("{}x") == "3: x.json:1:3: expected the end of the file after the value");
  CHECK(parse_error("[1]\n// no") == "3: x.json:2:1: expected the end of the file after the value");
  CHECK(parse_error("\xEF\xBB\xBF{}") == "3: x.json:1:1: expected a value");
  for (const char* word :
       {"tru", "nul", "True", "NaN", "Infinity", "-Infinity", "'a'", "undefined", "{", "[", "\"", "}", "]", ",", ":"}) {
    CAPTURE(word);
    CHECK(contains(parse_error(word), "3: x.json:1:"));
  }
}

TEST_CASE("duplicate keys are refused at every depth, escaped ones too") {
  CHECK(parse_error("{\"a\": 1, \"a\": 2}") == "3: x.json:1:10: the key \"a\" appears twice");
  CHECK(parse_error("[{\"k\": {\"a\": 1, \"\\u0061\": 2}}]") == "3: x.json:1:17: the key \"a\" appears twice");
  CHECK(parse_error("{\"a\": {\"a\": 1}}") == "no error");
}

TEST_CASE("malformed numbers are refused") {
  for (const char* text : {"01", "-01", "00", "1.", ".5", "-", "+1", "1e", "1e+", "1.e5", "0x10", "1_000", "--1",
                           "1e400", "-1e400", "1e-400"}) {
    CAPTURE(text);
    CHECK(contains(parse_error(text), "3: x.json:1:"));
  }
  CHECK(parse_error("[10, 012]") == "3: x.json:1:6: a number may not start with 0");
  CHECK(parse_error("1e999") == "3: x.json:1:1: the number does not fit a float64");
}

TEST_CASE("malformed strings are refused") {
  CHECK(parse_error("[\"abc]") == "3: x.json:1:2: the string does not end");
  CHECK(contains(parse_error("\"\n\""), "control character"));
  CHECK(contains(parse_error(std::string("\"\0\"", 3)), "control character"));
  CHECK(contains(parse_error("\"\\x\""), "unknown escape"));
  CHECK(contains(parse_error("\"\\"), "unknown escape"));
  for (const char* text : {"\"\\u12\"", "\"\\u12G4\"", "\"\\u\"", "\"\\u+123\"", "\"\\u 123\""})
    CHECK(contains(parse_error(text), "four hexadecimal digits"));
  for (const char* text :
       {"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\n\"", "\"\\udc00\\ud800\""}) {
    CAPTURE(text);
    CHECK(contains(parse_error(text), "half of a surrogate pair"));
  }
}

TEST_CASE("bytes that are not UTF-8 are refused") {
  // Lone continuation, overlong forms, surrogates, above U+10FFFF, cut off, impossible bytes.
  for (const char* bytes : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xF0\x80\x80\x80",
                            "\xF0\x8F\xBF\xBF", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                            "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xFF", "\xFE", "\xC3\x28"}) {
    CAPTURE(bytes);
    CHECK(contains(parse_error(std::string("\"") + bytes + "\""), "not valid UTF-8"));
    CHECK(contains(parse_error(std::string("\"") + bytes), "not valid UTF-8"));
  }
  for (const char* bytes : {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
                            "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    CHECK(parse_json(std::string("\"") + bytes + "\"", "x").text() == bytes);
  }
}

TEST_CASE("nesting is allowed up to 64 levels") {
  CHECK(parse_error(nested(64, "[", "]")) == "no error");
  CHECK(contains(parse_error(nested(65, "[", "]")), "x.json:1:65: nested deeper than 64 levels"));
  CHECK(contains(parse_error(nested(100000, "[", "]")), "nested deeper than 64 levels"));
  CHECK(contains(parse_error(nested(100000, "{\"a\":", "}")), "nested deeper than 64 levels"));
}

TEST_CASE("typed access names the file, the key and what was found") {
  const Json json =
      parse_json(R"({"train": {"batch": "x", "rate": 0.1, "sizes": [1, 2, "three"], "flip": 1, "name": "a", "big": 7},
                                   "odd key": {"\n": 1}, "list": [{}], "nothing": null})",
                 "x");
  const JsonView view(json, "model.json");
  const JsonView train = view.at("train");
  CHECK(error_of([&] { train.at("batch").integer(1); }) ==
        "3: model.json: train.batch: expected an integer >= 1, got \"x\"");
  CHECK(error_of([&] { train.at("rate").integer(1, 9); }) ==
        "3: model.json: train.rate: expected an integer from 1 to 9, got 0.1");
  CHECK(error_of([&] { train.at("big").integer(INT64_MIN, 6); }) ==
        "3: model.json: train.big: expected an integer <= 6, got 7");
  CHECK(error_of([&] { train.at("sizes").integers(); }) ==
        "3: model.json: train.sizes[2]: expected an integer, got \"three\"");
  CHECK(error_of([&] { train.at("flip").boolean(); }) == "3: model.json: train.flip: expected true or false, got 1");
  CHECK(error_of([&] { train.at("rate").number(1, 2); }) ==
        "3: model.json: train.rate: expected a number from 1 to 2, got 0.1");
  CHECK(error_of([&] { train.at("sizes").number(); }) == "3: model.json: train.sizes: expected a number, got an array");
  CHECK(error_of([&] { train.at("big").text(); }) == "3: model.json: train.big: expected a string, got 7");
  CHECK(error_of([&] {
          train.at("name").one_of({"b", "c"});
        }) == "3: model.json: train.name: expected one of \"b\", \"c\", got \"a\"");
  CHECK(error_of([&] { train.at("steps"); }) == "3: model.json: train.steps: missing");
  CHECK(error_of([&] { view.at("train").at(0); }) == "3: model.json: train: expected an array, got an object");
  CHECK(error_of([&] { view.at("list").at(1); }) == "3: model.json: list: expected at least 2 items, got 1");
  CHECK(error_of([&] { view.at("list").at(0).at("z"); }) == "3: model.json: list[0].z: missing");
  CHECK(error_of([&] { view.at("list").at("z"); }) == "3: model.json: list: expected an object, got an array");
  CHECK(error_of([&] { view.at("nothing").integer_or("z", 1); }) ==
        "3: model.json: nothing: expected an object, got null");
  CHECK(error_of([&] { view.at("odd key").at("\n").text(); }) ==
        "3: model.json: \"odd key\".\"\\n\": expected a string, got 1");
  CHECK(error_of([&] { view.integer(); }) == "3: model.json: expected an integer, got an object");
  CHECK(error_of([&] { train.fail("batch and sizes disagree"); }) == "3: model.json: train: batch and sizes disagree");
}

TEST_CASE("long values are shortened in errors, between characters") {
  std::string word;
  for (int i = 0; i < 40; ++i) word += "\xC3\xA9";
  const Json json = Json::object().set("k", Json(word));
  const std::string error = error_of([&] { JsonView(json, "x").at("k").integer(); });
  CHECK(contains(error, "..."));
  CHECK(contains(error, "\xC3\xA9..."));
}

TEST_CASE("typed access returns values and fallbacks") {
  const Json json = parse_json(
      R"({"n": 5, "x": 2.5, "t": "word", "b": true, "list": [1, 2], "words": ["a"], "halves": [0.5, 1]})", "x");
  const JsonView view(json, "x");
  CHECK(view.at("n").integer(5, 5) == 5);
  CHECK(view.at("n").number() == 5.0);
  CHECK(view.at("x").number(2.5, 2.5) == 2.5);
  CHECK(view.at("t").text() == "word");
  CHECK(view.at("t").one_of({"word"}) == "word");
  CHECK(view.at("b").boolean());
  CHECK(view.at("list").integers() == std::vector<int64_t>{1, 2});
  CHECK(view.at("halves").numbers(0, 1) == std::vector<double>{0.5, 1});
  CHECK(view.at("words").texts() == std::vector<std::string>{"a"});
  CHECK(view.at("list").size() == 2);
  CHECK(view.at("list").items()[1].key_path() == "list[1]");
  CHECK(view.has("n"));
  CHECK(!view.has("m"));
  CHECK(view.keys().size() == 7);
  CHECK(view.integer_or("n", 9) == 5);
  CHECK(view.integer_or("m", 9) == 9);
  CHECK(view.number_or("m", 0.25, 0, 1) == 0.25);
  CHECK(view.number_or("x", 0.25, 0, 3) == 2.5);
  CHECK(view.boolean_or("m", true));
  CHECK(view.text_or("t", "none") == "word");
  CHECK(view.text_or("m", "none") == "none");
  CHECK(view.one_of_or("m", "b", {"a", "b"}) == "b");
  CHECK(contains(error_of([&] { view.integer_or("t", 1); }), "x: t: expected an integer"));
}

TEST_CASE("unknown keys are listed and refused with the nearest known one") {
  const Json json = parse_json(R"({"channels": 1, "grups": 2, "zzz": 3})", "x");
  const JsonView view(json, "m.json");
  const std::vector<std::string> known = {"channels", "groups"};
  CHECK(view.unknown_keys(known) == std::vector<std::string>{"grups", "zzz"});
  CHECK(error_of([&] { view.refuse_unknown(known); }) == "3: m.json: grups: unknown key, did you mean groups?");
  CHECK(error_of([&] { view.refuse_unknown({"channels", "grups"}); }) == "3: m.json: zzz: unknown key");
  CHECK(error_of([&] { view.refuse_unknown({"channels", "grups", "zzz"}); }) == "no error");
}

TEST_CASE("the writer's layout is fixed") {
  Json json = Json::object();
  json.set("name", "fashion").set("sizes", Json::array(std::vector<int>{16, 32, 48})).set("empty", Json::array());
  json.set("train", Json::object().set("rate", 2e-4).set("flip", true))
      .set("none", nullptr)
      .set("rows", Json::array().push(Json::array().push(1)).push(Json::object()));
  CHECK(write_json(json) == R"({
  "name": "fashion",
  "sizes": [16, 32, 48],
  "empty": [],
  "train": {"rate": 2e-04, "flip": true},
  "none": null,
  "rows": [
    [1],
    {}
  ]
})");
  CHECK(
      write_json(json, 0) ==
      R"({"name":"fashion","sizes":[16,32,48],"empty":[],"train":{"rate":2e-04,"flip":true},"none":null,"rows":[[1],{}]})");
  CHECK(write_json(Json::object()) == "{}");
  CHECK(write_json(Json("a\"\\\n\x01\x7F/\xC3\xA9")) == "\"a\\\"\\\\\\n\\u0001\\u007f/\xC3\xA9\"");
  std::vector<int> many(60, 1234);
  CHECK(contains(write_json(Json::array(many)), "[\n  1234,\n  1234,"));
  json.set("name", "other");
  CHECK(json.members()[0].second.text() == "other");
  CHECK(json.members().size() == 6);
}

TEST_CASE("numbers are written with the fewest digits that read back the same") {
  CHECK(write_json(Json(0.1)) == "0.1");
  CHECK(write_json(Json(0.1f)) == "0.1");
  CHECK(write_json(Json(static_cast<double>(0.1f))) == "0.10000000149011612");
  CHECK(write_json(Json(1.0)) == "1.0");
  CHECK(write_json(Json(-0.0)) == "-0.0");
  CHECK(write_json(Json(1e300)) == "1e+300");
  CHECK(write_json(Json(5)) == "5");
  CHECK(write_json(Json(INT64_MIN)) == "-9223372036854775808");
  CHECK(write_json(Json(UINT64_MAX)) == "18446744073709551616.0");  // no int64, hence a double
  CHECK(write_json(Json(std::numeric_limits<double>::quiet_NaN())) == "null");
  CHECK(write_json(Json(std::numeric_limits<float>::infinity())) == "null");
  uint64_t state = 1;
  for (int i = 0; i < 2000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    double value;
    std::memcpy(&value, &state, sizeof value);
    if (!std::isfinite(value) || (value != 0 && std::fabs(value) < 1e-300)) continue;
    CHECK(parse_json(write_json(Json(value)), "x").number() == value);
    const float single = static_cast<float>(value);
    if (std::isfinite(single)) CHECK(static_cast<float>(parse_json(write_json(Json(single)), "x").number()) == single);
  }
}

TEST_CASE("what is written reads back equal") {
  for (const char* text : {R"({"a":[1,2.5,-0,true,null,"\u0000\ud83d\ude00"],"b":{"c":{}},"":1e300})", "[]", "\"\"",
                           "-9223372036854775808", "[[[]]]"}) {
    const Json json = parse_json(text, "x");
    for (const int indent : {0, 1, 2, 4}) CHECK(parse_json(write_json(json, indent), "x") == json);
  }
  CHECK(parse_json("1", "x") != parse_json("1.0", "x"));
  CHECK(parse_json("{\"a\":1,\"b\":2}", "x") != parse_json("{\"b\":2,\"a\":1}", "x"));
}

TEST_CASE("using a value as what it is not is a logic error") {
  CHECK_THROWS_AS(Json(1).text(), std::logic_error);
  CHECK_THROWS_AS(Json("a").number(), std::logic_error);
  CHECK_THROWS_AS(Json(1.5).integer(), std::logic_error);
  CHECK_THROWS_AS(Json().items(), std::logic_error);
  CHECK_THROWS_AS(Json::array().set("a", 1), std::logic_error);
  CHECK_THROWS_AS(Json::object().push(1), std::logic_error);
}

TEST_CASE("files are read and written whole") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "a.json";
  write_json_file(path, Json::object().set("a", 1), false);
  CHECK(test::load(path).back() == '\n');
  CHECK(read_json(path).find("a")->integer() == 1);
  CHECK(contains(error_of([&] { write_json_file(path, Json(), false); }), "use --force"));
  test::save(path, std::string("{\"a\": }"));
  CHECK(error_of([&] { read_json(path); }) == "3: " + path + ":1:7: expected a value");
  CHECK(contains(error_of([&] { read_json(folder / "none.json"); }), "4: "));
}
