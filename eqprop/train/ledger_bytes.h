#pragma once
// Ledgers in checkpoints: the non-zero entries with their keys.
#include "base/bytes.h"
#include "energy/ledger.h"

namespace eqprop {

void save_ledger(const Ledger& ledger, ByteWriter& out);
/// Throws InputError(file) when a key is out of range.
Ledger restore_ledger(ByteReader& in);

}  // namespace eqprop
