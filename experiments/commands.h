#pragma once
// One function per command: adds it to the program's arguments. When the command is chosen its result goes to `exit_code`; user's mistakes
// leave as InputError.
#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace eqprop {

inline constexpr int kExitDone = 0;
inline constexpr int kExitCheckFailed = 1;
inline constexpr int kExitConfig = 2;
inline constexpr int kExitFile = 3;
inline constexpr int kExitTarget = 4;

/// `arguments` as typed, the program first: for the command that resumes a run.
void add_train(CLI::App& app, const std::vector<std::string>& arguments, int& exit_code);
void add_eval(CLI::App& app, int& exit_code);
void add_energy(CLI::App& app, int& exit_code);
void add_gradcheck(CLI::App& app, int& exit_code);
void add_plot(CLI::App& app, int& exit_code);
void add_reproduce(CLI::App& app, int& exit_code);
void add_crossbar(CLI::App& app, int& exit_code);
void add_devices(CLI::App& app, int& exit_code);
/// `devices fit`; only where there is Ceres.
void add_devices_fit(CLI::App& devices, int& exit_code);
/// `import W`.
void add_import(CLI::App& app, int& exit_code);
void add_data(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);
void add_explain(CLI::App& app, int& exit_code);
void add_keys(CLI::App& app, int& exit_code);
/// `completion SHELL` and `man`, made from what `app` knows when they run.
void add_shell(CLI::App& app);

}  // namespace eqprop
