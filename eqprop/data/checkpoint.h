#pragma once
// The checkpoint's container, and files that are either whole or not there. Little-endian:
//   8 bytes magic "EQPCKPT\0" | u32 version | u64 payload size | payload | u32 CRC-32 (zlib) of all before
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace eqprop {

/// Version of the container and of what it holds; raise it when either changes its meaning.
inline constexpr std::uint32_t kCheckpointVersion = 1;

/// Writes a payload with header and checksum, atomically: a reader sees the old file or the new one, also after a crash.
/// Throws InputError(file) when it cannot be written (disk full, folder missing); the old file is then untouched.
void write_checkpoint(const std::filesystem::path& path, std::span<const std::uint8_t> payload);

/// The payload of a checkpoint. Throws InputError(file), each in its own words, when the file is missing, no checkpoint, of another
/// version, truncated, too long, or when its checksum differs.
std::vector<std::uint8_t> read_checkpoint(const std::filesystem::path& path);

/// The same from a checkpoint's bytes; `name` is shown in errors.
std::vector<std::uint8_t> parse_checkpoint(std::span<const std::uint8_t> bytes, const std::string& name);

/// Writes a text file with the same promises as write_checkpoint.
void write_text_atomic(const std::filesystem::path& path, std::string_view text);

}  // namespace eqprop
