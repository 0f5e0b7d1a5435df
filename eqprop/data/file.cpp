#include "eqprop/data/file.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "base/check.h"

namespace eqprop {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;

struct CloseGz {
  void operator()(gzFile file) const { gzclose_r(file); }
};

[[noreturn]] void fail(Code code, const std::filesystem::path& path, const std::string& message, const std::string& remedy) {
  throw InputError(code, {path.string()}, message, remedy);
}

}  // namespace

std::vector<std::uint8_t> read_file(const std::filesystem::path& path, std::size_t limit) {
  errno = 0;
  const std::unique_ptr<gzFile_s, CloseGz> file(gzopen(path.c_str(), "rb"));
  if (!file)
    fail(errno == ENOENT ? Code::missing_file : Code::unreadable, path,
         std::string("cannot open: ") + std::strerror(errno ? errno : ENOMEM), "expected a readable file, plain or gzip");

  std::vector<std::uint8_t> bytes;
  while (true) {
    const std::size_t at = bytes.size();
    bytes.resize(at + kChunk);
    errno = 0;
    const int got = gzread(file.get(), bytes.data() + at, static_cast<unsigned>(kChunk));
    const int system_error = errno;
    bytes.resize(at + static_cast<std::size_t>(std::max(got, 0)));
    int code = Z_OK;
    gzerror(file.get(), &code);
    if (code == Z_BUF_ERROR) {
      fail(Code::truncated, path, "gzip data ends too early, after " + std::to_string(bytes.size()) + " decompressed bytes",
           "fetch the file again");
    }
    if (code == Z_ERRNO)
      fail(Code::unreadable, path, std::string("cannot read: ") + std::strerror(system_error), "expected a readable file, plain or gzip");
    if (code == Z_DATA_ERROR) {
      fail(Code::damaged, path, "damaged gzip data near decompressed byte " + std::to_string(bytes.size()), "fetch the file again");
    }
    if (got < 0 || code != Z_OK)
      fail(Code::damaged, path, "cannot decompress (zlib error " + std::to_string(code) + ")", "fetch the file again");
    if (bytes.size() > limit)
      fail(Code::wrong_format, path, "content is larger than " + std::to_string(limit) + " bytes", "is this the right file?");
    if (got == 0) return bytes;
  }
}

}  // namespace eqprop
