// Runs a fuzz target without a fuzzer: over every file named on the command line, or lying in a folder named there,
// and over deterministic mutations of each. Link it with one fuzz_X.cpp: a crash, a sanitizer's complaint or abort()
// is the failure.
//   build/tests/fuzz/replay_png tests/data/fuzz/png --mutations 200
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Bytes = std::vector<uint8_t>;

// The same numbers on every machine (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  size_t below(size_t limit) {
    state_ += 0x9E3779B97F4A7C15u;
    uint64_t z = state_;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return limit == 0 ? 0 : static_cast<size_t>((z ^ z >> 31) % limit);
  }

 private:
  uint64_t state_;
};

// On the heap and of exact size, so that a sanitizer sees a read one byte too far.
void run(const Bytes& input) {
  uint8_t* copy = static_cast<uint8_t*>(std::malloc(std::max<size_t>(input.size(), 1)));
  if (copy == nullptr) std::abort();
  if (!input.empty()) std::memcpy(copy, input.data(), input.size());
  LLVMFuzzerTestOneInput(copy, input.size());
  std::free(copy);
}

void flip_bits(Bytes* bytes, Random* random) {
  for (size_t n = 1 + random->below(4); n > 0 && !bytes->empty(); --n) {
    uint8_t& byte = (*bytes)[random->below(bytes->size())];
    byte = static_cast<uint8_t>(byte ^ 1u << random->below(8));
  }
}

void set_extremes(Bytes* bytes, Random* random) {
  static const uint8_t kValues[] = {0, 1, 0x7F, 0x80, 0xFE, 0xFF};
  if (bytes->empty()) return;
  const size_t at = random->below(bytes->size()), count = std::min<size_t>(1 + random->below(4), bytes->size() - at);
  std::fill_n(bytes->begin() + static_cast<std::ptrdiff_t>(at), count, kValues[random->below(sizeof kValues)]);
}

// A piece of another seed, or of this one, in place of a piece.
void splice(Bytes* bytes, const Bytes& other, Random* random) {
  if (other.empty()) return;
  const size_t from = random->below(other.size()), count = 1 + random->below(other.size() - from);
  const size_t at = random->below(bytes->size() + 1),
               gone = random->below(std::min<size_t>(bytes->size() - at, 64) + 1);
  Bytes out(bytes->begin(), bytes->begin() + static_cast<std::ptrdiff_t>(at));
  out.insert(out.end(), other.begin() + static_cast<std::ptrdiff_t>(from),
             other.begin() + static_cast<std::ptrdiff_t>(from + count));
  out.insert(out.end(), bytes->begin() + static_cast<std::ptrdiff_t>(at + gone), bytes->end());
  bytes->swap(out);
}

Bytes mutated(const std::vector<Bytes>& seeds, size_t index, Random* random) {
  Bytes out = seeds[index];
  for (size_t n = 1 + random->below(3); n > 0; --n) {
    switch (random->below(4)) {
      case 0: flip_bits(&out, random); break;
      case 1: set_extremes(&out, random); break;
      case 2: out.resize(random->below(out.size() + 1)); break;
      default: splice(&out, seeds[random->below(seeds.size())], random);
    }
  }
  return out;
}

Bytes load(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

// Files below `path`, in the order of their names.
std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> out;
  if (!std::filesystem::is_directory(path)) return {path};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  size_t mutations = 0;
  std::vector<Bytes> seeds;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--mutations") == 0 && i + 1 < argc) {
      mutations = static_cast<size_t>(std::strtoull(argv[++i], nullptr, 10));
      continue;
    }
    if (!std::filesystem::exists(argv[i])) {
      std::fprintf(stderr, "%s: no such file or folder\n", argv[i]);
      return 4;
    }
    for (const auto& path : files_of(argv[i])) seeds.push_back(load(path));
  }
  if (seeds.empty()) {
    std::fprintf(stderr, "usage: %s FILE_OR_FOLDER... [--mutations N]\n", argv[0]);
    return 2;
  }
  for (size_t index = 0; index < seeds.size(); ++index) {
    run(seeds[index]);
    Random random(index + 1);
    for (size_t n = 0; n < mutations; ++n) run(mutated(seeds, index, &random));
  }
  std::printf("%zu files and %zu mutations of each\n", seeds.size(), mutations);
  return 0;
}
