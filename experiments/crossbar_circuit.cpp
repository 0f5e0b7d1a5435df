#include "experiments/crossbar_circuit.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/check.h"
#include "eqprop/data/matrix_csv.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;

// links and ../ resolved as far as there is something
fs::path resolved(const std::string& path) {
  std::error_code failed;
  const fs::path out = fs::weakly_canonical(path, failed);
  return failed ? fs::path(path) : out;
}

void check_folder(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path().empty() ? fs::path(".") : fs::path(path).parent_path();
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) throw InputError(Code::cannot_write, {path}, "this is a folder", "name a file");
  if (::access(parent.c_str(), W_OK | X_OK) != 0)
    throw InputError(Code::cannot_write, {path}, fmt::format("cannot write into {}: {}", parent.string(), std::strerror(errno)),
                     "the folder must be there, and yours to write to; nothing was written");
}

}  // namespace

std::string Circuit::size_text() const {
  return fmt::format("{} word lines x {} bit lines, {:g} ohm a segment", siemens.rows(), siemens.cols(), wires.segment_ohm);
}

std::string Circuit::caption(Eigen::Index vector) const {
  return size_text() + (volt.cols() == 1 ? "" : fmt::format(", vector {} of {}", vector, volt.cols())) +
         (direction == Direction::forward ? "" : ", read backward");
}

void CircuitArguments::add_tables_to(CLI::App& command) {
  command
      .add_option("--conductance", conductance, "CSV of siemens: word lines (inputs) in rows, bit lines (outputs) in columns; 0: no cell")
      ->required();
  command.add_option("--input", input, "CSV of volts: a row per driven line, a column per input vector")->required();
  wires.add_to(command);
  wires.wire->required();
  wires.driver->capture_default_str();
  wires.sense->capture_default_str();
}

void CircuitArguments::add_direction_to(CLI::App& command) {
  command.add_flag("--backward", backward, "drive the bit lines at their ends, sense the word lines");
  command.add_option("--tolerance", tolerance.residual, "largest Kirchhoff residual over the largest input current")
      ->check(CLI::Validator(
          [](const std::string& text) {
            double value = 0;
            return CLI::detail::lexical_cast(text, value) && value > 0 && value <= 1 ? std::string()
                                                                                     : "expected a number above 0, at most 1";
          },
          "0 .. 1"))
      ->capture_default_str();
}

Circuit CircuitArguments::read() const {
  const WireOptions lines = wires.given();
  const Circuit out{read_matrix_csv(conductance, 0), read_matrix_csv(input), lines, backward ? Direction::backward : Direction::forward};
  const Eigen::Index driven = backward ? out.siemens.cols() : out.siemens.rows();
  if (out.volt.rows() != driven)
    throw InputError(Code::files_disagree, {input, 0, 0},
                     fmt::format("{} rows, but {} has {} {} lines", out.volt.rows(), conductance, driven, backward ? "bit" : "word"),
                     "a row of volts per driven line, a column per input vector");
  if (out.siemens.maxCoeff() == 0)
    throw InputError(Code::bad_cell, {conductance, 0, 0}, "an open circuit: every cell is absent, no current can flow",
                     "conductances in siemens, word lines in rows, bit lines in columns");
  return out;
}

Eigen::VectorXd CircuitArguments::vector(const Circuit& circuit, const std::string& option, Eigen::Index number) const {
  if (number > circuit.volt.cols())
    throw InputError(Code::out_of_range, {fmt::format("{} {}", option, number), 0, 0},
                     fmt::format("{} has {} input vector{}", input, circuit.volt.cols(), circuit.volt.cols() == 1 ? "" : "s"),
                     "they count from 1");
  return circuit.volt.col(number - 1);
}

void check_outputs(std::initializer_list<NamedPath> inputs, std::initializer_list<NamedPath> outputs) {
  std::vector<NamedPath> seen;
  for (const NamedPath& file : inputs)
    if (!file.path.empty()) seen.push_back(file);
  for (const NamedPath& file : outputs) {
    if (file.path.empty()) continue;
    for (const NamedPath& other : seen)
      if (resolved(other.path) == resolved(file.path))
        throw InputError(Code::conflict, {}, fmt::format("{} and {} are the same file, {}", other.option, file.option, file.path),
                         fmt::format("another name for {}", file.option));
    check_folder(file.path);
    std::error_code none;
    if (const auto there = std::filesystem::status(file.path, none);
        std::filesystem::exists(there) && !std::filesystem::is_regular_file(there))
      throw InputError(Code::cannot_write, {file.path, 0, 0},
                       fmt::format("{} is no plain file, and it would be replaced by one", file.option),
                       "another name; without --out the currents are printed");
    seen.push_back(file);
  }
}

}  // namespace eqprop
