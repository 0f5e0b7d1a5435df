#pragma once
// gnuplot as a child process: a script goes in, a picture comes out. No file name ever stands in a script, so nothing needs quoting but texts.
#include <string>
#include <string_view>

namespace eqprop {

/// Runs gnuplot on a script, without the user's own settings, and gives what it wrote to standard output.
/// Throws InputError(file) when gnuplot is not installed, or with what it said when it failed.
std::string run_gnuplot(const std::string& script);

/// A text as gnuplot takes it: in single quotes, quotes doubled; control characters become spaces.
std::string gnuplot_text(std::string_view text);

/// A number as gnuplot takes it: "NaN" (a gap) when it is not finite.
std::string gnuplot_number(double value);

}  // namespace eqprop
