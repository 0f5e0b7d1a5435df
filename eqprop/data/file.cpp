#include "eqprop/data/file.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "base/check.h"

namespace eqprop {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kChunk = std::size_t{1} << 16;

[[noreturn]] void fail(Code code, const std::filesystem::path& path, const std::string& message, const std::string& remedy) {
  throw InputError(code, {path.string()}, message, remedy);
}

void check_size(const Bytes& bytes, std::size_t limit, const std::filesystem::path& path) {
  if (bytes.size() > limit)
    fail(Code::wrong_format, path, "content is larger than " + std::to_string(limit) + " bytes", "is this the right file?");
}

Bytes read_stored(const std::filesystem::path& path, std::size_t limit) {
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  errno = 0;
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rb"));
  if (!file)
    fail(errno == ENOENT ? Code::missing_file : Code::unreadable, path, std::string("cannot open: ") + std::strerror(errno),
         "expected a readable file, plain or gzip");
  Bytes bytes;
  while (true) {
    const std::size_t at = bytes.size();
    bytes.resize(at + kChunk);
    errno = 0;
    const std::size_t got = std::fread(bytes.data() + at, 1, kChunk, file.get());
    if (got < kChunk && std::ferror(file.get()) != 0)
      fail(Code::unreadable, path, std::string("cannot read: ") + std::strerror(errno), "expected a readable file, plain or gzip");
    bytes.resize(at + got);
    check_size(bytes, limit, path);
    if (got < kChunk) return bytes;
  }
}

bool is_gzip(const Bytes& bytes, std::size_t at) { return bytes.size() - at > 1 && bytes[at] == 0x1f && bytes[at + 1] == 0x8b; }

struct Inflate {
  z_stream stream{};
  Inflate() { check(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK, "zlib cannot start"); }
  ~Inflate() { inflateEnd(&stream); }
  Inflate(const Inflate&) = delete;
  Inflate& operator=(const Inflate&) = delete;
};

// appends one member, returns the position behind it. zlib's own gzread takes some streams that end early for whole ones
std::size_t inflate_member(const Bytes& stored, std::size_t at, std::size_t limit, const std::filesystem::path& path, Bytes& content) {
  Inflate inflate_state;
  z_stream& z = inflate_state.stream;
  constexpr std::size_t kMost = std::size_t{1} << 30;  // zlib counts in 32 bits
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    const std::size_t given = std::min(stored.size() - at, kMost);
    z.next_in = const_cast<Bytef*>(stored.data() + at);
    z.avail_in = static_cast<uInt>(given);
    const std::size_t filled = content.size();
    content.resize(filled + kChunk);
    z.next_out = content.data() + filled;
    z.avail_out = static_cast<uInt>(kChunk);
    code = inflate(&z, Z_NO_FLUSH);
    at += given - z.avail_in;
    content.resize(filled + kChunk - z.avail_out);
    check_size(content, limit, path);
    if (code == Z_DATA_ERROR || code == Z_NEED_DICT)
      fail(Code::damaged, path, "damaged gzip data near decompressed byte " + std::to_string(content.size()), "fetch the file again");
    if (code == Z_BUF_ERROR)
      fail(Code::truncated, path, "gzip data ends too early, after " + std::to_string(content.size()) + " decompressed bytes",
           "fetch the file again");
    if (code != Z_OK && code != Z_STREAM_END)
      fail(Code::damaged, path, "cannot decompress (zlib error " + std::to_string(code) + ")", "fetch the file again");
  }
  return at;
}

}  // namespace

std::vector<std::uint8_t> read_file(const std::filesystem::path& path, std::size_t limit) {
  Bytes stored = read_stored(path, limit);
  if (!is_gzip(stored, 0)) return stored;
  Bytes content;
  // what follows the last member is no part of the content
  for (std::size_t at = 0; is_gzip(stored, at);) at = inflate_member(stored, at, limit, path, content);
  return content;
}

}  // namespace eqprop
