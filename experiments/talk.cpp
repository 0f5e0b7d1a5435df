#include "experiments/talk.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace eqprop {
namespace {

std::shared_ptr<spdlog::logger> make(const char* name, const char* pattern) {
  auto logger = spdlog::stderr_color_st(name);
  logger->set_pattern(pattern);
  return logger;
}

spdlog::logger& plain() {
  static const auto logger = make("plain", "%v");
  return *logger;
}
spdlog::logger& marked() {
  static const auto logger = make("marked", "%^%l%$: %v");
  return *logger;
}

}  // namespace

// the text is an argument, never a format: it may hold braces
void say_text(const std::string& text) { plain().info("{}", text); }
void warn_text(Code code, const std::string& text) { marked().warn("{} [{}]", text, code_name(code)); }
void error_text(const std::string& text) { marked().error("{}", text); }
void error_text(Code code, const std::string& text) { marked().error("{} [{}]", text, code_name(code)); }

}  // namespace eqprop
