#include "eqprop/data/checkpoint.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <string>

#include "base/check.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;
using Bytes = std::span<const std::uint8_t>;

constexpr std::uint8_t kMagic[8] = {'E', 'Q', 'P', 'C', 'K', 'P', 'T', 0};
constexpr std::size_t kHeaderSize = sizeof kMagic + 4 + 8;
constexpr std::size_t kChecksumSize = 4;
constexpr std::size_t kChunk = std::size_t{1} << 20;

[[noreturn]] void fail(Code code, const fs::path& path, const std::string& message, const std::string& remedy) {
  throw InputError(code, {path.string()}, message, remedy);
}
[[noreturn]] void fail_write(const fs::path& path, const std::string& what, int error) {
  fail(Code::cannot_write, path, "cannot " + what + ": " + std::strerror(error),
       "is there space, and may you write to the folder? An older file is untouched");
}

void put_little_endian(std::uint64_t value, std::size_t size, std::uint8_t* out) {
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
}
std::uint64_t get_little_endian(const std::uint8_t* in, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value |= std::uint64_t{in[i]} << (8 * i);
  return value;
}

// an open file descriptor that closes itself
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  // 0 or the error number; some file systems report a failed write only here
  int close() {
    const int result = ::close(fd_);
    fd_ = -1;
    return result == 0 ? 0 : errno;
  }

 private:
  int fd_;
};

// removes a file at the end of the scope unless it was kept
struct Temporary {
  fs::path path;
  bool kept = false;
  ~Temporary() {
    if (!kept) ::unlink(path.c_str());
  }
};

// creates a new file beside `path`; name by process and count, so that writers never share one and leftovers do not disturb
int create_beside(const fs::path& path, fs::path& temporary) {
  static std::atomic<unsigned> count{0};
  int fd = -1;
  do {
    temporary = path;
    temporary += ".tmp" + std::to_string(::getpid()) + "-" + std::to_string(count++);
    fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd < 0 && (errno == EEXIST || errno == EINTR));
  return fd;
}

int write_all(int fd, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  return 0;
}

void write_atomic(const fs::path& path, std::initializer_list<Bytes> parts) {
  fs::path temporary_path;
  Descriptor file(create_beside(path, temporary_path));
  if (file.get() < 0) fail_write(path, "create a file in this folder", errno);
  Temporary temporary{temporary_path};
  for (const Bytes part : parts) {
    if (const int error = write_all(file.get(), part)) fail_write(path, "write", error);
  }
  if (::fsync(file.get()) != 0) fail_write(path, "write", errno);
  if (const int error = file.close()) fail_write(path, "write", error);
  if (::rename(temporary_path.c_str(), path.c_str()) != 0) fail_write(path, "replace the file", errno);
  temporary.kept = true;

  // the new name must outlive a crash too; a file system that cannot sync folders is let be
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) ::fsync(directory.get());
}

std::vector<std::uint8_t> read_plain(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) fail(Code::missing_file, path, "no such checkpoint", "nothing was saved here yet, or the path is wrong");
    fail(Code::unreadable, path, std::string("cannot open: ") + std::strerror(errno), "expected a readable checkpoint");
  }
  std::vector<std::uint8_t> bytes;
  while (true) {
    const std::size_t at = bytes.size();
    bytes.resize(at + kChunk);
    const ssize_t got = ::read(file.get(), bytes.data() + at, kChunk);
    const int error = errno;
    bytes.resize(at + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && error == EINTR) continue;
    if (got < 0) fail(Code::unreadable, path, std::string("cannot read: ") + std::strerror(error), "expected a readable checkpoint");
    if (got == 0) return bytes;
  }
}

}  // namespace

void write_checkpoint(const fs::path& path, Bytes payload) {
  std::uint8_t header[kHeaderSize], checksum[kChecksumSize];
  std::copy(std::begin(kMagic), std::end(kMagic), header);
  put_little_endian(kCheckpointVersion, 4, header + sizeof kMagic);
  put_little_endian(payload.size(), 8, header + sizeof kMagic + 4);
  uLong crc = crc32_z(0, header, kHeaderSize);
  if (!payload.empty()) crc = crc32_z(crc, payload.data(), payload.size());  // a null pointer would start the checksum anew
  put_little_endian(crc, kChecksumSize, checksum);
  write_atomic(path, {header, payload, checksum});
}

std::vector<std::uint8_t> read_checkpoint(const fs::path& path) { return parse_checkpoint(read_plain(path), path.string()); }

std::vector<std::uint8_t> parse_checkpoint(Bytes bytes, const std::string& path) {
  const std::string length = std::to_string(bytes.size());
  const std::size_t start = std::min(bytes.size(), sizeof kMagic);
  if (bytes.empty() || !std::equal(kMagic, kMagic + start, bytes.begin())) {
    fail(Code::wrong_format, path, "not a checkpoint, expected a file that begins with EQPCKPT", "is this the right file?");
  }
  if (bytes.size() < kHeaderSize)
    fail(Code::truncated, path, "truncated checkpoint: it ends within the header, at byte " + length, "use an older copy");
  const auto version = get_little_endian(bytes.data() + sizeof kMagic, 4);
  if (version != kCheckpointVersion) {
    fail(Code::other_version, path, "checkpoint of version " + std::to_string(version) + ", expected " + std::to_string(kCheckpointVersion),
         "read it with the version of eqprop that wrote it");
  }
  const std::uint64_t size = get_little_endian(bytes.data() + sizeof kMagic + 4, 8);
  const std::size_t room = bytes.size() - kHeaderSize;
  if (room < kChecksumSize || size > room - kChecksumSize) {
    fail(Code::truncated, path,
         "truncated checkpoint: it ends at byte " + length + ", expected a payload of " + std::to_string(size) + " bytes",
         "use an older copy");
  }
  if (size < room - kChecksumSize) {
    fail(Code::damaged, path, "checkpoint is longer (" + length + " bytes) than its header says", "use an older copy");
  }
  const std::size_t end = kHeaderSize + static_cast<std::size_t>(size);
  if (crc32_z(0, bytes.data(), end) != get_little_endian(bytes.data() + end, kChecksumSize)) {
    fail(Code::damaged, path, "damaged checkpoint: its checksum differs", "use an older copy");
  }
  return {bytes.begin() + static_cast<std::ptrdiff_t>(kHeaderSize), bytes.begin() + static_cast<std::ptrdiff_t>(end)};
}

void write_text_atomic(const fs::path& path, std::string_view text) {
  std::error_code none;
  const fs::file_status there = fs::status(path, none);  // of what a link points to
  if (fs::exists(there) && !fs::is_regular_file(there))
    fail(Code::cannot_write, path, "this is no plain file, and it would be replaced by one", "another name");
  const fs::path target = fs::is_symlink(path, none) && fs::exists(there) ? fs::canonical(path) : path;
  write_atomic(target, {Bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size())});
}

}  // namespace eqprop
