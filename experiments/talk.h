#pragma once
// What the program says to people: standard error, so that standard output holds results alone.
#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/error_code.h"

namespace eqprop {

void say_text(const std::string& text);
void warn_text(Code code, const std::string& text);
void error_text(const std::string& text);
void error_text(Code code, const std::string& text);

/// A plain line.
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  say_text(fmt::format(format, std::forward<Args>(args)...));
}
/// A line that begins with "warning: " and ends with the code.
template <class... Args>
void warn(Code code, fmt::format_string<Args...> format, Args&&... args) {
  warn_text(code, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace eqprop
