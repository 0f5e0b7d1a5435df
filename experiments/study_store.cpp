#include "experiments/study_store.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <sstream>

#include "base/parallel.h"
#include "experiments/experiment.h"
#include "experiments/fields.h"

namespace eqprop {
namespace {

// a number with the digits that tell it apart from its neighbours
std::string number(double x) { return fmt::format("{}", x); }

}  // namespace

std::string machine_name() {
  std::ifstream in("/proc/cpuinfo");
  std::string kind = "unknown processor";
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) {
      const auto at = line.find_first_not_of(" \t", line.find(':') + 1);
      if (at != std::string::npos) kind = line.substr(at);
      break;
    }
  return fmt::format("{}, {} cores", kind, hardware_threads());
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  return fmt::format("{:%Y-%m-%d}", parts);
}

Stored make_stored(const Study& study, const std::vector<StudyFigure>& figures, double cpu_minutes) {
  Stored out{machine_name(), today(), std::string(program_version()), cpu_minutes, {}, {}};
  for (const StudyFigure& figure : figures) {
    StoredFigure stored{figure.run, figure.name, figure.values, usual_tolerance(figure), {}};
    if (study.stored)
      for (const StoredFigure& before : study.stored->figures)
        if (before.run == figure.run && before.figure == figure.name) stored.tolerance = before.tolerance;
    out.figures.push_back(std::move(stored));
  }
  return out;
}

std::string stored_text(const Stored& stored) {
  FieldWriter writer;
  writer.section("stored");
  writer.text("machine", stored.machine);
  writer.text("date", stored.date);
  writer.text("version", stored.version);
  std::string text = writer.result() + fmt::format("cpu_minutes = {:.2f}\nfigures = [\n", stored.cpu_minutes);
  // names of runs and figures hold nothing that a text in quotes would need to escape
  for (const StoredFigure& f : stored.figures) {
    std::string values;
    for (const double v : f.values) values += (values.empty() ? "" : ", ") + number(v);
    text += fmt::format("  {{ run = \"{}\", figure = \"{}\", values = [{}]", f.run, f.figure, values);
    if (f.tolerance) text += ", tolerance = " + number(*f.tolerance);
    text += " },\n";
  }
  return text + "]\n";
}

std::string with_stored(const Study& study, const std::string& text, const Stored& stored) {
  std::string before;
  std::istringstream lines(text);
  int number = 1;
  for (std::string line; std::getline(lines, line) && !(study.stored && number >= study.stored->where.line); ++number)
    before += line + "\n";
  before.erase(before.find_last_not_of(" \n") + 1);
  return before + "\n\n" + stored_text(stored);
}

}  // namespace eqprop
