#pragma once
// The words of an error, for tests of messages.
#include <exception>
#include <string>

namespace eqprop::testing {

/// What the exception thrown by action() says; "nothing thrown" when it returns.
template <class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing thrown";
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace eqprop::testing
