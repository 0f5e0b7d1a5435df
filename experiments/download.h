#pragma once
// One file from a web address into NAME.part, resumed where an earlier transfer stopped, checked by SHA-256 and then renamed.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "experiments/data_catalogue.h"
#include "experiments/digest.h"

namespace eqprop {

/// Told while a transfer runs, at least once a second: bytes in the .part file. Returns false to stop.
using OnBytes = std::function<bool(std::int64_t done)>;

enum class FetchEnd {
  done,     ///< the file is there and its checksum is right
  stopped,  ///< OnBytes asked for it; the .part file stays
};

/// Fetches address `url` (http, https or file) into `folder`/`file.name`. A .part file beside it is gone on with by an HTTP range; a server
/// that knows none sends all again. Throws InputError: not_fetched (network, answer of the server, cut short; the .part file stays), damaged
/// (length or checksum differ; the .part file is removed), cannot_write (folder, disk full, another program is at it).
FetchEnd fetch_file(const std::string& url, const DataFile& file, const std::filesystem::path& folder, const OnBytes& on_bytes);

}  // namespace eqprop
