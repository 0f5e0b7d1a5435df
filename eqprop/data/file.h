#pragma once
// Whole files into memory, gzip or plain. A format's reader parses the bytes and never touches the file itself.
#include <cstdint>
#include <filesystem>
#include <vector>

namespace eqprop {

/// The content of a file, decompressed when it begins like gzip, whatever its name.
/// Throws InputError(file) when it is missing, unreadable, a damaged or truncated gzip, or larger than `limit` bytes.
std::vector<std::uint8_t> read_file(const std::filesystem::path& path, std::size_t limit = std::size_t{1} << 31);

}  // namespace eqprop
