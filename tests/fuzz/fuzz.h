#pragma once
// What all fuzz targets share. A target is one .cpp with LLVMFuzzerTestOneInput: libFuzzer drives it in the preset `fuzz`, replay.cpp in
// every other build. A finding is an abort, a sanitizer's report, or an exception that is no InputError.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"

namespace eqprop::fuzz {

using Bytes = std::span<const std::uint8_t>;

/// Aborts, which is a finding, when a reader broke a promise.
inline void expect(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

/// What a reader makes of its input; nothing when it refused by an InputError, the one exception that a reader may throw.
template <class Read>
auto accepted(Read read) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const InputError& error) {
    expect(!error.message().empty(), "an error says what is wrong");
    expect(static_cast<int>(error.code()) < 200, "an error has a code of a config's or a file's block");
    expect(error.where().line >= 0 && error.where().column >= 0, "an error stands at a place of the file");
    return std::nullopt;
  }
}

inline std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// Takes bytes from the front; 0 and nothing when there are no more.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}
  std::uint8_t byte() {
    const Bytes one = take(1);
    return one.empty() ? std::uint8_t{0} : one[0];
  }
  std::size_t two_bytes() {
    const std::size_t low = byte();
    return low | static_cast<std::size_t>(byte()) << 8;
  }
  Bytes take(std::size_t count) {
    const Bytes front = rest_.first(count < rest_.size() ? count : rest_.size());
    rest_ = rest_.subspan(front.size());
    return front;
  }
  Bytes rest() const { return rest_; }

 private:
  Bytes rest_;
};

/// A temporary folder, removed at the end of the process. libFuzzer's end is none: fuzz.sh gives TMPDIR and cleans up.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "eqprop-fuzz-XXXXXX").string();
    expect(::mkdtemp(name.data()) != nullptr, "a temporary folder can be made");
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  /// Writes a file of this folder anew.
  std::filesystem::path write(const std::string& name, Bytes bytes) const {
    const auto file = path_ / name;
    std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return file;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace eqprop::fuzz
