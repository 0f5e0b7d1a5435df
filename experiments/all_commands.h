#pragma once
// The program's commands, for main() and for tests of what is made from its arguments.
#include "experiments/commands.h"

namespace eqprop {

/// Adds every command; `arguments` as typed, the program first. The chosen command's result goes to `exit_code`.
inline void add_all_commands(CLI::App& app, const std::vector<std::string>& arguments, int& exit_code) {
  add_train(app, arguments, exit_code);
  add_eval(app, exit_code);
  add_energy(app, exit_code);
  add_crossbar(app, exit_code);
  add_gradcheck(app, exit_code);
  add_plot(app, exit_code);
  add_reproduce(app, exit_code);
  add_devices(app, exit_code);
  add_import(app, exit_code);
  add_data(app, exit_code);
  add_doctor(app, exit_code);
  add_explain(app, exit_code);
  add_keys(app, exit_code);
  add_shell(app);
}

}  // namespace eqprop
