#pragma once
// Another program as a child process: a text goes in, texts come out.
#include <string>
#include <vector>

namespace eqprop {

struct ChildOutcome {
  int exit_code = 0;  ///< -1: ended by a signal
  std::string out, err;
};

/// A program that is found in PATH, and how to get it.
struct ChildProgram {
  std::string name;
  std::string purpose;  ///< "which draws the figures"
  std::string remedy;   ///< "apt install gnuplot-nox"
};

/// Runs it to its end with `in` as its standard input. Throws InputError(file) when it is not installed or cannot be started.
ChildOutcome run_child(const ChildProgram& program, const std::vector<std::string>& arguments, const std::string& in);

/// What a program said when it failed, on one line: without empty lines and marks that point into a line above, cut to 400 characters.
std::string one_line(const std::string& text);

}  // namespace eqprop
