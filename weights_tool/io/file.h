// Files: read whole, mapped read-only, written atomically. With os.cpp the only place that talks to the operating
// system. Every failure is an Error whose line names the path: ExitCode::io when the system refuses,
// ExitCode::invalid_input when a file is larger than its cap.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weights_tool/io/bytes.h"

namespace mote::tool {

constexpr uint64_t kDefaultFileCap = uint64_t{4} << 30;

// The whole content; works for pipes and devices such as /dev/stdin too. More than `max_bytes`: Error(invalid_input).
std::vector<uint8_t> read_file(const std::string& path, uint64_t max_bytes = kDefaultFileCap);
std::string read_text_file(const std::string& path, uint64_t max_bytes = uint64_t{64} << 20);

// A file's bytes, mapped where the system can (regular files) and read into memory where it cannot (pipes). Page
// aligned when mapped. Move-only. A file that another program truncates while it is mapped is outside of what this can
// protect against.
class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(const std::string& path, uint64_t max_bytes = UINT64_MAX);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  ByteView bytes() const { return ByteView(data_, size_); }
  bool is_mapped() const { return mapped_; }
  // These bytes will not be needed soon and need not stay in memory. Reading them again works.
  void forget(ByteView part) const;

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
  bool mapped_ = false;
  std::vector<uint8_t> copy_;
};

// Writes beside the target and renames into place at commit(), so that the target is either as before or complete, also
// after kill -9 or power loss. Not committed: the temporary is removed and the target untouched. Existing targets are
// refused unless `force` ("X exists; use --force to replace it"), at construction and again at commit(). A symbolic
// link is followed; devices and pipes (/dev/stdout) are written to directly. The folder must exist.
class AtomicFile {
 public:
  AtomicFile(const std::string& path, bool force);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t size);
  void write(ByteView bytes) { write(bytes.data, bytes.size); }
  void write(std::string_view text) { write(text.data(), text.size()); }
  uint64_t written() const { return written_; }
  // Whether written bytes can be replaced: not those of devices and pipes.
  bool can_rewrite() const { return !temporary_.empty(); }
  // Replaces the bytes [offset, offset + size), all of which have been written. Needs can_rewrite().
  void rewrite(uint64_t offset, const void* data, size_t size);
  // Flushes to the disk, renames, flushes the folder. Call it once, last.
  void commit();

 private:
  void flush();
  void fail(const char* what) const;
  void place();

  std::string path_;       // as the user wrote it, for messages
  std::string target_;     // symbolic links resolved
  std::string temporary_;  // empty when writing to a device directly
  bool force_ = false;
  int descriptor_ = -1;
  uint64_t written_ = 0;
  std::vector<uint8_t> buffer_;
};

// AtomicFile in one call.
void write_file(const std::string& path, ByteView bytes, bool force);

bool path_exists(const std::string& path);
bool is_directory(const std::string& path);
// Throws the same Error(io) as AtomicFile would: ask before hours of work, not after. Also checks that the folder
// exists.
void refuse_existing(const std::string& path, bool force);
// Makes the directory and its parents; fine when it exists already.
void create_directories(const std::string& path);
// Names (not paths) in a directory, sorted by byte value, without "." and "..".
std::vector<std::string> list_directory(const std::string& path);
// Removes a file if it exists.
void remove_file(const std::string& path);

std::string join_path(const std::string& folder, const std::string& name);
std::string parent_directory(const std::string& path);  // "." for a bare name
std::string file_name(const std::string& path);         // what follows the last '/'

}  // namespace mote::tool
