#include "experiments/crossbar_cells.h"

#include <map>
#include <string>

#include "base/check.h"

namespace eqprop {
namespace {

void refuse(const CLI::Option* option, bool fits, const std::string& wanted) {
  if (option->count() > 0 && !fits) throw InputError(Code::conflict, {}, option->get_name() + " says something only with " + wanted);
}

}  // namespace

void CellArguments::add_to(CLI::App& command) {
  static const std::map<std::string, CellKind> kinds = {
      {"1r", CellKind::resistor}, {"1t1r", CellKind::transistor}, {"1s1r", CellKind::selector}};
  command.add_option("--cell", cells.kind, "1r, 1t1r or 1s1r: what is in series with the device (default 1r)")
      ->transform(CLI::Transformer(kinds).description("1r|1t1r|1s1r"))
      ->check(CLI::IsMember({CellKind::resistor, CellKind::transistor, CellKind::selector}).description(""));
  command.add_option("--sinh-volt", cells.sinh_volt, "v0 of devices that carry I = G v0 sinh(v / v0); without it they are ohmic")
      ->check(CLI::PositiveNumber);
  read_ =
      command.add_option("--read-volt", cells.read_volt, "volts at which a sinh device's current is G v; without it G is its slope at 0 V")
          ->check(CLI::PositiveNumber);
  transistor_ = command.add_option("--transistor-ohm", cells.transistor_ohm, "1t1r: ohms of the channel at small voltages")
                    ->check(CLI::PositiveNumber)
                    ->capture_default_str();
  overdrive_ = command.add_option("--overdrive-volt", cells.overdrive_volt, "1t1r: drop at which the channel saturates; without it never")
                   ->check(CLI::PositiveNumber);
  ampere_ = command.add_option("--selector-ampere", cells.selector_ampere, "1s1r: Is of a selector that carries I = Is sinh(v / vs)")
                ->check(CLI::PositiveNumber)
                ->capture_default_str();
  volt_ = command.add_option("--selector-volt", cells.selector_volt, "1s1r: its vs")->check(CLI::PositiveNumber)->capture_default_str();
}

CellOptions CellArguments::given() const {
  refuse(read_, cells.sinh_volt > 0, "--sinh-volt");
  for (const CLI::Option* option : {transistor_, overdrive_}) refuse(option, cells.kind == CellKind::transistor, "--cell 1t1r");
  for (const CLI::Option* option : {ampere_, volt_}) refuse(option, cells.kind == CellKind::selector, "--cell 1s1r");
  cells.validate();
  return cells;
}

}  // namespace eqprop
