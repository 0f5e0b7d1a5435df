#pragma once
// Where the sources of these tests lie.
#include <string>

namespace eqprop::testing {

/// The root of the repository, without a slash at its end.
std::string source_dir();

}  // namespace eqprop::testing
