#pragma once
// Every code of base/error_code.h in words: what `eqprop explain` says and docs/errors.md lists.
#include <span>
#include <string>
#include <string_view>

#include "base/error_code.h"

namespace eqprop {

struct Explanation {
  Code code;
  std::string_view name;    ///< as in the enum, e.g. "unknown_key"
  std::string_view title;   ///< a few words
  std::string_view cause;   ///< what leads to it
  std::string_view remedy;  ///< what to do, with keys and commands
};

/// All of them, by rising code.
std::span<const Explanation> explanations();

/// The explanation of "EQ-012", "eq12", "12" or a name like "unknown_key". Throws InputError(config) for what is none, with the nearest.
const Explanation& explanation(std::string_view text);

/// What the program does after it: "ends with exit code 2", "a warning, the program goes on", ...
std::string_view consequence(Code code);

/// The heading of the block that a code stands in.
std::string_view heading_of(Code code);

/// docs/errors.md.
std::string explanations_markdown();

}  // namespace eqprop
