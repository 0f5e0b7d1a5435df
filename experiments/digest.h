#pragma once
// Checksums of files.
#include <filesystem>
#include <string>

namespace eqprop {

/// SHA-256 of a file's bytes, 64 lower-case hexadecimal digits. Throws InputError(unreadable).
std::string sha256_of(const std::filesystem::path& file);

}  // namespace eqprop
