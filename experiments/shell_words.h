#pragma once
// Shell completion and the manual page, made from the program's own arguments: nothing is listed twice.
#include <CLI/CLI.hpp>

#include <string>

namespace eqprop {

std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);
std::string fish_completion(const CLI::App& app);
/// Page eqprop(1) in roff.
std::string manual_page(const CLI::App& app);

}  // namespace eqprop
