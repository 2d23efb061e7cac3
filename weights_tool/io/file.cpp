// POSIX files behind file.h. Reads and writes are retried when a signal interrupts them.
#include "weights_tool/io/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

constexpr size_t kWriteBuffer = size_t{1} << 18;
constexpr size_t kLargestTransfer = size_t{1} << 30;  // Linux moves at most 2 GiB in a call

[[noreturn]] void fail_with(const std::string& path, const std::string& what, int code) {
  std::string reason;
  switch (code) {
    case ENOENT: reason = "no such file or folder"; break;
    case EACCES: reason = "permission denied"; break;
    case EISDIR: reason = "it is a folder"; break;
    case ENOTDIR: reason = "a part of the path is no folder"; break;
    case ENOSPC: reason = "no space left on the device"; break;
    default: reason = std::generic_category().message(code);
  }
  throw Error(ExitCode::io, path + ": " + what + ": " + reason);
}

[[noreturn]] void fail_too_large(const std::string& path, uint64_t max_bytes) {
  throw Error(ExitCode::invalid_input, path + ": larger than the " + std::to_string(max_bytes) + " bytes allowed here");
}

// Closes on the way out.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

int open_retrying(const char* path, int flags, mode_t mode = 0) {
  int descriptor;
  do {
    descriptor = open(path, flags | O_CLOEXEC, mode);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

// Opens for reading and refuses folders.
int open_readable(const std::string& path, struct stat* status) {
  if (path.empty()) throw Error(ExitCode::io, "the path of a file to read is empty");
  const int descriptor = open_retrying(path.c_str(), O_RDONLY);
  if (descriptor < 0) fail_with(path, "cannot open", errno);
  if (fstat(descriptor, status) != 0 || S_ISDIR(status->st_mode)) {
    const int code = S_ISDIR(status->st_mode) ? EISDIR : errno;
    close(descriptor);
    fail_with(path, "cannot read", code);
  }
  return descriptor;
}

size_t read_some(int descriptor, uint8_t* to, size_t count, const std::string& path) {
  for (;;) {
    const ssize_t got = read(descriptor, to, std::min(count, kLargestTransfer));
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) fail_with(path, "cannot read", errno);
  }
}

// Until the end of the file, whatever size it claimed to have (files in /proc claim none).
std::vector<uint8_t> read_all(int descriptor, uint64_t claimed, uint64_t max_bytes, const std::string& path) {
  std::vector<uint8_t> bytes(static_cast<size_t>(std::min(claimed, max_bytes)) + 1);
  size_t filled = 0;
  for (;;) {
    if (filled == bytes.size()) bytes.resize(bytes.size() + std::max<size_t>(bytes.size(), 1 << 16));
    const size_t got = read_some(descriptor, bytes.data() + filled, bytes.size() - filled, path);
    if (got == 0) break;
    filled += got;
    if (filled > max_bytes) fail_too_large(path, max_bytes);
  }
  bytes.resize(filled);
  return bytes;
}

bool has_status(const std::string& path, struct stat* status) { return stat(path.c_str(), status) == 0; }

bool is_stream(const struct stat& status) {
  return S_ISCHR(status.st_mode) || S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
}

[[noreturn]] void fail_exists(const std::string& path) {
  throw Error(ExitCode::io, path + " exists; use --force to replace it");
}

// Where a chain of symbolic links ends; the path itself when there is none.
std::string resolve(const std::string& path) {
  char* real = realpath(path.c_str(), nullptr);
  if (real == nullptr) return path;
  std::string out = real;
  free(real);
  return out;
}

bool sync_retrying(int descriptor) {
  while (fsync(descriptor) != 0) {
    if (errno == EINVAL || errno == ENOTSUP) return true;  // a file system without it
    if (errno != EINTR) return false;
  }
  return true;
}

void write_retrying(int descriptor, const uint8_t* from, size_t count, const std::string& path) {
  while (count > 0) {
    const ssize_t wrote = write(descriptor, from, std::min(count, kLargestTransfer));
    if (wrote < 0) {
      if (errno == EINTR) continue;
      fail_with(path, "cannot write", errno);
    }
    from += wrote;
    count -= static_cast<size_t>(wrote);
  }
}

}  // namespace

std::vector<uint8_t> read_file(const std::string& path, uint64_t max_bytes) {
  struct stat status {};
  const Descriptor file(open_readable(path, &status));
  const uint64_t claimed = S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
  if (claimed > max_bytes) fail_too_large(path, max_bytes);
  return read_all(file.get(), claimed, max_bytes, path);
}

std::string read_text_file(const std::string& path, uint64_t max_bytes) {
  const std::vector<uint8_t> bytes = read_file(path, max_bytes);
  return std::string(bytes.begin(), bytes.end());
}

MappedFile::MappedFile(const std::string& path, uint64_t max_bytes) {
  struct stat status {};
  const Descriptor file(open_readable(path, &status));
  const uint64_t size = S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
  if (size > max_bytes) fail_too_large(path, max_bytes);
  if (size > 0 && size <= SIZE_MAX) {
    void* pages = mmap(nullptr, static_cast<size_t>(size), PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (pages != MAP_FAILED) {
      data_ = static_cast<const uint8_t*>(pages);
      size_ = static_cast<size_t>(size);
      mapped_ = true;
      return;
    }
  }
  copy_ = read_all(file.get(), size, std::min(max_bytes, kDefaultFileCap), path);
  data_ = copy_.data();
  size_ = copy_.size();
}

MappedFile::~MappedFile() {
  if (mapped_) munmap(const_cast<uint8_t*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  std::swap(copy_, other.copy_);
  return *this;
}

// Pages that other bytes lie in too stay.
void MappedFile::forget(ByteView part) const {
  if (!mapped_ || part.size == 0) return;
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t begin = (static_cast<size_t>(part.data - data_) + page - 1) / page * page;
  const size_t end = (static_cast<size_t>(part.data - data_) + part.size) / page * page;
  if (begin < end) madvise(const_cast<uint8_t*>(data_) + begin, end - begin, MADV_DONTNEED);
}

void refuse_existing(const std::string& path, bool force) {
  if (path.empty()) throw Error(ExitCode::io, "the path of a file to write is empty");
  struct stat status {};
  if (lstat(path.c_str(), &status) == 0) {
    if (S_ISLNK(status.st_mode) && !has_status(path, &status)) {
      throw Error(ExitCode::io, path + ": a symbolic link that leads nowhere; remove it first");
    }
    if (S_ISDIR(status.st_mode)) fail_with(path, "cannot write", EISDIR);
    if (is_stream(status)) return;
    if (!force) fail_exists(path);
  }
  const std::string folder = parent_directory(resolve(path));
  if (!has_status(folder, &status)) throw Error(ExitCode::io, path + ": the folder " + folder + " does not exist");
  if (!S_ISDIR(status.st_mode)) throw Error(ExitCode::io, path + ": " + folder + " is no folder");
  if (access(folder.c_str(), W_OK) != 0) fail_with(path, "cannot write in " + folder, errno);
}

AtomicFile::AtomicFile(const std::string& path, bool force) : path_(path), target_(path), force_(force) {
  refuse_existing(path, force);
  target_ = resolve(path);
  struct stat status {};
  const bool exists = has_status(target_, &status);
  if (exists && is_stream(status)) {
    descriptor_ = open_retrying(target_.c_str(), O_WRONLY);
    if (descriptor_ < 0) fail_with(path_, "cannot open for writing", errno);
    return;
  }
  static std::atomic<unsigned> counter{0};
  for (int attempt = 0; attempt < 100 && descriptor_ < 0; ++attempt) {
    temporary_ = target_ + ".tmp-" + std::to_string(getpid()) + "-" + std::to_string(counter++);
    descriptor_ = open_retrying(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (descriptor_ < 0 && errno != EEXIST) break;
  }
  if (descriptor_ < 0) fail_with(path_, "cannot create " + temporary_, errno);
  // Replacing a file should not change who may read it. Not being allowed to is no reason to lose the data.
  if (exists && fchmod(descriptor_, status.st_mode & 07777) != 0) errno = 0;
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t size) {
  if (descriptor_ < 0) throw std::logic_error("AtomicFile::write after commit");
  const uint8_t* from = static_cast<const uint8_t*>(data);
  written_ += size;
  if (buffer_.size() + size > kWriteBuffer) flush();
  if (size > kWriteBuffer) {
    write_retrying(descriptor_, from, size, path_);
  } else if (size > 0) {
    buffer_.insert(buffer_.end(), from, from + size);
  }
}

void AtomicFile::flush() {
  write_retrying(descriptor_, buffer_.data(), buffer_.size(), path_);
  buffer_.clear();
}

void AtomicFile::rewrite(uint64_t offset, const void* data, size_t size) {
  if (descriptor_ < 0 || !can_rewrite() || offset > written_ || size > written_ - offset)
    throw std::logic_error("AtomicFile::rewrite of what cannot be rewritten");
  flush();
  const uint8_t* from = static_cast<const uint8_t*>(data);
  while (size > 0) {
    const ssize_t count = pwrite(descriptor_, from, size, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail("cannot write");
    from += count;
    offset += static_cast<uint64_t>(count);
    size -= static_cast<size_t>(count);
  }
}

void AtomicFile::fail(const char* what) const { fail_with(path_, what, errno); }

void AtomicFile::commit() {
  if (descriptor_ < 0) throw std::logic_error("AtomicFile::commit twice");
  flush();
  const bool device = temporary_.empty();
  if (!device && !sync_retrying(descriptor_)) fail("cannot flush to the disk");
  const int descriptor = std::exchange(descriptor_, -1);
  if (close(descriptor) != 0 && errno != EINTR) fail("cannot write");
  if (device) return;
  place();
  const Descriptor folder(open_retrying(parent_directory(target_).c_str(), O_RDONLY | O_DIRECTORY));
  if (folder.get() >= 0 && !sync_retrying(folder.get())) fail("cannot flush the folder to the disk");
}

// Without force the name must still be free: link() says so atomically where the file system has it.
void AtomicFile::place() {
  if (!force_) {
    if (link(temporary_.c_str(), target_.c_str()) == 0) {
      unlink(temporary_.c_str());
      temporary_.clear();
      return;
    }
    if (errno == EEXIST || path_exists(target_)) fail_exists(path_);
  }
  if (rename(temporary_.c_str(), target_.c_str()) != 0) fail("cannot rename into place");
  temporary_.clear();
}

void write_file(const std::string& path, ByteView bytes, bool force) {
  AtomicFile file(path, force);
  file.write(bytes);
  file.commit();
}

bool path_exists(const std::string& path) {
  struct stat status {};
  return has_status(path, &status);
}

bool is_directory(const std::string& path) {
  struct stat status {};
  return has_status(path, &status) && S_ISDIR(status.st_mode);
}

void create_directories(const std::string& path) {
  if (path.empty() || is_directory(path)) return;
  const std::string parent = parent_directory(path);
  if (parent != path) create_directories(parent);
  if (mkdir(path.c_str(), 0777) == 0 || is_directory(path)) return;
  if (errno == EEXIST) throw Error(ExitCode::io, path + ": exists and is no folder");
  fail_with(path, "cannot create the folder", errno);
}

std::vector<std::string> list_directory(const std::string& path) {
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) fail_with(path, "cannot list the folder", errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(folder)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    errno = 0;
  }
  const int code = errno;
  closedir(folder);
  if (code != 0) fail_with(path, "cannot list the folder", code);
  std::sort(names.begin(), names.end());
  return names;
}

void remove_file(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) fail_with(path, "cannot remove", errno);
}

std::string join_path(const std::string& folder, const std::string& name) {
  if (folder.empty()) return name;
  return folder.back() == '/' ? folder + name : folder + "/" + name;
}

std::string parent_directory(const std::string& path) {
  size_t end = path.size();
  while (end > 1 && path[end - 1] == '/') --end;
  size_t slash = path.rfind('/', end - (end > 0));
  if (end == 0 || slash == std::string::npos) return ".";
  while (slash > 0 && path[slash - 1] == '/') --slash;
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string file_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace mote::tool
