#include "base/check.h"

namespace eqprop {
namespace {

std::string compose(Code code, const Where& where, const std::string& message, const std::string& remedy) {
  std::string text;
  if (!where.file.empty()) {
    text += where.file;
    if (where.line > 0) text.append(":").append(std::to_string(where.line));
    if (where.line > 0 && where.column > 0) text.append(":").append(std::to_string(where.column));
    text += ": ";
  }
  text += message;
  if (!remedy.empty()) text.append(" (").append(remedy).append(")");
  return text.append(" [").append(code_name(code)).append("]");
}

}  // namespace

void check(bool ok, std::string_view what, const char* file, int line) {
  if (!ok) throw std::logic_error(std::string(file) + ":" + std::to_string(line) + ": " + std::string(what));
}

InputError::InputError(Code code, Where where, const std::string& message, const std::string& remedy)
    : std::runtime_error(compose(code, where, message, remedy)),
      code_(code),
      where_(std::move(where)),
      message_(message),
      remedy_(remedy) {}

}  // namespace eqprop
