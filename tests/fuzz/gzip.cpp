// Files that may be gzip, against zlib's inflate by hand. Input: the file.
#include <zlib.h>

#include <optional>
#include <vector>

#include "eqprop/data/file.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace eqprop;

constexpr std::size_t kLimit = std::size_t{1} << 24;

bool is_gzip(fuzz::Bytes bytes) { return bytes.size() > 1 && bytes[0] == 0x1f && bytes[1] == 0x8b; }

// member after member; what follows the last one is no part of the content
std::optional<std::vector<std::uint8_t>> inflate_all(fuzz::Bytes bytes) {
  std::vector<std::uint8_t> out;
  while (is_gzip(bytes)) {
    z_stream stream{};
    stream.next_in = const_cast<Bytef*>(bytes.data());
    stream.avail_in = static_cast<uInt>(bytes.size());
    fuzz::expect(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK, "zlib starts");
    int state = Z_OK;
    while (state == Z_OK && out.size() <= kLimit) {
      std::uint8_t part[4096];
      stream.next_out = part;
      stream.avail_out = sizeof part;
      state = inflate(&stream, Z_NO_FLUSH);
      out.insert(out.end(), part, part + (sizeof part - stream.avail_out));
    }
    const std::size_t left = stream.avail_in;
    inflateEnd(&stream);
    if (state != Z_STREAM_END || out.size() > kLimit) return std::nullopt;
    bytes = bytes.last(left);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  const fuzz::Bytes bytes(data, size);
  const auto file = folder.write("input", bytes);
  const auto content = fuzz::accepted([&] { return read_file(file, kLimit); });
  if (!is_gzip(bytes)) {
    fuzz::expect(content && *content == std::vector<std::uint8_t>(data, data + size), "a plain file is read as it is");
    return 0;
  }
  const auto wanted = inflate_all(bytes);
  fuzz::expect(content.has_value() == wanted.has_value(), "both accept the file, or none");
  if (content) fuzz::expect(*content == *wanted, "the content is as compressed");
  return 0;
}
