#include "experiments/plot/gnuplot.h"

#include <fmt/format.h>

#include <cmath>

#include "base/check.h"
#include "experiments/child_process.h"

namespace eqprop {

std::string run_gnuplot(const std::string& script) {
  const ChildOutcome outcome = run_child({"gnuplot", "which draws the figures", "apt install gnuplot-nox"}, {"-d"}, script);
  if (outcome.exit_code != 0)
    throw InputError(Code::missing_program, {}, "gnuplot failed: " + one_line(outcome.err),
                     "gnuplot 5.4 with svg and pngcairo is needed: apt install gnuplot-nox");
  return outcome.out;
}

std::string gnuplot_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return out + "'";
}

std::string gnuplot_number(double value) { return std::isfinite(value) ? fmt::format("{:.8g}", value) : "NaN"; }

}  // namespace eqprop
