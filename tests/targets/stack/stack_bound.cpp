// stack_bound.cpp: the most stack that functions of a linked program can need, from the compiler's call graph.
//
//   stack_bound --map M --disassembly D --relocations R ROOT... -- A.ci B.ci ...
//
// M: the linker's map, D: objdump -d of the program, R: objdump -r of its objects, *.ci: what GCC's
// -fcallgraph-info=su wrote beside each object. Prints "ROOT BYTES" for each root (a name, or a prefix that ends in *),
// then the chain of calls of the deepest one. Without --map every function counts as linked (the fixtures).
//
// Rules, all on the safe side:
//   - Functions the compiler did not describe (libc, libgcc, another compiler): every push and every subtraction from sp
//     in their code added up, and every branch to another function taken for a call. Of the others the larger of what the
//     compiler says and of that sum: functions in assembly say nothing.
//   - An indirect call can reach each linked function whose address is taken, in the layers under the caller's: from
//     src/graph/ops those of src/kernels; from src/kernels those whose address the same object takes; from
//     src/selftest/self_test.cpp those of the other self-tests, and from these those of src/kernels; from the rest of the
//     library those of src/graph/ops and src/kernels. The callback parallel_for is the application's: firmware has none.
//   - Interrupts are not in it.
// Fails on recursion and on frames whose size is not known when compiling (variable arrays, alloca).
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Function {
  std::string name;    // as the linker knows it
  std::string object;  // path of its object without the extension; empty: known from the disassembly only
  long frame = 0;
  bool dynamic = false, indirect = false, linked = true;
  std::set<std::string> calls;  // keys
  enum { fresh, open, done } state = fresh;
  long depth = 0;
  std::string deepest;  // key of the callee that makes the depth
};

// Global functions have their names for keys, others "OBJECT:name".
std::map<std::string, Function> functions;
std::vector<std::string> failures;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail(path + ": cannot be read");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

std::string between(const std::string& text, const std::string& before, const std::string& after) {
  const size_t begin = text.find(before);
  if (begin == std::string::npos) return "";
  const size_t from = begin + before.size(), end = text.find(after, from);
  return end == std::string::npos ? "" : text.substr(from, end - from);
}

std::string without_extension(const std::string& path) { return path.substr(0, path.rfind('.')); }
std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// ---- the compiler's call graph --------------------------------------------------------------------------------------

// Titles of functions that are not global begin with their source file.
std::string key_of(const std::string& title, const std::string& object) {
  const size_t colon = title.rfind(':');
  return colon == std::string::npos ? title : object + ":" + title.substr(colon + 1);
}

void read_call_graph(const std::string& path) {
  const std::string object = without_extension(path);
  for (const std::string& line : lines_of(path)) {
    if (line.compare(0, 5, "node:") == 0) {
      const std::string title = between(line, "title: \"", "\""), label = between(line, "label: \"", "\"");
      const size_t bytes = label.rfind("\\n");
      if (has(line, "shape : ellipse") || bytes == std::string::npos) continue;  // defined elsewhere
      Function& f = functions[key_of(title, object)];
      f.name = title.substr(title.rfind(':') == std::string::npos ? 0 : title.rfind(':') + 1);
      f.object = object;
      const std::string usage = label.substr(0, label.find("\\n", label.find(" bytes (")));
      const size_t at = usage.rfind("\\n");
      f.frame = std::stol(usage.substr(at == std::string::npos ? 0 : at + 2));
      f.dynamic = has(label, "(dynamic");
    } else if (line.compare(0, 5, "edge:") == 0) {
      Function& f = functions[key_of(between(line, "sourcename: \"", "\""), object)];
      const std::string target = between(line, "targetname: \"", "\"");
      if (target == "__indirect_call")
        f.indirect = true;
      else
        f.calls.insert(key_of(target, object));
    }
  }
}

// ---- which functions the program has ---------------------------------------------------------------------------------

// The name of the function in a section ".text.NAME", ".text.unlikely.NAME" and so on; else "".
std::string function_of_section(const std::string& section) {
  for (const char* prefix : {".text.unlikely.", ".text.startup.", ".text.hot.", ".text.exit.", ".text."}) {
    const std::string text = prefix;
    if (section.compare(0, text.size(), text) == 0) return section.substr(text.size());
  }
  return "";
}

// Pairs "object base name:function" of sections that were kept.
std::set<std::string> linked_functions(const std::string& map) {
  std::set<std::string> linked;
  std::string section;
  bool placed = false;
  for (const std::string& line : lines_of(map)) {
    if (has(line, "Linker script and memory map")) placed = true;
    if (!placed) continue;
    std::istringstream words(line);
    std::string first, address, size, file;
    words >> first;
    if (first.compare(0, 5, ".text") == 0) {
      section = first;
      words >> address;
    } else {
      address = first;
    }
    words >> size >> file;
    if (address.compare(0, 2, "0x") != 0 || size.compare(0, 2, "0x") != 0 || !has(file, ".o")) continue;
    const std::string name = function_of_section(section);
    const std::string member = has(file, "(") ? between(file, "(", ")") : base_name(file);
    if (!name.empty()) linked.insert(without_extension(member) + ":" + name);
  }
  return linked;
}

// ---- functions without a description, from their code ------------------------------------------------------------------

int register_count(const std::string& list) {  // "r4, r5, r6-r8, lr"
  int count = 0;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) {
    const size_t dash = word.find('-');
    if (dash == std::string::npos) {
      ++count;
      continue;
    }
    const auto number = [](const std::string& text) {
      return std::stoi(text.substr(text.find_first_of("0123456789")));
    };
    count += number(word.substr(dash + 1)) - number(word.substr(0, dash)) + 1;
  }
  return count;
}

void read_instruction(const std::string& text, Function& f) {
  const std::string mnemonic = text.substr(0, text.find('\t'));
  const std::string operands = text.size() > mnemonic.size() ? text.substr(mnemonic.size() + 1) : "";
  const bool on_sp = operands.compare(0, 3, "sp,") == 0;
  if (mnemonic.compare(0, 4, "push") == 0 ||
      (mnemonic.compare(0, 5, "stmdb") == 0 && operands.compare(0, 3, "sp!") == 0))
    f.frame += 4 * register_count(between(operands, "{", "}"));
  if (mnemonic.compare(0, 5, "vpush") == 0)
    f.frame += (has(operands, "{d") ? 8 : 4) * register_count(between(operands, "{", "}"));
  if (has(operands, "[sp, #-")) f.frame += has(operands, "]!") ? std::stol(between(operands, "[sp, #-", "]")) : 0;
  if (mnemonic.compare(0, 3, "sub") == 0 && on_sp) {
    const size_t immediate = operands.find('#');
    if (immediate == std::string::npos)
      f.dynamic = true;
    else
      f.frame += std::stol(operands.substr(immediate + 1));
  }
  if (mnemonic[0] != 'b' && mnemonic.compare(0, 2, "cb") != 0) return;
  if (mnemonic == "blx" && operands[0] != '<' && !has(operands, "<")) f.indirect = true;
  std::string target = between(operands, "<", ">");
  target = target.substr(0, target.find("+0x"));
  if (!target.empty() && target != f.name) f.calls.insert(target);
}

// Of functions that the compiler described, the code may still say more: it knows no frame of naked ones in assembly.
void read_disassembly(const std::string& path) {
  std::map<std::string, std::vector<std::string>> described;
  for (const auto& [key, f] : functions)
    if (f.linked) described[f.name].push_back(key);
  std::vector<Function> found(1);
  for (const std::string& line : lines_of(path)) {
    const size_t tab = line.find('\t');
    if (line.size() > 2 && line.compare(line.size() - 2, 2, ">:") == 0) {
      found.emplace_back();
      found.back().name = between(line, "<", ">:");
    } else if (tab != std::string::npos) {
      read_instruction(line.substr(tab + 1), found.back());
    }
  }
  for (const Function& f : found) {  // several may have one name: each is as deep as the deepest
    std::vector<std::string> keys = described[f.name];
    if (keys.empty()) {
      keys.push_back(f.name);
      functions[f.name].name = f.name;
      functions[f.name].calls.insert(f.calls.begin(), f.calls.end());
      functions[f.name].indirect |= f.indirect;
    }
    for (const std::string& key : keys) {
      functions[key].frame = std::max(functions[key].frame, f.frame);
      functions[key].dynamic |= f.dynamic;
    }
  }
}

// ---- indirect calls ---------------------------------------------------------------------------------------------------

enum class Layer { operators, kernels, self_tests, self_test_runner, library, application };
Layer layer_of(const std::string& object) {
  if (has(object, "/src/graph/ops/")) return Layer::operators;
  if (has(object, "/src/kernels/")) return Layer::kernels;
  if (has(object, "/src/selftest/"))
    return base_name(object) == "self_test" ? Layer::self_test_runner : Layer::self_tests;
  return has(object, "/src/") ? Layer::library : Layer::application;
}

// Keys of the functions whose address is taken, named by a relocation that is not a branch, and the objects that do it.
using Takers = std::map<std::string, std::set<std::string>>;
Takers read_relocations(const std::string& path) {
  Takers taken;
  std::string object;
  bool code_or_data = false;
  for (const std::string& line : lines_of(path)) {
    if (has(line, "file format")) object = without_extension(line.substr(0, line.find(':')));
    if (has(line, "RELOCATION RECORDS FOR"))
      code_or_data = !has(line, "[.debug") && !has(line, "[.ARM.exidx") && !has(line, "[.eh_frame");
    std::istringstream words(line);
    std::string offset, type, value;
    if (!code_or_data || !(words >> offset >> type >> value)) continue;
    if (type != "R_ARM_ABS32" && type != "R_ARM_THM_MOVW_ABS_NC") continue;
    const std::string in_section = function_of_section(value);
    const std::string name = in_section.empty() ? value : in_section;
    for (const std::string& key : {object + ":" + name, name})
      if (functions.count(key) != 0) taken[key].insert(object);
  }
  return taken;
}

void resolve_indirect_calls(const Takers& taken) {
  for (auto& [key, f] : functions) {
    if (!f.indirect || !f.linked) continue;
    const Layer from = layer_of(f.object);
    size_t found = 0;
    for (const auto& [target, takers] : taken) {
      const Function& callee = functions[target];
      const Layer to = layer_of(callee.object);
      if (!callee.linked) continue;
      const bool reachable = (from == Layer::operators && to == Layer::kernels) ||
                             (from == Layer::kernels && takers.count(f.object) != 0) ||
                             (from == Layer::self_test_runner && to == Layer::self_tests) ||
                             (from == Layer::self_tests && to == Layer::kernels) ||
                             (from == Layer::library && (to == Layer::operators || to == Layer::kernels));
      if (!reachable) continue;
      f.calls.insert(target);
      ++found;
    }
    if (found == 0) failures.push_back(f.name + ": calls through a pointer, and no rule says which functions");
  }
}

// ---- depth ------------------------------------------------------------------------------------------------------------

long depth_of(const std::string& key, std::vector<std::string>& path) {
  Function& f = functions[key];
  path.push_back(f.name);
  if (f.state == Function::open) {
    std::string circle;
    for (size_t i = static_cast<size_t>(std::find(path.begin(), path.end(), f.name) - path.begin()); i < path.size();
         ++i)
      circle += (circle.empty() ? "" : " > ") + path[i];
    fail("recursion: " + circle);
  }
  if (f.state == Function::fresh) {
    f.state = Function::open;
    if (f.dynamic) failures.push_back(f.name + ": a frame whose size is not known when compiling");
    for (const std::string& callee : f.calls) {
      const auto found = functions.find(callee);
      if (found == functions.end() || !found->second.linked) continue;  // expanded in place, or not in this program
      const long depth = depth_of(callee, path);
      if (depth > f.depth) {
        f.depth = depth;
        f.deepest = callee;
      }
    }
    f.state = Function::done;
  }
  path.pop_back();
  return f.frame + f.depth;
}

struct Options {
  std::string map, disassembly, relocations;
  std::vector<std::string> roots, graphs;
};

Options read_options(int argc, char** argv) {
  Options options;
  bool graphs = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] { return i + 1 < argc ? std::string(argv[++i]) : std::string(); };
    if (graphs)
      options.graphs.push_back(word);
    else if (word == "--")
      graphs = true;
    else if (word == "--map")
      options.map = value();
    else if (word == "--disassembly")
      options.disassembly = value();
    else if (word == "--relocations")
      options.relocations = value();
    else
      options.roots.push_back(word);
  }
  if (options.roots.empty() || options.graphs.empty())
    fail("no roots, or no call graphs: see the head of stack_bound.cpp");
  return options;
}

void print_chain(std::string key) {
  std::printf("deepest:");
  for (; !key.empty(); key = functions[key].deepest)
    std::printf(" %s(%ld)", functions[key].name.c_str(), functions[key].frame);
  std::printf("\n");
}

void run(const Options& options) {
  for (const std::string& graph : options.graphs) read_call_graph(graph);
  if (!options.map.empty()) {
    const std::set<std::string> linked = linked_functions(options.map);
    for (auto& [key, f] : functions) f.linked = linked.count(base_name(f.object) + ":" + f.name) != 0;
  }
  if (!options.disassembly.empty()) read_disassembly(options.disassembly);
  if (!options.relocations.empty()) resolve_indirect_calls(read_relocations(options.relocations));
  std::vector<std::string> keys, path;
  for (const auto& [key, f] : functions) keys.push_back(key);
  std::string worst;
  long most = -1;
  for (const std::string& root : options.roots) {
    const bool prefix = root.back() == '*';
    size_t matches = 0;
    for (const std::string& key : keys) {
      if (prefix ? key.compare(0, root.size() - 1, root, 0, root.size() - 1) != 0 : key != root) continue;
      if (!functions[key].linked || functions[key].object.empty()) continue;
      const long depth = depth_of(key, path);
      std::printf("%s %ld\n", key.c_str(), depth);
      ++matches;
      if (depth > most) {
        most = depth;
        worst = key;
      }
    }
    if (matches == 0) fail(root + ": no such function");
  }
  print_chain(worst);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(read_options(argc, argv));
  } catch (const std::exception& error) {
    failures.push_back(error.what());
  }
  for (const std::string& failure : failures) std::fprintf(stderr, "stack_bound: %s\n", failure.c_str());
  return failures.empty() ? 0 : 1;
}
