#pragma once
// The three kinds of errors: ours (LogicError by check), the user's (InputError), numerics (a field of a report).
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/error_code.h"

namespace eqprop {

/// Throws std::logic_error with file and line of the caller when `ok` is false: a mistake of ours, never of the user.
void check(bool ok, std::string_view what, const char* file = __builtin_FILE(), int line = __builtin_LINE());

/// What kind of user's mistake, which decides the program's exit code.
enum class InputKind {
  config,  ///< usage or configuration: exit code 2
  file,    ///< an input file is missing, damaged or of another kind: exit code 3
};

/// Where in a file; line and column count from 1, 0 means unknown.
struct Where {
  std::string file;
  int line = 0;
  int column = 0;
};

/// The user's error: says what is wrong, where, what was expected and how to mend it. what() is "file:line:column: message (remedy) [EQ-003]".
class InputError : public std::runtime_error {
 public:
  /// `message` says what is wrong and what was expected; `remedy` (may be empty) how to mend it.
  InputError(Code code, Where where, const std::string& message, const std::string& remedy = {});
  Code code() const { return code_; }
  /// From the code's block: 1 .. 99 config, others file.
  InputKind kind() const { return static_cast<int>(code_) < 100 ? InputKind::config : InputKind::file; }
  const Where& where() const { return where_; }
  const std::string& message() const { return message_; }
  const std::string& remedy() const { return remedy_; }
  /// The same error at another place, for callers that know it better.
  InputError at(Where where) const { return {code_, std::move(where), message_, remedy_}; }

 private:
  Code code_;
  Where where_;
  std::string message_, remedy_;
};

}  // namespace eqprop
