// The one file that knows the folder: the others are compiled once for all checkouts that share a compiler cache.
#include "tests/source_dir.h"

namespace eqprop::testing {

std::string source_dir() { return EQPROP_SOURCE_DIR; }

}  // namespace eqprop::testing
