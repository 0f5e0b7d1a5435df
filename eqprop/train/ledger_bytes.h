#pragma once
// Ledgers in checkpoints: the non-zero entries with their keys.
#include <cstdint>

#include "base/bytes.h"
#include "energy/ledger.h"

namespace eqprop {

/// What a file's counts may sum to: the other half of 64 bits is for what is still to be counted. More is damage.
inline constexpr std::int64_t kLargestCount = std::int64_t{1} << 62;

void save_ledger(const Ledger& ledger, ByteWriter& out);
/// Throws InputError(file) when a key or an amount is out of range or a key comes twice.
Ledger restore_ledger(ByteReader& in);

}  // namespace eqprop
